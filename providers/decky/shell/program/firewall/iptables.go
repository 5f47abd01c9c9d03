package firewall

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// order is one call of iptables.
type order struct {
	c                *program.Call
	f                filter
	table, verb      string
	chain            string
	operands         []string
	spec             []string
	options          []string // of the target
	numeric, verbose bool
	lines            bool
	target, protocol string
	source, dest     string
	input, output    string
	raw              string
}

const iptablesTry = "Try `%[1]s -h' or '%[1]s --help' for more information.\n"

func (o *order) fail(status int, format string, args ...any) int {
	o.c.Err.Print(title(o.c) + fmt.Sprintf(format, args...) + "\n" + fmt.Sprintf(iptablesTry, o.c.Name))
	return status
}

// verbs are the commands by their long names.
var verbs = map[string]string{"--append": "-A", "--check": "-C", "--delete": "-D", "--insert": "-I", "--replace": "-R", "--list": "-L", "--list-rules": "-S", "--flush": "-F", "--zero": "-Z", "--new-chain": "-N", "--delete-chain": "-X", "--policy": "-P", "--rename-chain": "-E"}

// iptables keeps rules and shows them; it filters nothing.
func iptables(c *program.Call) int {
	o := &order{c: c, table: "filter"}
	if slices.Contains(c.Args, "-V") || slices.Contains(c.Args, "--version") {
		c.Print(strings.TrimSuffix(title(c), ": ") + "\n")
		return 0
	}
	if slices.Contains(c.Args, "-h") || slices.Contains(c.Args, "--help") {
		c.Print(help(c))
		return 0
	}
	if status, done := o.parse(); done {
		return status
	}
	if builtin[o.table] == nil {
		c.Err.Print(title(c) + "table '" + o.table + "' does not exist\nPerhaps " + c.Name + " or your kernel needs to be upgraded.\n")
		return 3
	}
	if o.verb == "" {
		return o.fail(2, "no command specified")
	}
	if denied(c) {
		return 4
	}
	o.f = stored(c)
	return o.run()
}

func (o *order) run() int {
	c, key := o.c, o.table+" "+o.chain
	known := slices.Contains(o.f.chains(o.table), o.chain)
	gone := func() int {
		if o.verb == "-F" || o.verb == "-X" || o.verb == "-Z" || o.verb == "-L" || o.verb == "-S" {
			c.Err.Print(c.Name + ": No chain/target/match by that name.\n")
			return 1
		}
		return o.fail(2, "Chain '%s' does not exist", o.chain)
	}
	targets := append([]string{"", "ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "QUEUE", "NFQUEUE", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "MARK", "TCPMSS", "CONNMARK", "NOTRACK", "CT", "TOS", "TTL", "NFLOG", "SET", "TPROXY", "DSCP"}, o.f.chains(o.table)...)
	switch o.verb {
	case "-L", "-S":
		if o.chain != "" && !known {
			return gone()
		}
		o.show()
		return 0
	case "-N":
		if known {
			c.Err.Print(c.Name + ": Chain already exists.\n")
			return 1
		}
		if len(o.f.Own) < 100 && len(o.chain) < 30 {
			o.f.Own = append(o.f.Own, key)
		}
	case "-P":
		if !slices.Contains(builtin[o.table], o.chain) {
			c.Err.Print(c.Name + ": Bad built-in chain name.\n")
			return 1
		}
		if len(o.operands) == 0 {
			return o.fail(2, "-P requires a chain and a policy")
		}
		if o.operands[0] != "ACCEPT" && o.operands[0] != "DROP" {
			c.Err.Print(c.Name + ": Bad policy name. Run `dmesg' for more information.\n")
			return 1
		}
		o.f.Policy[key] = o.operands[0]
	case "-F", "-Z":
		if o.chain != "" && !known {
			return gone()
		}
		for _, chain := range o.f.chains(o.table) {
			if o.verb == "-F" && (o.chain == "" || chain == o.chain) {
				delete(o.f.Rules, o.table+" "+chain)
			}
		}
	case "-X":
		if o.chain != "" && !slices.Contains(o.f.Own, key) {
			return gone()
		}
		if o.references(o.chain) > 0 {
			c.Err.Print(title(c) + " CHAIN_DEL failed (Device or resource busy): chain " + o.chain + "\n")
			return 4
		}
		o.f.Own = slices.DeleteFunc(o.f.Own, func(k string) bool {
			return k == key || o.chain == "" && strings.HasPrefix(k, o.table+" ")
		})
	default:
		if !known {
			return gone()
		}
		if !slices.Contains(targets, o.target) {
			return o.fail(2, "Chain '%s' does not exist", o.target)
		}
		if status := o.change(key); status != 0 {
			return status
		}
	}
	o.f.store(c)
	return 0
}

// change adds, removes or looks for a rule.
func (o *order) change(key string) int {
	c, list, rule := o.c, o.f.Rules[key], o.rule()
	n := 0
	if len(o.operands) > 0 {
		n, _ = strconv.Atoi(o.operands[0])
	}
	at := slices.Index(list, rule)
	switch o.verb {
	case "-A", "-I":
		if len(list) >= maxRules {
			c.Err.Print(c.Name + ": Memory allocation problem.\n")
			return 4
		}
		place := len(list)
		if o.verb == "-I" {
			if place = max(n-1, 0); place > len(list) {
				c.Err.Print(c.Name + ": Index of insertion too big.\n")
				return 1
			}
		}
		o.f.Rules[key] = slices.Insert(list, place, rule)
	case "-D", "-R", "-C":
		if n > 0 && o.verb != "-C" {
			if at = n - 1; at >= len(list) {
				c.Err.Print(c.Name + ": Index of " + map[string]string{"-D": "deletion", "-R": "replacement"}[o.verb] + " too big.\n")
				return 1
			}
		}
		switch {
		case at < 0:
			c.Err.Print(c.Name + ": Bad rule (does a matching rule exist in that chain?).\n")
			return 1
		case o.verb == "-D":
			o.f.Rules[key] = slices.Delete(list, at, at+1)
		case o.verb == "-R":
			list[at] = rule
		}
	}
	return 0
}

// references counts the rules that jump to a chain.
func (o *order) references(chain string) int {
	n := 0
	for _, own := range o.f.chains(o.table) {
		for _, r := range o.f.Rules[o.table+" "+own] {
			if chain != "" && (strings.HasSuffix(r, "-j "+chain) || strings.Contains(r, "-j "+chain+" ")) {
				n++
			}
		}
	}
	return n
}

// help is the usage in words of ours.
func help(c *program.Call) string {
	name := c.Name
	return strings.TrimSuffix(title(c), ": ") + "\n\nUsage: " + name + " -[ACD] chain rule-specification [options]\n       " + name + " -I chain [rulenum] rule-specification [options]\n       " + name + " -R chain rulenum rule-specification [options]\n       " + name + " -D chain rulenum [options]\n       " + name + " -[LS] [chain [rulenum]] [options]\n       " + name + " -[FZ] [chain] [options]\n       " + name + " -[NX] chain\n       " + name + " -E old-chain-name new-chain-name\n       " + name + " -P chain target [options]\n       " + name + " -h (print this help information)\n\nCommands:\nEither long or short options are allowed.\n  --append  -A chain\t\tAdd to the end of a chain\n  --delete  -D chain\t\tTake a rule out of a chain\n  --insert  -I chain [rulenum]\n\t\t\t\tAdd at a place (default 1=first)\n  --list    -L [chain [rulenum]]\n\t\t\t\tShow the rules of a chain or of all\n  --flush   -F [chain]\t\tTake out all rules\n  --policy  -P chain target\n\t\t\t\tWhat becomes of what no rule fits\n"
}

func (o *order) policy(chain string) string {
	if p := o.f.Policy[o.table+" "+chain]; p != "" {
		return p
	}
	return "ACCEPT"
}
