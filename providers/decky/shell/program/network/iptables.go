package network

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func iptables(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n")
		return 4
	}
	if slices.ContainsFunc(c.Args, func(a string) bool { return a == "-L" || a == "--list" || strings.HasPrefix(a, "-nL") || a == "-vL" }) {
		for i, chain := range []string{"INPUT", "FORWARD", "OUTPUT"} {
			if i > 0 {
				c.Print("\n")
			}
			c.Print("Chain " + chain + " (policy ACCEPT)\ntarget     prot opt source               destination         \n")
		}
	}
	if len(c.Args) == 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): no command specified\nTry `" + c.Name + " -h' or '" + c.Name + " --help' for more information.\n")
		return 2
	}
	return 0
}
