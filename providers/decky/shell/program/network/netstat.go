package network

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

const netstatUsage = `usage: netstat [-vWeenNcCF] [<Af>] -r         netstat {-V|--version|-h|--help}
       netstat [-vWnNcaeol] [<Socket> ...]
       netstat { [-vWeenNac] -i | [-cnNe] -M | -s [-6tuw] }

        -r, --route              display routing table
        -i, --interfaces         display interface table
        -g, --groups             display multicast group memberships
        -s, --statistics         display networking statistics (like SNMP)

        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -p, --programs           display PID/Program name for sockets
        -c, --continuous         continuous listing

        -l, --listening          display listening server sockets
        -a, --all                display all sockets (default: connected)

  <Socket>={-t|--tcp} {-u|--udp} {-U|--udplite} {-S|--sctp} {-w|--raw}
           {-x|--unix} --ax25 --ipx --netrom
`

const netToolsVersion = "net-tools 2.10\n"

func netstat(c *program.Call) int {
	c.Hint = netstatUsage
	shorts := "46AacCeFghHiIlMnNopPrsStuUvVwWxZ"
	if c.Applet {
		c.Hint = ""
		shorts = "raltuwxen"
	}
	f, _, ok := c.Parse(shorts, "all=a listening=l numeric=n programs=p program=p tcp=t udp=u raw=w unix=x route=r interfaces=i statistics=s extend=e verbose=v continuous=c wide=W version=V help=h groups=g timers=o symbolic=N numeric-hosts=n numeric-ports=n inet=4 inet6=6 protocol=A")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 3
	case f.Has("V"):
		c.Print(netToolsVersion + "Fred Baumgarten, Alan Cox, Bernd Eckenfels, Phil Blundell, Tuan Hoang, Brian Micek and others\n+NEW_ADDRT +RTF_IRTT +RTF_REJECT +FW_MASQUERADE +I18N +SELINUX\n")
		return 0
	case f.Has("h"):
		c.Print(netstatUsage)
		return 0
	case f.Has("Z"):
		c.Err.Print("SELinux is not enabled on this machine.\n")
		return 1
	case f.Has("r"):
		routeTable(c, f.Has("n"), true)
		return 0
	case f.Has("i"):
		c.Print("Kernel Interface table\n")
		if f.Has("e") {
			for _, l := range links(c) {
				ifconfigLink(c, l)
			}
			return 0
		}
		c.Print("Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n")
		interfaceTable(c)
		return 0
	case f.Has("g"):
		c.Print("IPv6/IPv4 Group Memberships\nInterface       RefCnt Group\n--------------- ------ ---------------------\n")
		for _, l := range links(c) {
			c.Printf("%-15s %-6d %s\n", l.name, 1, "224.0.0.1")
		}
		return 0
	case f.Has("s"):
		netstatCounters(c)
		return 0
	}
	netstatSockets(c, f)
	return 0
}

func netstatSockets(c *program.Call, f program.Flags) {
	programs := f.Has("p")
	if programs && c.User.UID != 0 {
		c.Err.Print(fmt.Sprintf("(No info could be read for \"-p\": geteuid()=%d but you should be root.)\n", c.User.UID))
		if !f.Has("a") && !f.Has("l") {
			programs = true
		}
	}
	title := "(w/o servers)"
	switch {
	case f.Has("a"):
		title = "(servers and established)"
	case f.Has("l"):
		title = "(only servers)"
	}
	any := !f.Has("t") && !f.Has("u") && !f.Has("w") && !f.Has("x")
	if any || !f.Has("x") || f.Has("t") || f.Has("u") {
		end := ""
		if c.Applet {
			end = " "
		}
		c.Print("Active Internet connections " + title + "\nProto Recv-Q Send-Q Local Address           Foreign Address         State      " + end)
		if f.Has("e") && !c.Applet {
			c.Print(" User       Inode     ")
		}
		if programs {
			c.Print(" PID/Program name    ")
		}
		c.Print("\n")
		for _, s := range sockets(c) {
			listening := s.state == "LISTEN" || s.state == ""
			if (any || f.Has(s.proto[:1])) && (f.Has("a") || f.Has("l") == listening) {
				netstatRow(c, f, s, programs)
			}
		}
	}
	if any || f.Has("x") {
		netstatUnix(c, f, title, programs)
	}
}

func netstatRow(c *program.Call, f program.Flags, s socket, programs bool) {
	numeric := f.Has("n")
	host := func(a string, port int) string {
		name := a
		switch {
		case numeric:
		case a == "0.0.0.0":
		case a == c.Machine.IP():
			name = c.Machine.Host.Hostname
		default:
			if addr, err := netip.ParseAddr(a); err == nil {
				if n := peer.Of(c.Machine).Reverse(addr); n != "" {
					name = n
				}
			}
		}
		end := ":*"
		if port != 0 {
			end = ":" + service(port, numeric)
		}
		if !f.Has("W") && len(name)+len(end) > 23 {
			name = name[:max(23-len(end), 0)]
		}
		return name + end
	}
	c.Printf("%-5s %6d %6d %-23s %-23s %-11s", s.proto, 0, s.sent, host(s.local, s.port), host(s.remote, s.far), s.state)
	if c.Applet {
		c.Print(" ")
	}
	if f.Has("e") && !c.Applet {
		user := fmt.Sprint(s.uid)
		if !numeric {
			user = c.Machine.UserName(s.uid)
		}
		c.Printf(" %-10s %-9d", user, s.inode)
	}
	if programs {
		holder := "-"
		if c.User.UID == 0 && len(s.holders) > 0 {
			holder = fmt.Sprintf("%d/%s", s.holders[len(s.holders)-1], s.name)
			if s.state == "ESTABLISHED" && s.name == "sshd" {
				holder += ": " + c.User.Name
			}
			holder = holder[:min(len(holder), 19)]
		}
		c.Printf(" %-20s", holder)
	}
	c.Print("\n")
}

func netstatUnix(c *program.Call, f program.Flags, title string, programs bool) {
	last := "I-Node   "
	if c.Applet {
		last = "I-Node "
	}
	if programs {
		last += "PID/Program name     "
	}
	c.Print("Active UNIX domain sockets " + title + "\nProto RefCnt Flags       Type       State         " + last + "Path\n")
	if !f.Has("a") && !f.Has("l") {
		return
	}
	data, err := c.View().ReadFile("/proc/net/unix")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(data)) {
		w := strings.Fields(line)
		if len(w) != 8 || !strings.HasPrefix(w[7], "/") {
			continue
		}
		kind, flags, state := "STREAM", "[ ACC ]", "LISTENING"
		if w[4] == "0002" {
			if kind, flags, state = "DGRAM", "[ ]", ""; !f.Has("a") {
				continue
			}
		}
		holder := ""
		if programs {
			holder = fmt.Sprintf("%-20s ", "-")
			if c.User.UID == 0 {
				holder = fmt.Sprintf("%-20s ", "1/init")
			}
		}
		c.Printf("unix  %-6d %-11s %-10s %-13s %-8s %s%s\n", 2, flags, kind, state, w[6], holder, w[7])
	}
}

func netstatCounters(c *program.Call) {
	rb, rp, tb, tp := c.Machine.Traffic()
	c.Printf("Ip:\n    Forwarding: 2\n    %d total packets received\n    0 forwarded\n    0 incoming packets discarded\n    %d incoming packets delivered\n    %d requests sent out\n    OutTransmits: %d\n", rp, rp*98/100, tp, tp)
	c.Print("Icmp:\n    14 ICMP messages received\n    0 input ICMP message failed\n    ICMP input histogram:\n        destination unreachable: 14\n    14 ICMP messages sent\n    0 ICMP messages failed\n    ICMP output histogram:\n        destination unreachable: 14\nIcmpMsg:\n        InType3: 14\n        OutType3: 14\n")
	opened := rp/2200 + 11
	c.Printf("Tcp:\n    %d active connection openings\n    %d passive connection openings\n    3 failed connection attempts\n    %d connection resets received\n    1 connections established\n    %d segments received\n    %d segments sent out\n    %d segments retransmitted\n    0 bad segments received\n    %d resets sent\n", opened/3, opened, opened/9, rp*91/100, tp*93/100, rp/9000, opened/4)
	c.Printf("Udp:\n    %d packets received\n    0 packets to unknown port received\n    0 packet receive errors\n    %d packets sent\n    0 receive buffer errors\n    0 send buffer errors\nUdpLite:\nTcpExt:\n    %d packet headers predicted\nIpExt:\n    InOctets: %d\n    OutOctets: %d\n    InNoECTPkts: %d\nMPTcpExt:\n", rp*6/100, tp*6/100, rp*40/100, rb, tb, rp)
}
