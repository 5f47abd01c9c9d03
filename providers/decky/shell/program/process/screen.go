package process

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// What top sends to an xterm, as procps 4.0 on ncurses' terminfo does: reset,
// the two ways it clears its attributes, and to the end of the line.
const (
	plain     = "\x1b(B\x1b[m"
	plainer   = plain + "\x1b[39;49m"
	endOfLine = plainer + "\x1b[K"
)

// painter draws top's screen on a terminal.
type painter struct {
	rows, cols int
	begun      bool
}

var figure = regexp.MustCompile(`( *[0-9.]+ )`)

// frame is a screen as it is sent: figures of the summary in bold, the header in
// reverse, what runs in bold.
func (p *painter) frame(screen string) string {
	var b strings.Builder
	b.WriteString("\x1b[H")
	if !p.begun {
		p.begun = true
		b.Reset()
		b.WriteString("\x1b[?1h\x1b=\x1b[?25l\x1b[H\x1b[2J" + plain)
	}
	header := false
	for i, line := range strings.Split(strings.TrimSuffix(screen, "\n"), "\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		switch {
		case i == 0:
			b.WriteString(line + plainer + endOfLine)
		case line == "":
			b.WriteString("\x1b[K")
		case strings.HasPrefix(strings.TrimLeft(line, " "), "PID "):
			header = true
			b.WriteString("\x1b[7m" + p.wide(line) + endOfLine)
		case header:
			bold := ""
			if len(line) > 48 && strings.Contains(line[40:50], " R ") {
				bold = "\x1b[1m"
			}
			b.WriteString(plain + bold + p.wide(line) + endOfLine)
		default:
			label, rest, _ := strings.Cut(line, ":")
			b.WriteString(label + ":" + figure.ReplaceAllString(rest, plainer+"\x1b[1m${1}"+plainer) + plainer + endOfLine)
		}
	}
	return b.String()
}

// wide is a line as wide as the terminal.
func (p *painter) wide(line string) string {
	if len(line) >= p.cols {
		return line[:p.cols]
	}
	return line + strings.Repeat(" ", p.cols-len(line))
}

// over gives the terminal back.
func (p *painter) over() string {
	return "\x1b[?1l\x1b>\x1b[" + strconv.Itoa(p.rows+1) + ";1H\n\x1b[?12l\x1b[?25h\x1b[K"
}

// glance is how often a program that draws looks for a key.
const glance = 100 * time.Millisecond

// pause waits until the next look; it is false where the user ends the program
// with q or ^C. Any other key brings the look forward.
func pause(c *program.Call, keys program.Keyboard, every time.Duration) bool {
	if keys == nil {
		return c.Wait(every)
	}
	for ; every > 0; every -= glance {
		if keys.Typed() {
			var key [1]byte
			n, err := keys.Read(key[:])
			return err == nil && n == 1 && key[0] != 'q' && key[0] != 'Q' && key[0] != 3
		}
		if !c.Wait(min(every, glance)) {
			return false
		}
	}
	return true
}
