// Package sed is GNU sed over lines in memory. It refuses the e command.
package sed

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"sed": sed,
	}
}
