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
	if err := WriteFindings(w, Findings(files, diags), style); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

// WriteFindings renders findings as Write renders diagnostics. Identifiers other
// than the language's own stand behind the summary; what was suppressed is left
// out.
func WriteFindings(w io.Writer, findings []Finding, style Style) error {
	var b bytes.Buffer
	for _, f := range findings {
		if f.Suppressed != "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		writeOne(&b, f, style)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// labels are how a severity is called, and its colour.
var labels = map[Severity][2]string{
	SeverityError: {"Error", "\x1b[1;31m"}, SeverityWarning: {"Warning", "\x1b[1;33m"}, SeverityNote: {"Note", "\x1b[1;36m"},
}

func writeOne(b *bytes.Buffer, f Finding, style Style) {
	label, colour := labels[f.Severity][0], labels[f.Severity][1]
	summary := printable(f.Title())
	if style.Color {
		summary = fmt.Sprintf("%s%s:\x1b[0m \x1b[1m%s\x1b[0m", colour, label, summary)
	} else {
		summary = label + ": " + summary
	}
	if f.ID != "" && !strings.HasPrefix(f.ID, languagePrefix) {
		summary += " [" + printable(f.ID) + "]"
	}
	b.WriteString(summary + "\n")
	if f.Range != nil {
		b.WriteByte('\n')
		fmt.Fprintf(b, "  on %s line %d", printable(f.Range.File), f.Range.Start.Line)
		if f.Context != "" {
			fmt.Fprintf(b, ", in %s", printable(f.Context))
		}
		b.WriteString(":\n")
		writeSnippet(b, f, colour, style)
	}
	for i, text := range []string{f.Detail, f.Fix, help(f.Help)} {
		if text == "" {
			continue
		}
		if i == 0 || i == 1 && f.Detail == "" {
			b.WriteByte('\n')
		}
		for line := range strings.SplitSeq(text, "\n") {
			b.WriteString(wrap(printable(line), style.Width))
			b.WriteByte('\n')
		}
	}
}

func help(help string) string {
	if help == "" {
		return ""
	}
	return "See " + help
}

func writeSnippet(b *bytes.Buffer, f Finding, colour string, style Style) {
	if f.Snippet == "" {
		return
	}
	lines := strings.Split(f.Snippet, "\n")
	for i, line := range lines {
		prefix := fmt.Sprintf("  %d: ", f.Range.Start.Line+i)
		fmt.Fprintf(b, "%s%s\n", prefix, printable(line))
		if i > 0 || len(lines) > 1 {
			continue
		}
		start, end := clampRunes(line, f.Range.Start.Column), clampRunes(line, f.Range.End.Column)
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
		case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x2069, r == 0xfeff:
			return '\uFFFD' // they hide or reorder text
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
