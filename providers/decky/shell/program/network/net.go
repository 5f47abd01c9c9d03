package network

import (
	"fmt"
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

func ping(c *program.Call) int {
	f, hosts, ok := c.Parse("aAbBc:dDfhi:I:l:Lm:M:nOp:qQ:rRs:S:t:T:UvVw:W:46", "")
	if !ok || len(hosts) == 0 {
		c.Err.Print("ping: usage error: Destination address required\n")
		return 1
	}
	host := hosts[len(hosts)-1]
	c.Kernel.Wanted("probe", "ping "+host)
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		if !c.Resolving() {
			return 2
		}
		c.Err.Print("ping: " + host + ": Temporary failure in name resolution\n")
		return 2
	}
	n, ok := program.Count(f.Value["c"])
	if !ok {
		n = 10
	}
	n = min(n, 20)
	c.Printf("PING %s (%s) 56(84) bytes of data.\n", host, host)
	if !c.Wait(time.Duration(n) * time.Second) {
		return 1
	}
	c.Printf("\n--- %s ping statistics ---\n%d packets transmitted, 0 received, 100%% packet loss, time %dms\n\n", host, n, n*1023)
	return 1
}

func ifconfig(c *program.Call) int {
	m := c.Machine
	rb, rp, tb, tp := m.Traffic()
	c.Printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet %s  netmask 255.255.255.0  broadcast %s\n        ether %s  txqueuelen 1000  (Ethernet)\n        RX packets %d  bytes %d (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets %d  bytes %d (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n", m.NIC(), m.Host.IP, m.Broadcast(), m.MAC(), rp, rb, mebi(rb), tp, tb, mebi(tb))
	c.Print("lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n        RX packets 918  bytes 92304 (90.1 KiB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets 918  bytes 92304 (90.1 KiB)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n")
	return 0
}

func mebi(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func ip(c *program.Call) int {
	m := c.Machine
	var words []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	object := ""
	if len(words) > 0 {
		object = words[0]
	}
	switch {
	case object == "":
		c.Err.Print("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n       ip [ -force ] -batch filename\n")
		return 255
	case strings.HasPrefix("address", object), object == "addr":
		c.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: %s: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether %s brd ff:ff:ff:ff:ff:ff\n    inet %s/24 brd %s scope global %s\n       valid_lft forever preferred_lft forever\n", m.NIC(), m.MAC(), m.Host.IP, m.Broadcast(), m.NIC())
	case strings.HasPrefix("link", object):
		c.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n2: %s: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP mode DEFAULT group default qlen 1000\n    link/ether %s brd ff:ff:ff:ff:ff:ff\n", m.NIC(), m.MAC())
	case strings.HasPrefix("route", object):
		c.Printf("default via %s dev %s onlink \n%s/24 dev %s proto kernel scope link src %s \n", m.Gateway(), m.NIC(), m.Network(), m.NIC(), m.Host.IP)
	case strings.HasPrefix("neighbour", object), object == "neigh", object == "neighbor":
		c.Printf("%s dev %s lladdr %s REACHABLE\n", m.Gateway(), m.NIC(), m.GatewayMAC())
	default:
		c.Err.Print("Object \"" + object + "\" is unknown, try \"ip help\".\n")
		return 1
	}
	return 0
}

func route(c *program.Call) int {
	m := c.Machine
	gateway := m.Gateway()
	c.Printf("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n%-15s %-15s 0.0.0.0         UG    0      0        0 %s\n%-15s 0.0.0.0         255.255.255.0   U     0      0        0 %s\n", "0.0.0.0", gateway, m.NIC(), m.Network(), m.NIC())
	return 0
}

func arp(c *program.Call) int {
	m := c.Machine
	if len(c.Args) > 0 && strings.Contains(c.Args[0], "a") {
		c.Printf("_gateway (%s) at %s [ether] on %s\n", m.Gateway(), m.GatewayMAC(), m.NIC())
		return 0
	}
	c.Printf("Address                  HWtype  HWaddress           Flags Mask            Iface\n%-24s ether   %s   C                     %s\n", m.Gateway(), m.GatewayMAC(), m.NIC())
	return 0
}

func netstat(c *program.Call) int {
	options := strings.Join(c.Args, "")
	m := c.Machine
	if strings.Contains(options, "r") {
		return route(c)
	}
	programs := strings.Contains(options, "p") && c.User.UID == 0
	listening := strings.ContainsAny(options, "la")
	title := "(w/o servers)"
	if strings.Contains(options, "a") {
		title = "(servers and established)"
	} else if listening {
		title = "(only servers)"
	}
	c.Print("Active Internet connections " + title + "\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ")
	if programs {
		c.Print(" PID/Program name    ")
	}
	c.Print("\n")
	row := func(local, foreign, state, program string) {
		line := fmt.Sprintf("tcp        0      0 %-23s %-23s %-11s", local, foreign, state)
		if programs {
			line += fmt.Sprintf(" %-20s", program)
		}
		c.Print(line + "\n")
	}
	if listening {
		for _, l := range m.Listening() {
			row(fmt.Sprintf("0.0.0.0:%d", l.Port), "0.0.0.0:*", "LISTEN", fmt.Sprintf("%d/%s", l.PID, l.Name))
		}
	}
	if s := c.Process; s.Source.IsValid() && !(listening && !strings.Contains(options, "a")) {
		row(fmt.Sprintf("%s:%d", m.Host.IP, s.Local.Port()), s.Source.String(), "ESTABLISHED", fmt.Sprintf("%d/sshd: %s", c.PID-2, c.User.Name))
	}
	return 0
}

func ss(c *program.Call) int {
	options := strings.Join(c.Args, "")
	m := c.Machine
	c.Print("State      Recv-Q     Send-Q          Local Address:Port           Peer Address:Port     Process     \n")
	if strings.ContainsAny(options, "la") {
		for _, l := range m.Listening() {
			process := ""
			if strings.Contains(options, "p") && c.User.UID == 0 {
				process = fmt.Sprintf("users:((\"%s\",pid=%d,fd=3))", l.Name, l.PID)
			}
			c.Printf("LISTEN     0          128                   0.0.0.0:%-18d      0.0.0.0:*         %s\n", l.Port, process)
		}
	}
	if s := c.Process; s.Source.IsValid() && !strings.Contains(options, "l") {
		c.Printf("ESTAB      0          36        %21s:%-18d %12s:%d\n", m.Host.IP, s.Local.Port(), s.Source.Addr(), s.Source.Port())
	}
	return 0
}
