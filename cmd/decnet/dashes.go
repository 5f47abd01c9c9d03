package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// spelled are flags that Terraform's users know, and what they are called here.
var spelled = map[string][]string{
	"--refresh=false": {"--no-refresh"}, "--refresh=true": nil, "--refresh": nil,
}

// doubled gives long flags that were written with one dash, as Terraform's are
// (-check, -var-file=x), the second one. Everything after -- stays, and so does
// what another flag takes as its value.
func doubled(root *cobra.Command, args []string) []string {
	known := map[string]*pflag.Flag{}
	collect(root, known)
	out := make([]string, 0, len(args))
	value := false
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		if ours, ok := spelled["--"+strings.TrimLeft(arg, "-")]; ok && !value && strings.HasPrefix(arg, "-") {
			out = append(out, ours...)
			continue
		}
		name, _, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flag := known[name]
		isFlag := !value && flag != nil && len(name) > 1 && strings.HasPrefix(arg, "-")
		if isFlag && !strings.HasPrefix(arg, "--") {
			arg = "-" + arg
		}
		value = isFlag && !assigned && flag.NoOptDefVal == ""
		out = append(out, arg)
	}
	return out
}

// collect notes the flags of a command and of those below it.
func collect(cmd *cobra.Command, into map[string]*pflag.Flag) {
	note := func(f *pflag.Flag) { into[f.Name] = f }
	cmd.PersistentFlags().VisitAll(note)
	cmd.Flags().VisitAll(note)
	for _, c := range cmd.Commands() {
		collect(c, into)
	}
}
