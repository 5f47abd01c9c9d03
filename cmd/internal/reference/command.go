package reference

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command is a command of the program with those below it.
type Command struct {
	Path     string // "decnet state list"
	Usage    string
	Short    string
	Long     string
	Example  string
	Flags    []Flag
	Commands []Command
}

// Flag is a flag of a command.
type Flag struct {
	Name, Short, Value, Doc, Default string
}

// Commands describes a command and those below it. Hidden ones and those that
// the command line's library adds are left out.
func Commands(cmd *cobra.Command) Command {
	c := Command{Path: cmd.CommandPath(), Usage: cmd.UseLine(), Short: cmd.Short, Long: cmd.Long, Example: cmd.Example}
	note := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, doc := pflag.UnquoteUsage(f)
		c.Flags = append(c.Flags, Flag{Name: f.Name, Short: f.Shorthand, Value: value, Doc: doc, Default: defaultOf(f)})
	}
	cmd.LocalFlags().VisitAll(note)
	for _, below := range cmd.Commands() {
		if !below.Hidden && below.Name() != "help" {
			c.Commands = append(c.Commands, Commands(below))
		}
	}
	return c
}

// defaultOf is a default worth telling.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return f.DefValue
}

// name is the last word of the path.
func (c Command) name() string {
	words := strings.Fields(c.Path)
	return words[len(words)-1]
}
