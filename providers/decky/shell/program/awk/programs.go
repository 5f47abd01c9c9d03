// Package awk is awk: the language of POSIX and what mawk says. It refuses system,
// pipes to commands that are not simulated and files outside the machine.
package awk

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"awk": awk, "mawk": awk, "gawk": awk,
	}
}
