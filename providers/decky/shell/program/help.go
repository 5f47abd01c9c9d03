package program

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

// helps are the usages of programs whose suites answer a wrong option with
// them, in words of ours: a paragraph each, "name style section synopsis" and
// "letter long ARGUMENT|words" for each option.
//
//go:embed data/helps.txt
var helps string

// manual is one of them.
type manual struct {
	style    string // "p" of procps, "s" of shadow, "u" of util-linux
	section  string
	synopsis string
	options  [][4]string // letter, long name, argument, words
}

var manuals = sync.OnceValue(func() map[string]manual {
	all := map[string]manual{}
	for paragraph := range strings.SplitSeq(strings.TrimSpace(helps), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		head := strings.SplitN(lines[0], " ", 4)
		if len(head) < 3 {
			continue
		}
		m := manual{style: head[1], section: head[2]}
		if len(head) == 4 {
			m.synopsis = head[3]
		}
		for _, line := range lines[1:] {
			names, words, _ := strings.Cut(line, "|")
			f := append(strings.Fields(names), "", "", "")
			m.options = append(m.options, [4]string{strings.Trim(f[0], "-"), strings.Trim(f[1], "-"), f[2], words})
		}
		for name := range strings.SplitSeq(head[0], ",") {
			all[name] = m
		}
	}
	return all
})

// Help is the usage of this program, "" where none is known.
func (c *Call) Help() string {
	m, ok := manuals()[c.Name]
	if !ok {
		return ""
	}
	return m.text(c.Name)
}

// instead tells that the whole usage follows a complaint of an option.
func (c *Call) instead() bool {
	style := manuals()[c.Name].style
	return style == "p" || style == "s"
}

func (m manual) text(name string) string {
	var b strings.Builder
	switch m.style {
	case "s":
		b.WriteString("Usage: " + strings.TrimSpace(name+" "+m.synopsis) + "\n\nOptions:\n")
	default:
		b.WriteString("\nUsage:\n " + strings.TrimSpace(name+" "+m.synopsis) + "\n")
		if len(m.options) > 0 {
			b.WriteString("\nOptions:\n")
		}
	}
	for _, o := range m.options {
		b.WriteString(m.line(o))
	}
	switch m.style {
	case "s":
		b.WriteString("\n")
	case "u":
		fmt.Fprintf(&b, "\n -h, --help     display this help\n -V, --version  display version\n\nFor more details see %s(%s).\n", name, m.section)
	default:
		fmt.Fprintf(&b, "\n -h, --help     display this help and exit\n -V, --version  output version information and exit\n\nFor more details see %s(%s).\n", name, m.section)
	}
	return b.String()
}

// line is one option in the suite's columns.
func (m manual) line(o [4]string) string {
	left := "    "
	switch {
	case o[0] != "" && o[1] != "":
		left = "-" + o[0] + ", --" + o[1]
	case o[0] != "":
		left = "-" + o[0]
	default:
		left += "--" + o[1]
	}
	if o[2] != "" {
		left += " " + o[2]
	}
	if m.style == "s" {
		return fmt.Sprintf("  %-29s %s\n", left, o[3])
	}
	return fmt.Sprintf(" %-19s %s\n", left, o[3])
}
