package web

import "strings"

// Lenient reads the framing of a chunked body for the record alone, for a product
// that takes whatever has sizes and line ends. It implements Framing.
type Lenient struct {
	left  int64
	line  []byte
	state int
}

// States of Lenient.
const (
	lenientSize = iota
	lenientData
	lenientEnd // the line end after data
	lenientTrailer
	lenientDone
)

// Data implements Framing.
func (c *Lenient) Data() int64 {
	if c.state == lenientData {
		return c.left
	}
	return 0
}

// Took implements Framing.
func (c *Lenient) Took(n int64) {
	if c.left -= n; c.left == 0 {
		c.state = lenientEnd
	}
}

// Done implements Framing.
func (c *Lenient) Done() bool { return c.state == lenientDone }

// Step implements Framing.
func (c *Lenient) Step(b byte) bool {
	if b != '\n' {
		c.line = append(c.line, b)
		return len(c.line) <= 1024
	}
	line := strings.TrimRight(string(c.line), "\r")
	c.line = c.line[:0]
	switch c.state {
	case lenientSize:
		n := int64(0)
		for i := 0; i < len(line) && Hex(line[i]) >= 0; i++ {
			if n >= 1<<48 {
				return false
			}
			n = n<<4 | int64(Hex(line[i]))
		}
		if line == "" || Hex(line[0]) < 0 {
			return false
		}
		c.left, c.state = n, lenientData
		if n == 0 {
			c.state = lenientTrailer
		}
	case lenientEnd:
		c.state = lenientSize
		return line == ""
	case lenientTrailer:
		if line == "" {
			c.state = lenientDone
		}
	}
	return true
}
