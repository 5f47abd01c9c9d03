package network

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// pingUsage is the usage of iputils' ping in words of ours.
const pingUsage = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -A                 use adaptive ping
  -c <count>         stop after <count> replies
  -D                 print timestamps
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

For more details see ping(8).
`

// maxEchoes bounds one call.
const maxEchoes = 10_000

// echo is one call of ping.
type echo struct {
	c              *program.Call
	name           string
	addr           netip.Addr
	count          int64
	interval       time.Duration
	wait, deadline time.Duration
	size           int64
	quiet          bool
	sent, received int64
	errors         int64
	times          []float64 // milliseconds
	spent          time.Duration
}

func ping(c *program.Call) int {
	c.Hint = pingUsage
	if c.Applet {
		c.Hint = ""
	}
	f, hosts, ok := c.Parse("aAbBc:CdDe:fF:hi:I:l:Lm:M:nN:Op:qQ:rRs:S:t:T:UvVw:W:46", "")
	switch {
	case !ok && c.Applet:
		return 1
	case !ok:
		return 2
	case f.Has("V"):
		c.Print("ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n")
		return 0
	case f.Has("h"):
		c.Err.Print(pingUsage)
		return 2
	case len(hosts) == 0 && c.Applet:
		c.Err.Print("ping: missing operand\n")
		return 1
	case len(hosts) == 0:
		c.Err.Print("ping: usage error: Destination address required\n")
		return 1
	}
	e := &echo{c: c, name: hosts[len(hosts)-1], interval: time.Second, wait: 10 * time.Second, size: 56, quiet: f.Has("q")}
	if status, ok := e.options(f); !ok {
		return status
	}
	c.Kernel.Wanted("probe", "ping "+e.name)
	w := peer.Of(c.Machine)
	if e.name == "0" {
		e.name = "127.0.0.1"
	}
	addr, fail := w.Lookup(e.name)
	if _, numeric := peer.Numeric(e.name); !numeric && !addr.IsLoopback() && !c.Wait(time.Duration(c.Machine.Number("resolve/"+e.name, 4, 60))*time.Millisecond) {
		return 2
	}
	if fail != peer.Found && c.Applet {
		return c.Complain("bad address '%s'", e.name)
	}
	if fail != peer.Found {
		c.Err.Print(c.Name + ": " + e.name + ": " + fail.Text() + "\n")
		return 2
	}
	if c.Name == "ping6" || f.Has("6") || addr.Is6() {
		if addr.Is4() {
			c.Err.Print(c.Name + ": " + e.name + ": Address family for hostname not supported\n")
			return 2
		}
		c.Err.Print(c.Name + ": connect: " + map[bool]string{true: "Cannot assign requested address", false: "Network is unreachable"}[addr.IsLoopback()] + "\n")
		return 2
	}
	e.addr = addr
	if w.Answers(addr) == peer.Unreachable && !addr.IsMulticast() {
		c.Err.Print(c.Name + ": connect: Network is unreachable\n")
		return 2
	}
	return e.run()
}

// options reads the values of options; one that is no number ends the program.
func (e *echo) options(f program.Flags) (status int, ok bool) {
	for _, letter := range []string{"c", "s", "t", "w", "W", "i"} {
		text, given := f.Value[letter]
		if !given {
			continue
		}
		var number float64
		if n, err := fmt.Sscanf(text, "%g", &number); n != 1 || err != nil || strings.Trim(text, "0123456789.") != "" || letter != "i" && letter != "W" && strings.Contains(text, ".") {
			if e.c.Applet {
				return e.c.Complain("invalid number '%s'", text), false
			}
			e.c.Err.Print("ping: invalid argument: '" + text + "'\n")
			return 1, false
		}
		d := time.Duration(min(number, 1e6) * float64(time.Second))
		switch letter {
		case "c":
			if number < 1 && !e.c.Applet {
				e.c.Err.Print("ping: invalid argument: '" + text + "': out of range: 1 <= value <= 9223372036854775807\n")
				return 1, false
			}
			e.count = int64(min(number, maxEchoes))
		case "s":
			e.size = int64(min(number, 65507))
		case "w":
			e.deadline = d
		case "W":
			e.wait = d
		case "i":
			if number < 0.002 && e.c.User.UID != 0 {
				e.c.Err.Print("ping: cannot flood, minimal interval for user must be >= 2 ms, use -i 0.002 (or higher)\n")
				return 2, false
			}
			e.interval = max(d, 2*time.Millisecond)
		}
	}
	return 0, true
}

func (e *echo) run() int {
	c := e.c
	if c.Applet {
		c.Printf("PING %s (%s): %d data bytes\n", e.name, e.addr, e.size)
	} else {
		c.Printf("PING %s (%s) %d(%d) bytes of data.\n", e.name, e.addr, e.size, e.size+28)
	}
	w := peer.Of(c.Machine)
	answer, rtt := w.Answers(e.addr), w.RTT(e.addr)
	limit := e.count
	if limit == 0 {
		limit = maxEchoes
	}
	interrupted := false
	for e.sent < limit && !c.Busy() {
		if e.deadline > 0 && e.spent >= e.deadline {
			break
		}
		e.sent++
		if answer == peer.Open {
			e.reply(rtt)
		}
		if e.sent < limit && !e.pass(e.interval) {
			interrupted = true
			break
		}
		if answer == peer.NoHost && e.sent%3 == 0 {
			e.unreachable()
		}
	}
	if !interrupted && answer != peer.Open && c.Stop == nil {
		last := e.wait
		if e.deadline > 0 {
			last = min(last, max(e.deadline-e.spent, 0))
		}
		if answer == peer.NoHost && last >= 3*time.Second {
			last = 3 * time.Second
		}
		interrupted = !e.pass(last)
		if answer == peer.NoHost && !interrupted && last >= 3*time.Second {
			e.unreachable()
		}
	}
	stop := c.Stop
	if interrupted {
		// ^C makes it sum up before it ends.
		c.Stop = nil
	}
	e.summary()
	if stop != nil {
		c.Stop = stop
	}
	if e.received == 0 {
		return 1
	}
	return 0
}

func (e *echo) pass(d time.Duration) bool {
	if e.deadline > 0 {
		d = min(d, max(e.deadline-e.spent, 0))
	}
	e.spent += d
	return e.c.Wait(d)
}

// ttlOf is what is left of the hops that a stranger's system starts with.
func (e *echo) ttl() int {
	w := peer.Of(e.c.Machine)
	switch {
	case w.Own(e.addr), e.c.Machine.Persona.Prefix().Contains(e.addr):
		return 64
	}
	return int(peer.Number("ttl/"+e.addr.String(), 44, 57))
}

func (e *echo) reply(rtt time.Duration) {
	c := e.c
	jitter := 1 + float64(peer.Number(fmt.Sprint("jitter/", e.addr, e.sent, c.Now().UnixNano()), -60, 160))/1000
	ms := rtt.Seconds() * 1000 * jitter
	e.times = append(e.times, ms)
	e.received++
	if !c.Wait(rtt) || e.quiet {
		return
	}
	text := fmt.Sprintf("%.3f", ms)
	switch {
	case c.Applet:
	case ms >= 100:
		text = fmt.Sprintf("%.0f", ms)
	case ms >= 10:
		text = fmt.Sprintf("%.1f", ms)
	case ms >= 1:
		text = fmt.Sprintf("%.2f", ms)
	}
	from := e.addr.String()
	if name := peer.Of(c.Machine).Reverse(e.addr); name != "" && e.name != e.addr.String() {
		from = name + " (" + e.addr.String() + ")"
	} else if e.name != e.addr.String() {
		from = e.addr.String() + " (" + e.addr.String() + ")"
	}
	if c.Applet {
		c.Printf("%d bytes from %s: seq=%d ttl=%d time=%s ms\n", e.size+8, e.addr, e.sent-1, e.ttl(), text)
		return
	}
	c.Printf("%d bytes from %s: icmp_seq=%d ttl=%d time=%s ms\n", e.size+8, from, e.sent, e.ttl(), text)
}

// unreachable is what the host says itself once nobody answers to ARP.
func (e *echo) unreachable() {
	first := e.errors + 1
	for n := first; n <= e.sent; n++ {
		e.errors++
		if !e.quiet && !e.c.Applet {
			e.c.Printf("From %s icmp_seq=%d Destination Host Unreachable\n", e.c.Machine.IP(), n)
		}
	}
}

func (e *echo) summary() {
	c := e.c
	c.Printf("\n--- %s ping statistics ---\n", e.name)
	loss := (e.sent - e.received) * 100 / max(e.sent, 1)
	low, high, sum, squares := math.Inf(1), 0.0, 0.0, 0.0
	for _, t := range e.times {
		low, high, sum, squares = min(low, t), max(high, t), sum+t, squares+t*t
	}
	n := float64(max(len(e.times), 1))
	if c.Applet {
		c.Printf("%d packets transmitted, %d packets received, %d%% packet loss\n", e.sent, e.received, loss)
		if len(e.times) > 0 {
			c.Printf("round-trip min/avg/max = %.3f/%.3f/%.3f ms\n", low, sum/n, high)
		}
		return
	}
	errors := ""
	if e.errors > 0 {
		errors = fmt.Sprintf(", +%d errors", e.errors)
	}
	took := time.Duration(0)
	if e.sent > 1 {
		took = time.Duration(e.sent-1)*e.interval + time.Duration(e.sent)*700*time.Microsecond
	}
	c.Printf("%d packets transmitted, %d received%s, %d%% packet loss, time %dms\n", e.sent, e.received, errors, loss, took.Milliseconds())
	switch {
	case len(e.times) > 0:
		c.Printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", low, sum/n, high, math.Sqrt(max(squares/n-sum*sum/n/n, 0)))
	case e.errors > 1:
		c.Printf("pipe %d\n", min(e.errors, 4))
	default:
		c.Print("\n")
	}
}
