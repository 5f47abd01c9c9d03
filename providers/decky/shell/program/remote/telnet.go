package remote

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// telnet is inetutils' or busybox'.
func telnet(c *program.Call) int {
	c.Hint = "Try 'telnet --help' or 'telnet --usage' for more information.\n"
	if c.Applet {
		c.Hint = ""
	}
	f, rest, ok := c.Parse("48aB:cdDe:EFfKk:Ll:n:rS:uxX:V", "version=V help=h user=:l no-login=K ipv4=4 binary=8")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 64
	case f.Has("V"):
		c.Print("telnet (GNU inetutils) 2.4\nCopyright (C) 2022 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\nThis is free software: you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n\nWritten by many authors.\n")
		return 0
	case f.Has("h"):
		c.Print("Usage: telnet [OPTION...] [HOST [PORT]]\nLogin to remote system HOST (optionally, on service port PORT)\n\n  -4, --ipv4                 use only IPv4\n  -8, --binary               use an 8-bit data transmission\n  -l, --user=USER            attempt automatic login as USER\n  -V, --version              print program version\n\nReport bugs to <bug-inetutils@gnu.org>.\n")
		return 0
	case len(rest) == 0 && c.Applet:
		c.Err.Print("telnet: missing operand\n")
		return 1
	case len(rest) == 0:
		for range 100 {
			c.Print("telnet> ")
			line, _, err := program.ReadLine(c.In, '\n', 1024)
			words := strings.Fields(line)
			switch {
			case err != nil || line == "" || c.Busy():
				return 0
			case strings.HasPrefix("quit", words[0]):
				return 0
			case strings.HasPrefix("open", words[0]) && len(words) > 1:
				return dial(c, words[1:])
			}
			c.Print("?Invalid command\n")
		}
		return 0
	}
	return dial(c, rest)
}

func dial(c *program.Call, rest []string) int {
	port, service := 23, "telnet"
	if len(rest) > 1 {
		var ok bool
		if service = rest[1]; true {
			port, ok = portOf(service)
		}
		if !ok {
			if c.Applet {
				return c.Complain("bad port '%s'", service)
			}
			c.Err.Print(service + ": bad port\n")
			return 1
		}
	}
	c.Kernel.Wanted("connect", fmt.Sprintf("telnet %s %d", rest[0], port))
	r, ok := lookup(c, rest[0])
	if !ok {
		return 1
	}
	if r.fail != peer.Found {
		if c.Applet {
			return c.Complain("bad address '%s'", rest[0])
		}
		c.Err.Print("Server lookup failure:  " + rest[0] + ":" + service + ", " + r.fail.Text() + "\n")
		return 1
	}
	if !c.Applet {
		c.Print("Trying " + r.addr.String() + "...\n")
	}
	if !r.connect(c, port, 0) {
		return 1
	}
	if r.link.Answer != peer.Open {
		if c.Applet {
			return c.Complain("can't connect to remote host (%s): %s", r.addr, r.link.Answer.Text())
		}
		c.Err.Print("telnet: Unable to connect to remote host: " + r.link.Answer.Text() + "\n")
		return 1
	}
	if c.Applet {
		c.Print("\nConnected to " + rest[0] + "\n")
	} else {
		c.Print("Connected to " + rest[0] + ".\nEscape character is '^]'.\n")
	}
	if port != 23 {
		c.Print(greeting(r, port))
		drain(c)
	} else {
		for range 3 {
			if !c.Wait(r.link.RTT) {
				return 1
			}
			c.Print("login: ")
			user, _, err := program.ReadLine(c.In, '\n', 256)
			if err != nil || user == "" {
				break
			}
			if _, ok := ask(c, "Password: ", "telnet", user); !ok || !c.Wait(3*time.Second) {
				break
			}
			c.Print("\nLogin incorrect\n")
		}
	}
	if c.Applet {
		c.Print("Connection closed by foreign host\n")
		return 1
	}
	c.Print("Connection closed by foreign host.\n")
	return 1
}

// ftp is tnftp, which Debian 12 installs for ftp.
func ftp(c *program.Call) int {
	_, rest, ok := c.Parse("46AadefgiN:no:P:pq:Rr:s:T:tu:VvXx:", "")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		connectFTP(c, rest[0])
	}
	for range 200 {
		c.Print("ftp> ")
		line, _, err := program.ReadLine(c.In, '\n', 1024)
		words := strings.Fields(line)
		switch {
		case err != nil || line == "" || c.Busy():
			return 0
		case len(words) == 0:
		case words[0] == "bye", words[0] == "quit", words[0] == "exit":
			return 0
		case words[0] == "open" && len(words) > 1:
			connectFTP(c, words[1])
		case words[0] == "get" || words[0] == "put" || words[0] == "mget" || words[0] == "recv" || words[0] == "send":
			c.Kernel.Wanted("connect", "ftp "+line)
			fallthrough
		case words[0] == "ls", words[0] == "dir", words[0] == "cd", words[0] == "pwd", words[0] == "user", words[0] == "binary", words[0] == "ascii", words[0] == "passive", words[0] == "close", words[0] == "delete":
			c.Print("Not connected.\n")
		default:
			c.Print("?Invalid command.\n")
		}
	}
	return 0
}

func connectFTP(c *program.Call, text string) {
	user, host := target(strings.TrimSuffix(strings.TrimPrefix(text, "ftp://"), "/"))
	c.Kernel.Wanted("connect", "ftp "+text)
	r, ok := lookup(c, host)
	if !ok {
		return
	}
	if r.fail != peer.Found {
		c.Err.Print("ftp: Can't lookup `" + host + ":ftp': " + r.fail.Text() + "\n")
		return
	}
	if !r.connect(c, 21, 0) {
		return
	}
	if r.link.Answer != peer.Open {
		c.Err.Print(fmt.Sprintf("ftp: Can't connect to `%s:21': %s\nftp: Can't connect to `%s:ftp'\n", r.addr, r.link.Answer.Text(), host))
		return
	}
	c.Print("Connected to " + host + ".\n" + strings.ReplaceAll(greeting(r, 21), "\r", ""))
	if user == "" {
		c.Print("Name (" + host + ":" + c.User.Name + "): ")
		line, _, err := program.ReadLine(c.In, '\n', 256)
		if err != nil {
			return
		}
		if user = line; user == "" {
			user = c.User.Name
		}
	}
	c.Print("331 Please specify the password.\n")
	if _, ok := ask(c, "Password: ", "ftp", user); ok && c.Wait(2*time.Second) {
		c.Print("530 Login incorrect.\n")
	}
	c.Print("ftp: Login failed\n")
}
