// Package layout holds the programs that shape text: fold, fmt, column, expand,
// nl, paste, split and the like.
package layout

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"fold": fold, "fmt": format, "column": column, "expand": expand, "unexpand": unexpand, "nl": nl, "split": split,
		"shuf": shuf, "tsort": tsort, "factor": factor, "tac": tac, "rev": rev, "numfmt": numfmt, "csplit": csplit, "look": look, "pr": pr,
	}
}
