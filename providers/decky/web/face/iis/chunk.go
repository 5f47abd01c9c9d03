package iis

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
)

// chunks reads the framing of a chunked body for the record alone: it takes
// whatever has sizes and line ends. It implements web.Framing.
type chunks struct {
	left  int64
	line  []byte
	state int // 0 size, 1 data, 2 line end after data, 3 trailer, 4 done
}

// Data implements web.Framing.
func (c *chunks) Data() int64 {
	if c.state == 1 {
		return c.left
	}
	return 0
}

// Took implements web.Framing.
func (c *chunks) Took(n int64) {
	if c.left -= n; c.left == 0 {
		c.state = 2
	}
}

// Done implements web.Framing.
func (c *chunks) Done() bool { return c.state == 4 }

// Step implements web.Framing.
func (c *chunks) Step(b byte) bool {
	if b != '\n' {
		c.line = append(c.line, b)
		return len(c.line) <= 1024
	}
	line := strings.TrimRight(string(c.line), "\r")
	c.line = c.line[:0]
	switch c.state {
	case 0:
		n := int64(0)
		for i := 0; i < len(line) && web.Hex(line[i]) >= 0; i++ {
			if n >= 1<<48 {
				return false
			}
			n = n<<4 | int64(web.Hex(line[i]))
		}
		if line == "" || web.Hex(line[0]) < 0 {
			return false
		}
		c.left, c.state = n, 1
		if n == 0 {
			c.state = 3
		}
	case 2:
		c.state = 0
		return line == ""
	case 3:
		if line == "" {
			c.state = 4
		}
	}
	return true
}
