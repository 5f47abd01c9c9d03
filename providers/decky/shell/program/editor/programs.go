package editor

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"vi": viProgram, "view": viProgram, "rview": viProgram, "rvi": viProgram, "ex": viProgram, "vim.tiny": viProgram, "vim": viProgram,
		"nano": nanoProgram, "rnano": nanoProgram,
	}
}
