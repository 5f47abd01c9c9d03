package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// identify reads the client's identification (RFC 4253 section 4.2). It reads
// byte by byte as sshd does: whatever follows a wrong line stays unread.
func (c *Conn) identify() error {
	b := c.config.Build
	line, err := c.readLine()
	if err != nil && !errors.Is(err, errInvalid) {
		return err
	}
	software, verdict := c.judge(line, err)
	if c.config.Identified != nil {
		if err := c.config.Identified(line, verdict == accepted); err != nil {
			return err
		}
	}
	switch verdict {
	case accepted:
		c.theirs = line
		c.client.Identification = string(line)
		if b.Product == build.OpenSSH {
			c.quirks = quirksOf(software)
		}
		return nil
	case unwanted:
		return &EndError{Reset: c.unread(0), Reason: "client is a known scanner"}
	}
	text := b.Texts.Invalid
	if verdict == otherMajor {
		text = b.Texts.Mismatch
	}
	if text != "" {
		if _, err := io.WriteString(c.conn, text+b.Texts.TextEnd); err != nil {
			return fmt.Errorf("answer an identification: %w", err)
		}
	}
	return &EndError{Reset: c.unread(0), Reason: "client sent no identification of SSH 2"}
}

var errInvalid = errors.New("invalid identification")

// readLine reads up to a line feed, into a line that is the client's own words
// even where it is wrong.
func (c *Conn) readLine() ([]byte, error) {
	t := &c.config.Build.Texts
	line := make([]byte, 0, 64)
	var b [1]byte
	for carriage := false; ; {
		if n, err := c.conn.Read(b[:]); n == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			return line, c.lost(line, err)
		}
		switch {
		case b[0] == '\n':
			return c.cut(line), nil
		case t.Cut:
			if line = append(line, b[0]); len(line) >= t.MaxIdentification {
				return c.cut(line), nil
			}
			continue
		case b[0] == '\r':
			carriage = true
			continue
		case b[0] == 0, carriage, len(line) >= t.MaxIdentification:
			return append(line, b[0]), errInvalid
		}
		line = append(line, b[0])
	}
}

// cut is the line as its reader sees it: OpenSSH before 8.0 up to the first CR
// or NUL, dropbear without CR and up to a NUL.
func (c *Conn) cut(line []byte) []byte {
	if !c.config.Build.Texts.Cut {
		return line
	}
	if c.config.Build.Product == build.Dropbear {
		line = bytes.ReplaceAll(line, []byte{'\r'}, nil)
	} else {
		line, _, _ = bytes.Cut(line, []byte{'\r'})
	}
	line, _, _ = bytes.Cut(line, []byte{0})
	return line
}

// lost reports what a client said before it left, and the end of the
// connection.
func (c *Conn) lost(line []byte, err error) error {
	if len(line) > 0 && c.config.Identified != nil {
		if err := c.config.Identified(line, false); err != nil {
			return err
		}
	}
	return ended(err)
}

// ended makes an EndError of a client's leaving.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return &EndError{Client: true, Reason: "connection closed by the client"}
	}
	return fmt.Errorf("ssh: read: %w", err)
}

// verdict is what an identification line amounts to.
type verdict int

const (
	accepted verdict = iota
	invalid
	otherMajor
	unwanted
)

func (c *Conn) judge(line []byte, err error) (software string, v verdict) {
	if err != nil {
		return "", invalid
	}
	if c.config.Build.Product == build.Dropbear {
		if s := string(line); !strings.HasPrefix(s, "SSH-2.") && !strings.HasPrefix(s, "SSH-1.99-") {
			return "", invalid
		}
		return "", accepted
	}
	major, minor, software, ok := parseIdentification(string(line))
	switch {
	case !ok:
		return "", invalid
	case major != 2 && (major != 1 || minor != 99):
		return "", otherMajor
	case quirksOf(software).has(quirkDismissed):
		return software, unwanted
	}
	return software, accepted
}

// parseIdentification reads SSH-major.minor-software as sscanf does for sshd:
// numbers may have a sign and blanks before them, the software's name is at
// least one byte.
func parseIdentification(line string) (major, minor int, software string, ok bool) {
	rest, ok := strings.CutPrefix(line, "SSH-")
	if !ok {
		return 0, 0, "", false
	}
	if major, rest, ok = scanInt(rest); !ok {
		return 0, 0, "", false
	}
	if rest, ok = strings.CutPrefix(rest, "."); !ok {
		return 0, 0, "", false
	}
	if minor, rest, ok = scanInt(rest); !ok {
		return 0, 0, "", false
	}
	if software, ok = strings.CutPrefix(rest, "-"); !ok || software == "" {
		return 0, 0, "", false
	}
	return major, minor, software, true
}

// scanInt is %d of C: a number that does not fit keeps its low 32 bits, after
// the 64-bit limits, as glibc's does.
func scanInt(s string) (n int, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\v\f\r")
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	digits := end
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == digits {
		return 0, s, false
	}
	wide, _ := strconv.ParseInt(s[:end], 10, 64) // out of range gives the limit
	return int(int32(wide)), s[end:], true
}

// unreadPatience is how long bytes that have arrived may take to be read.
const unreadPatience = 300 * time.Microsecond

// unread tells whether the client has sent more than allowed beyond what was
// read: sshd leaves it to the kernel, which then closes with RST.
func (c *Conn) unread(allowed int) bool {
	b := make([]byte, allowed+1)
	n := 0
	for tries := 0; tries < 2 && n < len(b); {
		if err := c.conn.SetReadDeadline(time.Now().Add(unreadPatience)); err != nil {
			return false
		}
		m, err := c.conn.Read(b[n:])
		n += m
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return false // the client has left
		}
		if err != nil {
			tries++
		}
	}
	return n > allowed
}

// unreadPackets is unread where packets are read: sshd takes 8 KiB at once,
// dropbear a block and then the packet.
func (c *Conn) unreadPackets() bool {
	d := &c.in
	if c.config.Build.Product != build.Dropbear {
		return c.unread(max(0, readSize-(d.w-d.r)))
	}
	taken := d.took
	if taken == 0 {
		taken = max(8, d.cipher.block())
	}
	return d.w-d.r > taken || c.unread(0)
}
