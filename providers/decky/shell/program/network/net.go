package network

import (
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// client are programs that only connect: ftp, telnet, nc, ssh and the like.
func client(c *program.Call) int {
	host, port := "", ""
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
		case host == "":
			host = a
		case port == "":
			port = a
		}
	}
	if host == "" {
		c.Err.Print("usage: " + c.Name + " host [port]\n")
		return 1
	}
	target := strings.TrimSpace(host + " " + port)
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	c.Kernel.Wanted("connect", c.Name+" "+target)
	_, err := netip.ParseAddr(host)
	numeric := err == nil
	if !numeric && !c.Resolving() || numeric && !c.Wait(2*time.Second) {
		return 1
	}
	switch c.Name {
	case "ssh", "scp", "sftp":
		if numeric {
			c.Err.Print("ssh: connect to host " + host + " port 22: Connection timed out\n")
		} else {
			c.Err.Print("ssh: Could not resolve hostname " + host + ": Temporary failure in name resolution\n")
		}
		return 255
	case "telnet":
		if numeric {
			c.Print("Trying " + host + "...\n")
			c.Err.Print("telnet: Unable to connect to remote host: Connection timed out\n")
		} else {
			c.Err.Print("telnet: could not resolve " + host + "/" + port + ": Temporary failure in name resolution\n")
		}
	case "nc", "netcat":
		if numeric {
			c.Err.Print("(UNKNOWN) [" + host + "] " + port + " (?) : Connection timed out\n")
		} else {
			c.Err.Print(host + ": forward host lookup failed: Host name lookup failure\n")
		}
	default:
		c.Err.Print(c.Name + ": " + host + ": Temporary failure in name resolution\n")
	}
	return 1
}
