// Package format is echo and printf, as bash and coreutils have them.
package format

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"echo": Echo, "printf": Printf,
	}
}
