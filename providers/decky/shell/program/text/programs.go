// Package text holds the programs that read lines and write lines: cat, head, cut, sort,
// grep and the like, as coreutils and GNU grep have them. It refuses to know
// more of files than how to read them.
package text

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"cat": cat, "head": head, "tail": tail, "wc": wc, "cut": cut, "tr": tr, "uniq": uniq, "sort": sortCommand,
		"grep": grep, "egrep": grep, "fgrep": grep, "paste": paste,
		"seq": seq, "expr": expr, "basename": basename, "dirname": dirname, "tee": tee, "yes": yes,
	}
}
