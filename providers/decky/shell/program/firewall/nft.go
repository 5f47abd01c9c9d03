package firewall

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// statement is a rule of iptables in the words of nft.
func (o *order) statement(rule string, counted bool) string {
	var out, links []string
	words := strings.Fields(rule)
	protocol := ""
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		add := func(text string) {
			if i++; text != "" {
				out = append(out, text)
			}
		}
		switch words[i] {
		case "-p":
			protocol = next
			if !strings.Contains(rule, "port") {
				add("meta l4proto " + next)
			} else {
				i++
			}
		case "-s":
			add("ip saddr " + strings.TrimSuffix(next, "/32"))
		case "-d":
			add("ip daddr " + strings.TrimSuffix(next, "/32"))
		case "-i":
			add("")
			links = append(links, "iifname \""+next+"\"")
		case "-o":
			add("")
			links = append(links, "oifname \""+next+"\"")
		case "--dport":
			add(protocol + " dport " + strings.ReplaceAll(next, ":", "-"))
		case "--sport":
			add(protocol + " sport " + strings.ReplaceAll(next, ":", "-"))
		case "--dports":
			add("meta l4proto " + protocol + " " + protocol + " dport { " + strings.ReplaceAll(next, ",", ", ") + " }")
		case "--state", "--ctstate":
			add("ct state " + strings.ToLower(next))
		case "-m":
			i++
		}
	}
	out = append(links, out...)
	count := "counter"
	if counted {
		count += " packets 0 bytes 0"
	}
	out = append(out, count)
	_, target, ok := strings.Cut(" "+rule, " -j ")
	if !ok {
		return strings.Join(out, " ")
	}
	name, rest, _ := strings.Cut(target, " ")
	switch name {
	case "ACCEPT", "DROP", "RETURN", "REJECT", "MASQUERADE":
		out = append(out, strings.ToLower(name))
	case "LOG":
		out = append(out, strings.TrimSpace("log "+strings.TrimPrefix(strings.TrimPrefix(rest, "--log-"), " ")))
	case "REDIRECT":
		out = append(out, "redirect to :"+strings.TrimPrefix(rest, "--to-ports "))
	case "DNAT":
		out = append(out, "dnat to "+strings.TrimPrefix(rest, "--to-destination "))
	case "SNAT":
		out = append(out, "snat to "+strings.TrimPrefix(rest, "--to-source "))
	default:
		out = append(out, "jump "+name)
	}
	return strings.Join(out, " ")
}

// hooks are how the chains of iptables hang in the kernel: type, hook, priority.
var hooks = map[string][3]string{
	"filter INPUT": {"filter", "input", "filter"}, "filter FORWARD": {"filter", "forward", "filter"}, "filter OUTPUT": {"filter", "output", "filter"},
	"nat PREROUTING": {"nat", "prerouting", "dstnat"}, "nat INPUT": {"nat", "input", "srcnat"}, "nat OUTPUT": {"nat", "output", "dstnat"}, "nat POSTROUTING": {"nat", "postrouting", "srcnat"},
	"mangle PREROUTING": {"filter", "prerouting", "mangle"}, "mangle INPUT": {"filter", "input", "mangle"}, "mangle FORWARD": {"filter", "forward", "mangle"}, "mangle OUTPUT": {"route", "output", "mangle"}, "mangle POSTROUTING": {"filter", "postrouting", "mangle"},
	"raw PREROUTING": {"filter", "prerouting", "raw"}, "raw OUTPUT": {"filter", "output", "raw"},
}

// nft shows and flushes what iptables keeps; a table of its own it takes and
// forgets.
func nft(c *program.Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch a := args[0]; a {
		case "-v", "--version", "-V":
			c.Print("nftables v1.0.6 (Lester Gooch #5)\n")
			return 0
		case "-h", "--help":
			c.Print("Usage: nft [ options ] [ cmds... ]\n\nOptions (general):\n  -h, --help                      Show this help\n  -v, --version                   Show version information\n\nOptions (ruleset input handling):\n  -f, --file <filename>           Read input from <filename>\n  -c, --check                     Check commands only\n\nOptions (ruleset list formatting):\n  -a, --handle                    Output rule handle.\n  -n, --numeric                   Print numbers only.\n\nOptions (command output formatting):\n  -j, --json                      Format output in JSON\n")
			return 0
		case "-f", "--file":
			if len(args) < 2 {
				c.Err.Print("nft: option requires an argument -- 'f'\n")
				return 1
			}
			if _, err := c.Read(args[1]); err != nil {
				c.Err.Print("Error: Could not open file \"" + args[1] + "\": No such file or directory\n")
				return 1
			}
			args = []string{"-f", "list", "nothing"}
		}
		args = args[1:]
	}
	words := strings.Fields(strings.NewReplacer(";", " ; ", "{", " { ", "}", " } ").Replace(strings.Join(args, " ")))
	if len(words) == 0 {
		c.Err.Print("nft: no command specified\n")
		return 1
	}
	line := strings.Join(args, " ")
	verbs := " list add create insert replace delete flush reset describe monitor rename import export destroy "
	if !strings.Contains(verbs, " "+words[0]+" ") || len(words) < 2 {
		c.Err.Print("Error: syntax error, unexpected newline, expecting string\n" + line + "\n" + strings.Repeat(" ", len(line)) + "^\n")
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n")
		return 1
	}
	what := words[1]
	switch {
	case words[0] == "list" && what == "ruleset":
		nftTables(c, "", true)
	case words[0] == "list" && what == "tables":
		nftTables(c, "", false)
	case words[0] == "list" && what == "nothing":
	case words[0] == "flush" && what == "ruleset":
		for _, name := range []string{"iptables", "ip6tables"} {
			inner := *c
			inner.Name = name
			filter{Policy: map[string]string{}, Rules: map[string][]string{}}.store(&inner)
		}
	case (words[0] == "list" || words[0] == "delete" || words[0] == "flush") && (what == "table" || what == "chain"):
		family, name := "ip", words[len(words)-1]
		if len(words) > 3 {
			family, name = words[2], words[3]
		}
		if nftTables(c, family+" "+name, words[0] == "list") {
			return 0
		}
		problem := "Error: No such file or directory\n"
		if words[0] != "list" {
			problem = "Error: Could not process rule: No such file or directory\n"
		}
		at := max(strings.LastIndex(line, name), 0)
		c.Err.Print(problem + line + "\n" + strings.Repeat(" ", at) + strings.Repeat("^", len(name)) + "\n")
		return 1
	}
	return 0
}

// nftTables shows the tables that iptables made, or the one that is asked for;
// it tells whether there was any.
func nftTables(c *program.Call, only string, whole bool) bool {
	found := false
	for _, family := range []string{"ip", "ip6"} {
		inner := *c
		inner.Name = strings.Replace(family, "ip", "iptables", 1)
		if family == "ip6" {
			inner.Name = "ip6tables"
		}
		f := stored(&inner)
		for _, table := range []string{"filter", "nat", "mangle", "raw"} {
			if only != "" && only != family+" "+table {
				continue
			}
			o := &order{c: c, f: f, table: table}
			var b strings.Builder
			for _, chain := range f.chains(table) {
				key := table + " " + chain
				hook, base := hooks[key]
				if base && len(f.Rules[key]) == 0 && f.Policy[key] == "" {
					continue
				}
				if b.Len() > 0 {
					b.WriteString("\n")
				}
				b.WriteString("\tchain " + chain + " {\n")
				if base {
					b.WriteString("\t\ttype " + hook[0] + " hook " + hook[1] + " priority " + hook[2] + "; policy " + strings.ToLower(o.policy(chain)) + ";\n")
				}
				for _, r := range f.Rules[key] {
					b.WriteString("\t\t" + o.statement(r, true) + "\n")
				}
				b.WriteString("\t}\n")
			}
			if b.Len() == 0 {
				continue
			}
			found = true
			switch {
			case whole:
				c.Print("# Warning: table " + family + " " + table + " is managed by iptables-nft, do not touch!\ntable " + family + " " + table + " {\n" + b.String() + "}\n")
			case only == "":
				c.Print("table " + family + " " + table + "\n")
			}
		}
	}
	return found
}
