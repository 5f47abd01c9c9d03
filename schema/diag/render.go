package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Style is how Write writes.
type Style struct {
	Width int  // columns that text is wrapped at; 0: not wrapped
	Color bool // ANSI colours
}

// Write renders diagnostics for people:
//
//	Error: There is no archetype "web-sever"
//
//	  on main.hcl line 12, in decky "web":
//	  12:   archetype = "web-sever"
//	                    ^^^^^^^^^^^
//
//	Did you mean "web-server"? There are ...
//
// files are those of Configuration.Files.
func Write(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, style Style) error {
	var b bytes.Buffer
	for i, d := range diags {
		if i > 0 {
			b.WriteByte('\n')
		}
		writeOne(&b, files, d, style)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

func writeOne(b *bytes.Buffer, files map[string]*hcl.File, d *hcl.Diagnostic, style Style) {
	label, colour := "Error", "\x1b[1;31m"
	if d.Severity == hcl.DiagWarning {
		label, colour = "Warning", "\x1b[1;33m"
	}
	if style.Color {
		fmt.Fprintf(b, "%s%s:\x1b[0m \x1b[1m%s\x1b[0m\n", colour, label, printable(d.Summary))
	} else {
		fmt.Fprintf(b, "%s: %s\n", label, printable(d.Summary))
	}
	if r := Describe(files, d); r.Range != nil {
		b.WriteByte('\n')
		fmt.Fprintf(b, "  on %s line %d", r.Range.File, r.Range.Start.Line)
		if r.Context != "" {
			fmt.Fprintf(b, ", in %s", printable(r.Context))
		}
		b.WriteString(":\n")
		writeSnippet(b, r, colour, style)
	}
	if d.Detail != "" {
		b.WriteByte('\n')
		for line := range strings.SplitSeq(d.Detail, "\n") {
			b.WriteString(wrap(printable(line), style.Width))
			b.WriteByte('\n')
		}
	}
}

func writeSnippet(b *bytes.Buffer, r Record, colour string, style Style) {
	if r.Snippet == "" {
		return
	}
	lines := strings.Split(r.Snippet, "\n")
	for i, line := range lines {
		prefix := fmt.Sprintf("  %d: ", r.Range.Start.Line+i)
		shown := printable(line)
		fmt.Fprintf(b, "%s%s\n", prefix, shown)
		if i > 0 || len(lines) > 1 {
			continue
		}
		start, end := clampRunes(line, r.Range.Start.Column), clampRunes(line, r.Range.End.Column)
		marks := strings.Repeat("^", max(end-start, 1))
		if style.Color {
			marks = colour + marks + "\x1b[0m"
		}
		fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", len(prefix)+start), marks)
	}
}

// clampRunes is a 1-based column as a 0-based offset within line.
func clampRunes(line string, column int) int {
	return min(max(column-1, 0), utf8.RuneCountInString(line))
}

// printable keeps control characters off a terminal; a tab becomes one space,
// so that marks stand below what they mark.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError:
			return '\uFFFD'
		}
		return r
	}, s)
}

func wrap(s string, width int) string {
	if width < 20 || utf8.RuneCountInString(s) <= width {
		return s
	}
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
