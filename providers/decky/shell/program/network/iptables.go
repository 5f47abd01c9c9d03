package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// rulesFile keeps the rules of a host, in the lock that iptables leaves behind
// and that only root can read.
const rulesFile = "/run/xtables.lock"

// Bounds of a rule set.
const (
	maxRules = 500
	maxRule  = 1024 // bytes
)

// filter are the rules of iptables: tables, their chains, what stands in them.
type filter struct {
	Policy map[string]string   // "filter INPUT"
	Rules  map[string][]string // as -S shows them, without "-A CHAIN "
	Own    []string            // chains that were made, "filter NAME"
}

// builtin are the chains of a table.
var builtin = map[string][]string{
	"filter": {"INPUT", "FORWARD", "OUTPUT"}, "nat": {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
	"mangle": {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}, "raw": {"PREROUTING", "OUTPUT"}, "security": {"INPUT", "FORWARD", "OUTPUT"},
}

func stored(c *program.Call) filter {
	f := filter{Policy: map[string]string{}, Rules: map[string][]string{}}
	if data, err := c.Machine.FS.As(0, 0).ReadFile(rulesFile + suffix(c)); err == nil {
		if json.Unmarshal(data, &f) != nil || f.Policy == nil || f.Rules == nil {
			f = filter{Policy: map[string]string{}, Rules: map[string][]string{}}
		}
	}
	return f
}

func suffix(c *program.Call) string {
	if strings.HasPrefix(c.Name, "ip6") {
		return ".6"
	}
	return ""
}

func (f filter) store(c *program.Call) {
	if data, err := json.Marshal(f); err == nil {
		// What does not fit is not kept: the disk is full.
		_ = c.Machine.FS.As(0, 0).WriteFile(rulesFile+suffix(c), data, 0o600)
	}
}

func (f filter) chains(table string) []string {
	out := slices.Clone(builtin[table])
	for _, o := range f.Own {
		if name, ok := strings.CutPrefix(o, table+" "); ok {
			out = append(out, name)
		}
	}
	return out
}

// order is one call of iptables.
type order struct {
	c                *program.Call
	f                filter
	table, verb      string
	chain            string
	operands         []string
	spec             []string
	numeric, verbose bool
	lines            bool
	target, protocol string
	source, dest     string
	input, output    string
	raw              string
}

const iptablesTry = "Try `%[1]s -h' or '%[1]s --help' for more information.\n"

func (o *order) fail(status int, format string, args ...any) int {
	o.c.Err.Print(fmt.Sprintf("%s v1.8.9 (nf_tables): ", o.c.Name) + fmt.Sprintf(format, args...) + "\n" + fmt.Sprintf(iptablesTry, o.c.Name))
	return status
}

// verbs are the commands by their long names.
var verbs = map[string]string{"--append": "-A", "--check": "-C", "--delete": "-D", "--insert": "-I", "--replace": "-R", "--list": "-L", "--list-rules": "-S", "--flush": "-F", "--zero": "-Z", "--new-chain": "-N", "--delete-chain": "-X", "--policy": "-P", "--rename-chain": "-E"}

// iptables keeps rules and shows them; it filters nothing.
func iptables(c *program.Call) int {
	o := &order{c: c, table: "filter"}
	if slices.Contains(c.Args, "-V") || slices.Contains(c.Args, "--version") {
		c.Print(c.Name + " v1.8.9 (nf_tables)\n")
		return 0
	}
	if status, done := o.parse(); done {
		return status
	}
	if builtin[o.table] == nil {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): table '" + o.table + "' does not exist\nPerhaps " + c.Name + " or your kernel needs to be upgraded.\n")
		return 3
	}
	if o.verb == "" {
		return o.fail(2, "no command specified")
	}
	if c.User.UID != 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n")
		return 4
	}
	o.f = stored(c)
	return o.run()
}

// parse reads the command line.
func (o *order) parse() (status int, done bool) {
	args := o.c.Args
	next := func(name string) (string, bool) {
		if len(args) == 0 {
			o.fail(2, "option \"%s\" requires an argument", name)
			return "", false
		}
		v := args[0]
		args = args[1:]
		return v[:min(len(v), maxRule)], true
	}
	not := ""
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if long, ok := verbs[a]; ok {
			a = long
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && strings.Trim(a[1:], "LnvxSFXZ") == "" {
			for i := range a[1:] { // -nvL
				args = slices.Insert(args, i, "-"+a[i+1:i+2])
			}
			// The command may have its chain behind: it goes last.
			slices.SortStableFunc(args[:len(a)-1], func(x, y string) int { return strings.Compare(strings.ToLower(y), strings.ToLower(x)) })
			continue
		}
		ok := true
		switch a {
		case "!":
			not = "! "
			continue
		case "-A", "-C", "-D", "-I", "-R", "-N", "-P", "-E":
			o.verb = a
			o.chain, ok = next(a)
			for ok && len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" {
				o.operands = append(o.operands, args[0])
				args = args[1:]
			}
		case "-L", "-S", "-F", "-Z", "-X":
			o.verb = a
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				o.chain, args = args[0], args[1:]
			}
		case "-t", "--table":
			o.table, ok = next(a)
		case "-n", "--numeric":
			o.numeric = true
		case "-v", "--verbose":
			o.verbose = true
		case "--line-numbers":
			o.lines = true
		case "-x", "--exact", "-w", "--wait", "-4", "-6":
		case "-s", "--source", "--src", "-d", "--destination", "--dst", "-i", "--in-interface", "-o", "--out-interface", "-p", "--protocol", "--proto", "-j", "--jump", "-g", "--goto", "-m", "--match":
			var v string
			if v, ok = next(a); ok {
				o.part(a, not, v)
			}
		default:
			if !strings.HasPrefix(a, "-") {
				return o.fail(2, "Bad argument `%s'", a), true
			}
			if len(o.spec) == 0 && o.protocol == "" && o.target == "" {
				return o.fail(2, "unknown option \"%s\"", a), true
			}
			o.extension(a, not, &args)
		}
		if !ok {
			return 2, true
		}
		not = ""
	}
	return 0, false
}

// part is one of the options that all rules know.
func (o *order) part(option, not, v string) {
	switch option {
	case "-s", "--source", "--src":
		o.source = not + "-s " + mask(v) + " "
	case "-d", "--destination", "--dst":
		o.dest = not + "-d " + mask(v) + " "
	case "-i", "--in-interface":
		o.input = not + "-i " + v + " "
	case "-o", "--out-interface":
		o.output = not + "-o " + v + " "
	case "-p", "--protocol", "--proto":
		if v = strings.ToLower(v); v != "all" {
			o.protocol = v
			o.raw = not + "-p " + v + " "
		}
	case "-m", "--match":
		if v != o.protocol {
			o.spec = append(o.spec, "-m", v)
		}
	default:
		o.target = v
	}
}

func mask(ip string) string {
	if ip == "0/0" || ip == "0.0.0.0/0" {
		return "0.0.0.0/0"
	}
	if strings.Contains(ip, "/") || strings.Contains(ip, ":") {
		return ip
	}
	return ip + "/32"
}

// extension is an option of a match or target with what follows it.
func (o *order) extension(a, not string, args *[]string) {
	names := map[string]string{"--destination-port": "--dport", "--source-port": "--sport", "--destination-ports": "--dports"}
	if short, ok := names[a]; ok {
		a = short
	}
	if (a == "--dport" || a == "--sport") && !slices.Contains(o.spec, "-m "+o.protocol) {
		o.spec = append(o.spec, "-m "+o.protocol)
	}
	o.spec = append(o.spec, not+a)
	for len(*args) > 0 && !strings.HasPrefix((*args)[0], "-") && (*args)[0] != "!" {
		v := (*args)[0]
		o.spec = append(o.spec, v[:min(len(v), 256)])
		*args = (*args)[1:]
	}
}

// rule is what -S shows of the order.
func (o *order) rule() string {
	text := strings.TrimPrefix(o.source, "-s 0.0.0.0/0 ") + strings.TrimPrefix(o.dest, "-d 0.0.0.0/0 ") + o.input + o.output + o.raw
	if len(o.spec) > 0 {
		text += strings.Join(o.spec, " ") + " "
	}
	if o.target != "" {
		text += "-j " + o.target
	}
	return strings.TrimSpace(text[:min(len(text), maxRule)])
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

func (o *order) policy(chain string) string {
	if p := o.f.Policy[o.table+" "+chain]; p != "" {
		return p
	}
	return "ACCEPT"
}

// show is -L and -S.
func (o *order) show() {
	c, first := o.c, true
	if o.verb == "-S" {
		for _, chain := range o.f.chains(o.table) {
			switch {
			case o.chain != "" && chain != o.chain:
			case slices.Contains(builtin[o.table], chain):
				c.Print("-P " + chain + " " + o.policy(chain) + "\n")
			default:
				c.Print("-N " + chain + "\n")
			}
		}
	}
	for _, chain := range o.f.chains(o.table) {
		if o.chain != "" && chain != o.chain || c.Busy() {
			continue
		}
		rules := o.f.Rules[o.table+" "+chain]
		if o.verb == "-S" {
			for _, r := range rules {
				c.Print("-A " + chain + " " + r + "\n")
			}
			continue
		}
		if !first {
			c.Print("\n")
		}
		first = false
		about := "policy " + o.policy(chain)
		if o.verbose {
			about += " 0 packets, 0 bytes"
		}
		if !slices.Contains(builtin[o.table], chain) {
			about = "0 references"
		}
		c.Print("Chain " + chain + " (" + about + ")\n")
		lead := ""
		if o.lines {
			lead = "num  "
		}
		if o.verbose {
			c.Print(lead + " pkts bytes target     prot opt in     out     source               destination         \n")
		} else {
			c.Print(lead + "target     prot opt source               destination         \n")
		}
		for i, r := range rules {
			o.listed(i, r)
		}
	}
}

// listed is a rule in the columns of -L.
func (o *order) listed(i int, rule string) {
	field := func(name, standard string) string {
		words := strings.Fields(rule)
		for k, w := range words {
			if w == name && k+1 < len(words) {
				if k > 0 && words[k-1] == "!" {
					return "!" + words[k+1]
				}
				return words[k+1]
			}
		}
		return standard
	}
	anywhere := "anywhere"
	if o.numeric {
		anywhere = "0.0.0.0/0"
	}
	protocol := field("-p", "all")
	if o.numeric {
		protocol = map[string]string{"all": "0", "tcp": "6", "udp": "17", "icmp": "1"}[protocol]
		if protocol == "" {
			protocol = "0"
		}
	}
	extra := ""
	for _, port := range []struct{ option, word string }{{"--sport", "spt:"}, {"--dport", "dpt:"}} {
		if v := field(port.option, ""); v != "" {
			name := map[string]string{"22": "ssh", "80": "http", "443": "https", "23": "telnet", "21": "ftp", "25": "smtp", "53": "domain", "3306": "mysql"}[v]
			if o.numeric || name == "" {
				name = v
			}
			word := port.word
			if strings.Contains(v, ":") {
				word = strings.TrimSuffix(word, ":") + "s:"
			}
			extra += " " + field("-p", "") + " " + word + name
		}
	}
	if state := field("--state", field("--ctstate", "")); state != "" {
		extra += " state " + state
	}
	source, dest := strings.TrimSuffix(field("-s", anywhere), "/32"), strings.TrimSuffix(field("-d", anywhere), "/32")
	target := field("-j", "")
	if target == "REJECT" {
		extra += " reject-with icmp-port-unreachable"
	}
	lead := ""
	if o.lines {
		lead = fmt.Sprintf("%-4d ", i+1)
	}
	if o.verbose {
		o.c.Printf("%s    0     0 %-10s %-5s--  %-6s %-6s  %-20s %-20s%s\n", lead, target, protocol, field("-i", "*"), field("-o", "*"), source, dest, extra)
		return
	}
	o.c.Printf("%s%-10s %-4s --  %-20s %-20s%s\n", lead, target, protocol, source, dest, extra)
}

// iptablesSave prints all rules.
func iptablesSave(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n")
		return 4
	}
	f := stored(c)
	now := c.Now().UTC().Format("Mon Jan _2 15:04:05 2006")
	name := "iptables-save"
	if strings.HasPrefix(c.Name, "ip6") {
		name = "ip6tables-save"
	}
	for _, table := range []string{"filter", "nat", "mangle", "raw", "security"} {
		o := &order{c: c, f: f, table: table}
		used := false
		for _, chain := range f.chains(table) {
			used = used || len(f.Rules[table+" "+chain]) > 0 || f.Policy[table+" "+chain] != "" || !slices.Contains(builtin[table], chain)
		}
		if !used {
			continue
		}
		c.Print("# Generated by " + name + " v1.8.9 (nf_tables) on " + now + "\n*" + table + "\n")
		for _, chain := range f.chains(table) {
			policy := o.policy(chain)
			if !slices.Contains(builtin[table], chain) {
				policy = "-"
			}
			c.Print(":" + chain + " " + policy + " [0:0]\n")
		}
		for _, chain := range f.chains(table) {
			for _, r := range f.Rules[table+" "+chain] {
				c.Print("-A " + chain + " " + r + "\n")
			}
		}
		c.Print("COMMIT\n# Completed on " + now + "\n")
	}
	return 0
}
