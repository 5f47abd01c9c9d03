package fetch

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// tftp is busybox' or tftp-hpa's (RFC 1350).
func tftp(c *program.Call) int {
	if c.Applet {
		return tftpApplet(c)
	}
	return tftpClient(c)
}

func tftpApplet(c *program.Call) int {
	f, rest, ok := c.Parse("gpl:r:b:", "get=g put=p")
	if !ok {
		return 1
	}
	mine, theirs := f.Value["l"], f.Value["r"]
	if theirs == "" {
		theirs = mine
	}
	if mine == "" {
		mine = path.Base(theirs)
	}
	if len(rest) == 0 || theirs == "" || f.Has("g") == f.Has("p") {
		if len(rest) > 0 && theirs != "" && !f.Has("g") && !f.Has("p") {
			// What was meant is worth keeping.
			record(c, "tftp://"+rest[0]+"/"+strings.TrimPrefix(theirs, "/"), nil)
		}
		return usage(c)
	}
	host, port := rest[0], 69
	if len(rest) > 1 {
		if n, ok := program.Count(rest[1]); ok && n > 0 && n < 65536 {
			port = int(n)
		}
	}
	got, status := tftpMove(c, host, port, mine, theirs, f.Has("p"), "bad address '"+host+"'", "timeout")
	if got && status != "" {
		return c.Complain("%s", status)
	}
	if status != "" || c.Stop != nil {
		return 1
	}
	return 0
}

// tftpMove moves a file; text is what went wrong and whether it is to be said.
func tftpMove(c *program.Call, host string, port int, mine, theirs string, put bool, unknown, late string) (say bool, text string) {
	target := fmt.Sprintf("tftp://%s/%s", host, strings.TrimPrefix(theirs, "/"))
	if port != 69 {
		target = fmt.Sprintf("tftp://%s:%d/%s", host, port, strings.TrimPrefix(theirs, "/"))
	}
	if put {
		c.Kernel.Wanted("connect", "put "+target)
		if _, err := c.View().ReadFile(c.Path(mine)); err != nil {
			return true, "can't open '" + mine + "': " + vfs.Text(err)
		}
	}
	missed := func() {
		if !put {
			record(c, target, nil)
		}
	}
	r, ok := resolve(c, host)
	if !ok {
		return false, "interrupted"
	}
	if r.fail != peer.Found {
		missed()
		return true, unknown
	}
	// A closed port of UDP is told of by ICMP, which these do not hear.
	if link := peer.Of(c.Machine).Connect(r.addr, port); link.Answer != peer.Open {
		missed()
		if !c.Wait(12 * time.Second) {
			return false, "interrupted"
		}
		return true, late
	}
	page := get(c, &url.URL{Scheme: "tftp", Host: host, Path: "/" + strings.TrimPrefix(theirs, "/")})
	rtt := peer.Of(c.Machine).RTT(r.addr)
	if put {
		c.Wait(min(20*rtt, patience))
		return true, "server error: (2) Access violation"
	}
	if page.Status != 200 {
		missed()
		c.Wait(rtt)
		return true, "server error: (1) File not found"
	}
	blocks := time.Duration(len(page.Body)/512 + 1)
	if !record(c, target, page.Body) || !c.Wait(min(blocks*rtt, patience)) {
		return false, "interrupted"
	}
	if mine == "-" {
		c.Write(c.Out, string(page.Body))
		return false, ""
	}
	if err := store(c, mine, page.Body); err != nil {
		return true, "can't open '" + mine + "': " + vfs.Text(err)
	}
	return false, ""
}

const tftpUsage = "Usage: tftp [-4][-6][-v][-l][-m mode] [host [port]] [-c command]\n"

// tftpClient is tftp-hpa's: with -c one command, without it a prompt.
func tftpClient(c *program.Call) int {
	host, port := "", 69
	var command []string
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case a == "-c":
			command = c.Args[i+1:]
			i = len(c.Args)
		case a == "-m" || a == "-R":
			i++
		case a == "-V" || a == "--version":
			c.Print("tftp-hpa 5.2, with readline, with IPv6\n")
			return 0
		case strings.HasPrefix(a, "-") && strings.Trim(a[1:], "46vl") == "":
		case strings.HasPrefix(a, "-g"), strings.HasPrefix(a, "-r"):
			// As busybox has it; what was meant is worth keeping.
			if i+1 < len(c.Args) {
				record(c, "tftp "+strings.Join(c.Args, " "), nil)
			}
			c.Err.Print(tftpUsage)
			return 64
		case strings.HasPrefix(a, "-"):
			c.Err.Print(tftpUsage)
			return 64
		case host == "":
			host = a
		default:
			if n, ok := program.Count(a); ok && n > 0 && n < 65536 {
				port = int(n)
			}
		}
	}
	if command == nil {
		return tftpPrompt(c, host, port)
	}
	return tftpCommand(c, host, port, command)
}

func tftpCommand(c *program.Call, host string, port int, command []string) int {
	if len(command) == 0 {
		return 0
	}
	switch command[0] {
	case "get", "put":
		if len(command) < 2 {
			c.Print("usage: get host:file host:file ... file, or\n       get file file ... file if connected\n")
			return 0
		}
		theirs := command[1]
		if h, name, ok := strings.Cut(theirs, ":"); ok && h != "" {
			host, theirs = h, name
		}
		if host == "" {
			c.Print("No target machine specified.\n")
			return 0
		}
		mine := path.Base(theirs)
		if len(command) > 2 {
			mine = command[2]
		}
		if command[0] == "put" {
			mine, theirs = command[1], mine
		}
		if say, text := tftpMove(c, host, port, mine, theirs, command[0] == "put", host+": unknown host", "Transfer timed out."); say {
			text = strings.Replace(strings.Replace(text, "server error: (1)", "Error code 1:", 1), "server error: (2)", "Error code 2:", 1)
			c.Print(text + "\n")
			return 69
		}
	case "?", "help":
		c.Print("Commands may be abbreviated.  Commands are:\n\nconnect \tconnect to remote tftp\nmode    \tset file transfer mode\nput     \tsend file\nget     \treceive file\nquit    \texit tftp\n")
	case "q", "quit", "mode", "binary", "ascii", "verbose", "trace", "status", "connect", "literal", "rexmt", "timeout":
	default:
		c.Print("?Invalid command\n")
	}
	return 0
}

func tftpPrompt(c *program.Call, host string, port int) int {
	for range 100 {
		c.Print("tftp> ")
		line, _, err := program.ReadLine(c.In, '\n', 1024)
		if err != nil && line == "" || c.Busy() {
			return 0
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if strings.HasPrefix("quit", words[0]) {
			return 0
		}
		if words[0] == "connect" && len(words) > 1 {
			host = words[1]
		}
		tftpCommand(c, host, port, words)
	}
	return 0
}
