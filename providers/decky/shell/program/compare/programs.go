// Package compare holds the programs that hold files against each other: cmp,
// comm, diff, join. It bounds what it compares: files that differ in too many
// lines are shown as wholly different.
package compare

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{"cmp": cmp, "comm": comm, "diff": diff, "join": join}
}
