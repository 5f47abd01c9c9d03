package main

import "github.com/spf13/pflag"

// given are the values for variables on the command line, --var and --var-file,
// in the order in which they stand there: the last of a name wins.
type given struct {
	vars, files []placed
	next        int
}

type placed struct {
	text  string
	place int // from 1
}

// flag is a flag that may be repeated and notes its place among the others.
func (g *given) flag(into *[]placed) pflag.Value { return &givenFlag{given: g, into: into} }

type givenFlag struct {
	given *given
	into  *[]placed
}

// Set implements pflag.Value.
func (f *givenFlag) Set(s string) error {
	f.given.next++
	*f.into = append(*f.into, placed{text: s, place: f.given.next})
	return nil
}

// String implements pflag.Value.
func (f *givenFlag) String() string { return "" }

// Type implements pflag.Value.
func (f *givenFlag) Type() string { return "stringArray" }
