package system

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func hostname(c *program.Call) int {
	h := c.Machine.Host
	f, names, ok := c.Parse("abdfFiIsy", "fqdn=f long=f short=s ip-address=i all-ip-addresses=I domain=d")
	switch {
	case !ok:
		return 1
	case len(names) > 0:
		if c.User.UID != 0 {
			return c.Complain("you must be root to change the host name")
		}
	case f.Has("I"):
		c.Print(h.IP + " \n")
	case f.Has("i"):
		c.Print("127.0.1.1\n")
	case f.Has("d"):
		c.Print(h.Domain + "\n")
	case f.Has("f") && h.Domain != "":
		c.Print(h.Hostname + "." + h.Domain + "\n")
	default:
		c.Print(h.Hostname + "\n")
	}
	return 0
}

func uname(c *program.Call) int {
	f, rest, ok := c.Parse("amnoprsvi", "all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m operating-system=o processor=p hardware-platform=i")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.Usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	h := c.Machine.Host
	var out []string
	for _, part := range []struct{ letter, value string }{{"s", "Linux"}, {"n", h.Hostname}, {"r", h.Kernel}, {"v", h.Build}, {"m", h.Machine}, {"p", "unknown"}, {"i", "unknown"}, {"o", "GNU/Linux"}} {
		all := f.Has("a") && part.value != "unknown"
		if all || f.Has(part.letter) || len(f.Count) == 0 && part.letter == "s" {
			out = append(out, part.value)
		}
	}
	c.Print(strings.Join(out, " ") + "\n")
	return 0
}
