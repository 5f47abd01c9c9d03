package telnet

import (
	"strings"
)

// busybox is busybox' telnetd (1.35): it asks four questions, listens to no
// answer but the window's size, and reads commands off each read(2) as it came.
type busybox struct {
	*link
	host     hostinfo
	dangling bool // the last read ended in an IAC
	size     client
}

func newBusybox(l *link, h hostinfo) *busybox {
	l.tty.xtabs = true
	return &busybox{link: l, host: h}
}

func (b *busybox) begin() error {
	b.send(iac, cmdDo, optEcho, iac, cmdDo, optNAWS, iac, cmdWill, optEcho, iac, cmdWill, optSGA)
	return b.flush()
}

// greet shows issue.net on the terminal, a carriage return behind each line
// feed.
func (b *busybox) greet() error {
	_, err := b.tty.Write([]byte("\r\n" + strings.ReplaceAll(b.host.issue, "\n", "\n\r")))
	return err
}

func (b *busybox) client() client {
	c := b.size
	c.options = b.options()
	return c
}

func (b *busybox) flushed() {}

func (b *busybox) encode(p []byte) []byte {
	return []byte(strings.ReplaceAll(string(p), "\xff", "\xff\xff"))
}

func (b *busybox) receive(p []byte) {
	if n := len(p); n > 0 && p[n-1] == 0 {
		p = p[:n-1]
	}
	if b.dangling && len(p) > 0 {
		p = append([]byte{iac}, p...)
		b.dangling = false
	}
	asked := false // the last thing was an AYT
	for len(p) > 0 {
		// What the terminal shows is read one round later: the answer to an
		// AYT overtakes it, and another AYT meanwhile is not answered.
		if p[0] == iac {
			ayt := len(p) > 1 && p[1] == cmdAYT
			if !ayt {
				b.tty.flush()
			} else if !asked {
				// IAC NOP, whose IAC is doubled on its way out.
				b.send(iac, iac, cmdNOP)
			}
			asked = ayt
			p = p[b.command(p):]
			continue
		}
		asked = false
		b.tty.flush()
		n := 1
		for n < len(p) && p[n] != iac && p[n-1] != '\r' {
			n++
		}
		b.tty.keys(p[:n])
		// What follows a CR within the same read is left out.
		if p[n-1] == '\r' && n < len(p) && (p[n] == '\n' || p[n] == 0) {
			n++
		}
		p = p[n:]
	}
	b.tty.flush()
	if b.link.flush() != nil {
		b.tty.hangup(b.err)
	}
}

// command is how many bytes of p, which starts with IAC, are one command.
func (b *busybox) command(p []byte) int {
	switch {
	case len(p) == 1:
		b.dangling = true
		return 1
	case p[1] == iac:
		b.tty.keys(p[1:2])
		return 2
	case p[1] >= cmdSE && p[1] <= 249 || len(p) == 2:
		return 2
	case p[1] == cmdSB && p[2] == optNAWS:
		b.note(cmdSB, optNAWS)
		if len(p) <= 6 {
			return len(p)
		}
		b.tty.resize(int(p[3])<<8|int(p[4]), int(p[5])<<8|int(p[6]))
		return 7 // the IAC SE behind it is read as a command
	}
	b.note(p[1], p[2])
	return 3
}
