package firewall

import (
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

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
				if status := o.part(a, not, v); status != 0 {
					return status, true
				}
			}
		default:
			if !strings.HasPrefix(a, "-") {
				return o.fail(2, "Bad argument `%s'", a), true
			}
			if len(o.spec) == 0 && o.protocol == "" && o.target == "" || strings.HasSuffix(a, "port") && a != "--to-port" && o.protocol == "" {
				return o.fail(2, "unknown option \"%s\"", a), true
			}
			if status := o.extension(a, not, &args); status != 0 {
				return status, true
			}
		}
		if !ok {
			return 2, true
		}
		not = ""
	}
	return 0, false
}

// part is one of the options that all rules know.
func (o *order) part(option, not, v string) int {
	switch option {
	case "-s", "--source", "--src":
		if !addressed(v) {
			return o.fail(2, "host/network `%s' not found", v)
		}
		o.source = not + "-s " + mask(v) + " "
	case "-d", "--destination", "--dst":
		if !addressed(v) {
			return o.fail(2, "host/network `%s' not found", v)
		}
		o.dest = not + "-d " + mask(v) + " "
	case "-i", "--in-interface":
		o.input = not + "-i " + v + " "
	case "-o", "--out-interface":
		o.output = not + "-o " + v + " "
	case "-p", "--protocol", "--proto":
		if v = strings.ToLower(v); !slices.Contains(protocols, v) {
			if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 255 {
				return o.fail(2, "unknown protocol \"%s\" specified", v)
			}
		}
		if v != "all" {
			o.protocol = v
			o.raw = not + "-p " + v + " "
		}
	case "-m", "--match":
		if !slices.Contains(matches, v) {
			return o.fail(2, "Couldn't load match `%s':No such file or directory\n", v)
		}
		if v != o.protocol {
			o.spec = append(o.spec, "-m", v)
		}
	default:
		o.target = v
	}
	return 0
}

// protocols and matches are those that are known by name.
var (
	protocols = strings.Fields("all tcp udp udplite icmp icmpv6 ipv6-icmp esp ah sctp mh gre ipip igmp ospf vrrp dccp")
	matches   = strings.Fields("addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp ecn esp hashlimit helper icmp icmp6 iprange ipvs length limit mac mark multiport nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter sctp set socket state statistic string tcp tcpmss time tos ttl u32 udp hl")
)

// addressed tells an address, a network, or a name that could be one.
func addressed(v string) bool {
	for part := range strings.SplitSeq(v, ",") {
		host, _, _ := strings.Cut(part, "/")
		if _, ok := peer.Numeric(host); !ok && host != "localhost" {
			return false
		}
	}
	return true
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
func (o *order) extension(a, not string, args *[]string) int {
	names := map[string]string{"--destination-port": "--dport", "--source-port": "--sport", "--destination-ports": "--dports", "--source-ports": "--sports", "--to-port": "--to-ports"}
	if short, ok := names[a]; ok {
		a = short
	}
	if (a == "--dport" || a == "--sport") && !slices.Contains(o.spec, "-m "+o.protocol) {
		o.spec = append(o.spec, "-m "+o.protocol)
	}
	switch a {
	case "--to-ports", "--to-destination", "--to-source", "--log-prefix", "--log-level", "--reject-with", "--set-mark":
		o.options = append(o.options, a)
	default:
		o.spec = append(o.spec, not+a)
	}
	for len(*args) > 0 && !strings.HasPrefix((*args)[0], "-") && (*args)[0] != "!" {
		v := (*args)[0]
		v = v[:min(len(v), 256)]
		switch a {
		case "--dport", "--sport":
			if !portRange(v) {
				return o.fail(2, "invalid port/service `%s' specified", v)
			}
		case "--state", "--ctstate":
			v = ordered(v)
		case "--log-prefix", "--comment", "--string":
			v = strconv.Quote(v)
		}
		if a == "--to-ports" || a == "--to-destination" || a == "--to-source" || a == "--log-prefix" || a == "--log-level" || a == "--reject-with" || a == "--set-mark" {
			o.options = append(o.options, v)
		} else {
			o.spec = append(o.spec, v)
		}
		*args = (*args)[1:]
	}
	return 0
}

// portRange tells a port, its name or a range of them.
func portRange(v string) bool {
	for part := range strings.SplitSeq(v, ":") {
		n, err := strconv.Atoi(part)
		if part != "" && (err != nil || n < 0 || n > 65535) && !slices.Contains([]string{"ssh", "http", "https", "telnet", "ftp", "smtp", "domain", "mysql", "ntp", "snmp"}, part) {
			return false
		}
	}
	return true
}

// ordered are the states of a connection in the order that they are shown in.
func ordered(v string) string {
	var out []string
	given := strings.Split(strings.ToUpper(v), ",")
	for _, name := range []string{"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"} {
		if slices.Contains(given, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}

// rule is what -S shows of the order.
func (o *order) rule() string {
	text := strings.TrimPrefix(o.source, "-s 0.0.0.0/0 ") + strings.TrimPrefix(o.dest, "-d 0.0.0.0/0 ") + o.input + o.output + o.raw
	if len(o.spec) > 0 {
		text += strings.Join(o.spec, " ") + " "
	}
	if o.target != "" {
		text += "-j " + o.target
		if o.target == "REJECT" && len(o.options) == 0 {
			o.options = []string{"--reject-with", "icmp-port-unreachable"}
		}
		if len(o.options) > 0 {
			text += " " + strings.Join(o.options, " ")
		}
	}
	return strings.TrimSpace(text[:min(len(text), maxRule)])
}
