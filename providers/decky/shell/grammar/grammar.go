// Package grammar tells what a shell says of a script that it cannot parse:
// at which token it stops, what it expected, what was left open. It holds the
// grammars of bash, dash and busybox' ash as far as their mistakes go; it makes
// no tree, which mvdan.cc/sh's parser does, and runs nothing.
package grammar

import (
	"slices"
	"strings"
)

// Dialect is a shell's grammar.
type Dialect int

// Dialects.
const (
	Bash Dialect = iota
	Dash
	Ash
)

// Error is where a script cannot go on.
type Error struct {
	// Token is the token nobody expected: its text, "newline", or nothing where
	// the script ends (EOF).
	Token string
	// Word tells that it is an ordinary word; Redirect that it is < or its kin.
	Word, Redirect bool
	EOF            bool
	// Expecting is the token that dash and ash wanted, where they say so.
	Expecting string
	// Open is the quote or bracket that is never closed.
	Open string
	// Command, Array: what Open belongs to is $(...) or name=(...).
	Command, Array bool
	// Text is a message of its own, instead of all this.
	Text string
	// Line is where the token stands or where Open was opened, Last the last
	// line of the script; both from 1.
	Line, Last int
	// Start is the offset of the command that cannot be parsed: what is before
	// it runs.
	Start int
	// Deep tells that the script nests deeper than is followed.
	Deep bool
	// Test is a mistake inside [[ ]].
	Test bool
}

// Span is a part of the script.
type Span struct{ From, To int }

// Unclosed is a here-document that ends with the script.
type Unclosed struct {
	End        string
	Line, Last int
}

// Edit is text to insert where another parser reads the script otherwise.
type Edit struct {
	At     int
	Insert string
}

// Result is what was seen on the way.
type Result struct {
	Err        *Error
	Expansions []Span // ${...}
	Arithmetic []Span // $((...)) and ((...))
	Unclosed   []Unclosed
	Edits      []Edit // in their order
	// Words are the edits that make ordinary commands of declarations and tests,
	// for where the other parser refuses them.
	Words []Edit

	tokens int          // read so far
	most   int          // that may be read
	plain  map[int]bool // where $(( opens no arithmetic
}

// Check reads a script as a shell of that dialect does.
func Check(script string, d Dialect) (r Result) {
	if d == Bash && !strings.HasSuffix(script, "\n") {
		script += "\n" // bash reads a line at a time, and the last one ends too
	}
	r.most, r.plain = 20*len(script)+1000, map[int]bool{}
	p := &parser{lexer: &lexer{src: script, line: 1, dialect: d, found: &r}}
	defer func() {
		if caught := recover(); caught != nil {
			f, ok := caught.(failure)
			if !ok {
				panic(caught)
			}
			f.Start = p.start
			r.Err = &f.Error
			r.sort(p.start)
		}
	}()
	for {
		t := p.peek()
		p.start = t.at
		if t.kind == tEOF {
			break
		}
		if t.kind == tNewline {
			p.next()
			continue
		}
		p.complete()
	}
	p.bodies()
	r.sort(len(script) + 1)
	return r
}

// sort puts the edits in their order and drops those from end on.
func (r *Result) sort(end int) {
	for _, list := range []*[]Edit{&r.Edits, &r.Words} {
		*list = slices.DeleteFunc(*list, func(e Edit) bool { return e.At >= end })
		slices.SortStableFunc(*list, func(a, b Edit) int { return a.At - b.At })
	}
}
