package network

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

const ssUsage = `Usage: ss [ OPTIONS ]
       ss [ OPTIONS ] [ FILTER ]
   -h, --help          this message
   -V, --version       output version information
   -n, --numeric       don't resolve service names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -o, --options       show timer information
   -e, --extended      show detailed socket information
   -p, --processes     show process using socket
   -s, --summary       show socket usage summary

   -4, --ipv4          display only IP version 4 sockets
   -6, --ipv6          display only IP version 6 sockets
   -t, --tcp           display only TCP sockets
   -u, --udp           display only UDP sockets
   -w, --raw           display only RAW sockets
   -x, --unix          display only Unix domain sockets

       FILTER := [ state STATE-FILTER ] [ EXPRESSION ]
`

// states are ss' names of netstat's.
var states = map[string]string{"LISTEN": "LISTEN", "ESTABLISHED": "ESTAB", "": "UNCONN"}

func ss(c *program.Call) int {
	c.Hint = ssUsage
	f, rest, ok := c.Parse("haletuwxnrmpiosbEZzHOTSM0KVf:A:D:F:N:46", "help=h all=a listening=l extended=e tcp=t udp=u raw=w unix=x numeric=n resolve=r memory=m processes=p info=i options=o summary=s version=V ipv4=4 ipv6=6 no-header=H oneline=O family=:f query=:A socket=:A packet=0 events=E context=Z contexts=z kill=K net=:N threads=T dccp=d sctp=S mptcp=M cgroup=~ tos=~")
	switch {
	case !ok:
		return 255
	case f.Has("h"):
		c.Print(ssUsage)
		return 0
	case f.Has("V"):
		c.Print("ss utility, iproute2-6.1.0\n")
		return 0
	case f.Has("Z") || f.Has("z"):
		c.Err.Print("ss: SELinux is not enabled.\n")
		return 1
	case f.Has("s"):
		ssSummary(c)
		return 0
	}
	kinds := ""
	for _, k := range []string{"t", "u", "w", "x", "S", "0"} {
		if f.Has(k) {
			kinds += k
		}
	}
	switch q := f.Value["A"]; {
	case strings.Contains(q, "inet"), strings.Contains(q, "all"):
		kinds += "tu"
	case q != "":
		for name, k := range map[string]string{"tcp": "t", "udp": "u", "unix": "x", "raw": "w"} {
			if strings.Contains(q, name) {
				kinds += k
			}
		}
	}
	if f.Value["f"] == "unix" {
		kinds = "x"
	}
	only := ""
	if len(rest) > 1 && rest[0] == "state" {
		only = strings.ToLower(rest[1])
		rest = rest[2:]
	}
	t := &ssTable{c: c, f: f, netid: len(kinds) != 1, only: only}
	t.netid = t.netid || kinds == ""
	if f.Has("6") && !f.Has("4") {
		t.print()
		return 0
	}
	for _, s := range sockets(c) {
		if t.wanted(s, kinds) && matches(s, rest) {
			t.add(s)
		}
	}
	if (kinds == "" || strings.Contains(kinds, "x")) && !f.Has("4") {
		t.unix(f.Has("l") || f.Has("a"))
	}
	t.print()
	return 0
}

// ssTable is what is shown, in columns.
type ssTable struct {
	c     *program.Call
	f     program.Flags
	netid bool
	only  string
	rows  [][]string
}

func (t *ssTable) wanted(s socket, kinds string) bool {
	if kinds != "" && !strings.Contains(kinds, s.proto[:1]) {
		return false
	}
	listening := s.state == "LISTEN" || s.state == ""
	switch t.only {
	case "":
	case "all":
		return true
	case "established", "connected", "synchronized", "big", "estab":
		return s.state == "ESTABLISHED"
	case "listening", "listen":
		return s.state == "LISTEN"
	default:
		return false
	}
	switch {
	case t.f.Has("a"):
		return true
	case t.f.Has("l"):
		return listening
	}
	return !listening
}

// matches reads the filters "sport = :22" and "dst ADDRESS", and lets any other
// pass.
func matches(s socket, words []string) bool {
	for i := 0; i+1 < len(words); i++ {
		w := strings.Trim(words[i], "()")
		value := strings.Trim(words[i+1], "()")
		if (value == "=" || value == "==" || value == "eq") && i+2 < len(words) {
			value = strings.Trim(words[i+2], "()")
		}
		value = strings.TrimPrefix(value, ":")
		switch w {
		case "sport":
			if value != fmt.Sprint(s.port) && value != service(s.port, false) {
				return false
			}
		case "dport":
			if value != fmt.Sprint(s.far) && value != service(s.far, false) {
				return false
			}
		case "dst":
			if !strings.HasPrefix(s.remote, value) {
				return false
			}
		case "src":
			if !strings.HasPrefix(s.local, value) {
				return false
			}
		}
	}
	return true
}

func (t *ssTable) add(s socket) {
	numeric := t.f.Has("n")
	far := "*"
	if s.far != 0 {
		far = service(s.far, numeric)
	}
	process := ""
	if t.f.Has("p") && t.c.User.UID == 0 {
		var users []string
		for _, pid := range s.holders {
			users = append(users, fmt.Sprintf("(\"%s\",pid=%d,fd=%d)", s.name, pid, s.fd))
		}
		process = " users:(" + strings.Join(users, ",") + ")"
	}
	if t.f.Has("o") && s.state == "ESTABLISHED" {
		process += fmt.Sprintf(" timer:(on,%dms,0)", 200+s.port%40)
	}
	if t.f.Has("e") {
		if s.uid != 0 {
			process += fmt.Sprintf(" uid:%d", s.uid)
		}
		process += fmt.Sprintf(" ino:%d sk:%x cgroup:/system.slice/%s.service <->", s.inode, s.inode&0xfff, s.name)
	}
	t.rows = append(t.rows, []string{s.proto, states[s.state], "0", fmt.Sprint(max(s.queue, s.sent)), s.local, service(s.port, numeric), s.remote, far, process})
}

// unix are the sockets of /proc/net/unix.
func (t *ssTable) unix(listening bool) {
	data, err := t.c.View().ReadFile("/proc/net/unix")
	if err != nil || !listening {
		return
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 8 && strings.HasPrefix(f[7], "/") {
			kind, state := "u_str", "LISTEN"
			if f[4] == "0002" {
				kind, state = "u_dgr", "UNCONN"
			}
			t.rows = append(t.rows, []string{kind, state, "0", map[bool]string{true: "4096", false: "0"}[kind == "u_str"], f[7], f[6], "*", "0", ""})
		}
	}
}

// print sets the columns as ss does: the least that fits, and on a terminal what
// is left of the line between them.
func (t *ssTable) print() {
	head := []string{"Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"}
	hidden := map[int]bool{0: !t.netid, 1: t.only != "" && t.only != "all"}
	width := make([]int, len(head))
	all := append([][]string{head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	spare := 0
	if t.c.Out.TTY && t.c.Cols > 0 {
		sum := 0
		for i, w := range width[:8] {
			if !hidden[i] {
				sum += w + 1
			}
		}
		spare = max(t.c.Cols-sum-8, 0) / 6
	}
	gap := strings.Repeat(" ", spare)
	if t.f.Has("H") {
		all = all[1:]
	}
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			switch {
			case hidden[i]:
			case i == 4 || i == 6:
				b.WriteString(fmt.Sprintf("%*s:", width[i], cell))
			case i == 5:
				b.WriteString(fmt.Sprintf("%-*s ", width[i], cell) + gap)
			case i == 7:
				b.WriteString(fmt.Sprintf("%-*s", width[i], cell) + gap)
			case i == 8:
				b.WriteString(fmt.Sprintf("%-*s", 7, cell))
			default:
				b.WriteString(fmt.Sprintf("%-*s ", width[i], cell) + gap)
			}
		}
		t.c.Print(b.String() + "\n")
	}
}

func ssSummary(c *program.Call) {
	tcp, udp, estab := 0, 0, 0
	for _, s := range sockets(c) {
		switch {
		case s.proto == "udp":
			udp++
		case s.state == "ESTABLISHED":
			estab++
			tcp++
		default:
			tcp++
		}
	}
	c.Printf("Total: %d\nTCP:   %d (estab %d, closed 0, orphaned 0, timewait 0)\n\nTransport Total     IP        IPv6\n", 112+estab, tcp, estab)
	for _, row := range []struct {
		name string
		n    int
	}{{"RAW", 0}, {"UDP", udp}, {"TCP", tcp}, {"INET", tcp + udp}, {"FRAG", 0}} {
		c.Printf("%s\t  %-9d %-9d %-9d\n", row.name, row.n, row.n, 0)
	}
	c.Print("\n")
}
