package main

import (
	"errors"
	"strconv"
)

// parallelism is a flag's value: how many steps run at once.
type parallelism int

// String implements pflag.Value.
func (p *parallelism) String() string { return strconv.Itoa(int(*p)) }

// Type implements pflag.Value.
func (p *parallelism) Type() string { return "int" }

// Set implements pflag.Value.
func (p *parallelism) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("it must be a number of steps, 1 or more")
	}
	*p = parallelism(n)
	return nil
}
