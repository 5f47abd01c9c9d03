// Package find is find and xargs.
package find

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"find": find, "du": du, "xargs": xargs,
	}
}
