// Package busybox is the multi-call binary: its list of applets and how it names them.
package busybox

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"busybox": busybox,
	}
}
