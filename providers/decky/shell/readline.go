package shell

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// errAccepted is a line that a key other than Enter ends.
var errAccepted = errors.New("line accepted")

// edit is a state of the line that ^_ goes back to.
type edit struct {
	text   []rune
	at     int
	typing int // characters that were typed since, 0 after anything else
}

// save keeps the line before it changes; what is typed counts as one change,
// by twenty characters.
func (e *editor) save(typing bool) {
	if !e.full {
		return
	}
	if n := len(e.undone); typing && n > 0 && e.undone[n-1].typing > 0 && e.undone[n-1].typing < 20 && e.at == e.undone[n-1].at+e.undone[n-1].typing {
		e.undone[n-1].typing++
		return
	}
	if len(e.undone) > 500 {
		e.undone = e.undone[100:]
	}
	e.undone = append(e.undone, edit{slices.Clone(e.text), e.at, boolean(typing)})
}

// undo is ^_.
func (e *editor) undo() {
	n := len(e.undone)
	if n == 0 {
		e.bell()
		return
	}
	e.text, e.at = e.undone[n-1].text, e.undone[n-1].at
	e.undone = e.undone[:n-1]
}

// newDisplay is a screen with nothing but the prompt on it.
func (e *editor) newDisplay() *display {
	d := &display{put: e.put, width: max(int(e.session.cols.Load()), 2), short: slices.Contains([]string{"vt100", "vt102", "dumb", "ansi-m"}, e.session.options.Term)}
	d.rows = d.split(cells(lastLine(e.prompt), [2]int{}))
	d.row, d.col = len(d.rows)-1, len(d.rows[len(d.rows)-1])
	return d
}

// lastLine is what of a prompt stands in front of the line, as it is seen.
func lastLine(prompt string) []rune {
	prompt = prompt[strings.LastIndexByte(prompt, '\n')+1:]
	var out []rune
	for i := 0; i < len(prompt); {
		switch rest := prompt[i:]; {
		case strings.HasPrefix(rest, "\x1b]"):
			end := strings.IndexByte(rest, 7)
			if end < 0 {
				end = len(rest) - 1
			}
			i += end + 1
		case strings.HasPrefix(rest, "\x1b["):
			n := 2
			for n < len(rest) && (rest[n] < '@' || rest[n] > '~') {
				n++
			}
			i += min(n+1, len(rest))
		default:
			r, n := utf8.DecodeRuneInString(rest)
			if r >= ' ' && r != 127 {
				out = append(out, r)
			}
			i += n
		}
	}
	return out
}

// cells are characters as a terminal shows them: ^A for a control character.
// Those from region[0] to region[1] are in reverse.
func cells(text []rune, region [2]int) []cell {
	var out []cell
	for i, r := range text {
		standout := i >= region[0] && i < region[1]
		switch {
		case r == '\t':
			for range 8 - len(out)%8 {
				out = append(out, cell{' ', standout})
			}
		case r < ' ':
			out = append(out, cell{'^', standout}, cell{r + '@', standout})
		default:
			out = append(out, cell{r, standout})
		}
	}
	return out
}

// refresh shows the line as it is now.
func (e *editor) refresh() {
	if e.full && e.echo {
		e.present(lastLine(e.prompt))
	}
}

// present shows a prompt and the line.
func (e *editor) present(prompt []rune) {
	all := append(slices.Clone(prompt), e.text...)
	region := [2]int{e.region[0] + len(prompt), e.region[1] + len(prompt)}
	at := len(cells(all[:len(prompt)+e.at], [2]int{}))
	e.screen.show(cells(all, region), at)
}

// finish moves to the end of a line that was accepted.
func (e *editor) finish() {
	switch {
	case e.full:
		e.region = [2]int{}
		e.refresh()
		if last := len(e.screen.rows) - 1; e.screen.row < last {
			e.screen.vertical(last)
		}
	case e.simple:
		e.move(len(e.text) - e.at)
	}
}
