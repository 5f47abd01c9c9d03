package fetch

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"wget": wget, "curl": curl, "tftp": tftp, "ftpget": ftpget, "ftpput": ftpget,
	}
}
