package firewall

import (
	"fmt"
	"slices"
	"strings"
)

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
			about = fmt.Sprintf("%d references", o.references(chain))
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
	if list := field("--dports", ""); list != "" {
		if !o.numeric {
			list = strings.NewReplacer("443", "https", "80", "http", "22", "ssh", "23", "telnet").Replace(list)
		}
		extra += " multiport dports " + list
	}
	if state := field("--state", ""); state != "" {
		extra += " state " + state
	}
	if state := field("--ctstate", ""); state != "" {
		extra += " ctstate " + state
	}
	source, dest := strings.TrimSuffix(field("-s", anywhere), "/32"), strings.TrimSuffix(field("-d", anywhere), "/32")
	target := field("-j", "")
	switch target {
	case "REJECT":
		extra += " reject-with " + field("--reject-with", "icmp-port-unreachable")
	case "REDIRECT":
		extra += " redir ports " + field("--to-ports", "")
	case "DNAT":
		extra += " to:" + field("--to-destination", "")
	case "SNAT":
		extra += " to:" + field("--to-source", "")
	case "LOG":
		if extra += " LOG level warn"; o.numeric {
			extra = strings.TrimSuffix(extra, "level warn") + "flags 0 level 4"
		}
		if _, prefix, ok := strings.Cut(rule, "--log-prefix "); ok {
			extra += " prefix " + prefix
		}
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
