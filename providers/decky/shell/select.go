package shell

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// selectClause shows a menu, reads a number and runs the body with the choice,
// until a break or the end of input.
func (r *runner) selectClause(name string, items []string, body []*syntax.Stmt, io Streams) error {
	if len(items) == 0 {
		r.state.status = 0
		return nil
	}
	show := true
	for {
		if err := r.step(); err != nil {
			return err
		}
		if show {
			io.Err.Print(menu(items, r.columns()))
		}
		ps3, ok := r.state.get("PS3")
		if !ok {
			ps3 = "#? "
		}
		io.Err.Print(ps3)
		line, eof, err := program.ReadLine(io.In, '\n', maxValue)
		if err != nil || eof && line == "" {
			io.Out.Print("\n")
			r.state.status = 1
			return nil
		}
		r.state.set("REPLY", line)
		if show = strings.TrimSpace(line) == ""; show {
			continue
		}
		choice, n := "", 0
		if _, err := fmt.Sscanf(strings.TrimSpace(line), "%d", &n); err == nil && n >= 1 && n <= len(items) {
			choice = items[n-1]
		}
		r.state.set(name, choice)
		if done, err := r.loop(body, io); done {
			return err
		}
	}
}

func (r *runner) columns() int {
	if n := int(r.session.cols.Load()); n > 0 {
		return n
	}
	return 80
}

// menu lays the choices out downwards as bash does.
func menu(items []string, width int) string {
	digits := len(fmt.Sprint(len(items)))
	longest := 0
	for _, item := range items {
		longest = max(longest, len(item))
	}
	cell := longest + digits + 2 + 2
	columns := max(1, min(width/cell, len(items)))
	rows := (len(items) + columns - 1) / columns
	if rows == 1 || len(items) <= 2 || rows*cell <= 0 {
		rows = len(items)
	}
	if len(items)*1 <= 9 && rows < len(items) {
		rows = len(items)
	}
	var b strings.Builder
	for i := 0; i < rows; i++ {
		for at := i; at < len(items); at += rows {
			fmt.Fprintf(&b, "%*d) %s", digits, at+1, items[at])
			if at+rows < len(items) {
				b.WriteString(strings.Repeat(" ", max(cell-digits-2-len(items[at]), 1)))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
