package network

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// tftp is busybox': it asks a server that does not answer. What was asked for
// is recorded as a download.
func tftp(c *program.Call) int {
	local, remote, host := "", "", ""
	put := false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		if len(a) < 2 || a[0] != '-' {
			if host == "" {
				host = a
			}
			continue
		}
		if a == "-p" {
			put = true
		}
		if strings.ContainsAny(a[1:2], "lrb") {
			value := a[2:]
			if value == "" && i+1 < len(c.Args) {
				i++
				value = c.Args[i]
			}
			switch a[1] {
			case 'l':
				local = value
			case 'r':
				remote = value
			}
		}
	}
	if remote == "" {
		remote = local
	}
	if host == "" || remote == "" {
		c.Err.Print("BusyBox v1.36.1 multi-call binary.\n\nUsage: tftp [OPTIONS] HOST [PORT]\n")
		return 1
	}
	target := "tftp://" + host + "/" + strings.TrimPrefix(remote, "/")
	if put {
		c.Kernel.Wanted("connect", "put "+target)
	} else {
		fetched(c, target)
	}
	if !c.Wait(8 * time.Second) {
		return 1
	}
	c.Err.Print("tftp: timeout\n")
	return 1
}
