package diag

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Record is a diagnostic for programs; its JSON is part of every command's
// --json output.
type Record struct {
	Severity string `json:"severity"` // "error" or "warning"
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Range    *Range `json:"range,omitempty"`
	// Context names the block around the range: `decky "web"`.
	Context string `json:"context,omitempty"`
	// Snippet is the lines of the range, at most maxLines of them.
	Snippet string `json:"snippet,omitempty"`
	// Related are the other places that it is about: the steps of a circle.
	Related []Range `json:"related,omitempty"`
}

// Range is a part of a file.
type Range struct {
	File  string `json:"file"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"` // exclusive
}

// Pos is a place in a file.
type Pos struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // from 1, in characters
	Byte   int `json:"byte"`   // from 0
}

// maxLines is how many lines of source a diagnostic shows, maxLine how many
// bytes of one.
const (
	maxLines = 8
	maxLine  = 300
)

// Records is every diagnostic as a record.
func Records(files map[string]*hcl.File, diags hcl.Diagnostics) []Record {
	out := make([]Record, 0, len(diags))
	for _, d := range diags {
		out = append(out, Describe(files, d))
	}
	return out
}

// Describe is one diagnostic as a record.
func Describe(files map[string]*hcl.File, d *hcl.Diagnostic) Record {
	r := Record{Severity: "error", Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		r.Severity = "warning"
	}
	if d.Subject == nil {
		return r
	}
	s := *d.Subject
	at := rangeOf(s)
	r.Range = &at
	if related, ok := hcl.DiagnosticExtra[Related](d); ok {
		for _, other := range related {
			r.Related = append(r.Related, rangeOf(other))
		}
	}
	file := files[s.Filename]
	if file == nil {
		return r
	}
	r.Context = around(file, s)
	if _, withheld := hcl.DiagnosticExtra[Withheld](d); !withheld {
		r.Snippet = snippet(file.Bytes, s)
	}
	return r
}

func rangeOf(s hcl.Range) Range {
	return Range{
		File:  s.Filename,
		Start: Pos{Line: s.Start.Line, Column: s.Start.Column, Byte: s.Start.Byte},
		End:   Pos{Line: s.End.Line, Column: s.End.Column, Byte: s.End.Byte},
	}
}

// around names the innermost block that holds more than the range itself.
func around(file *hcl.File, s hcl.Range) string {
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return ""
	}
	var names []string
	for body != nil {
		var inner *hclsyntax.Body
		for _, block := range body.Blocks {
			if !block.Range().ContainsPos(s.Start) {
				continue
			}
			name := block.Type
			for _, label := range block.Labels {
				name += ` "` + label + `"`
			}
			names = append(names, name)
			inner = block.Body
			break
		}
		body = inner
	}
	return strings.Join(names, ", ")
}

func snippet(src []byte, s hcl.Range) string {
	if s.Start.Byte > len(src) || s.End.Byte > len(src) || s.Start.Byte > s.End.Byte {
		return ""
	}
	start := s.Start.Byte
	for start > 0 && src[start-1] != '\n' {
		start--
	}
	end := s.End.Byte
	if end > s.Start.Byte && src[end-1] == '\n' {
		end--
	}
	for end < len(src) && src[end] != '\n' {
		end++
	}
	lines := strings.Split(strings.TrimRight(string(src[start:end]), "\r\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if len(line) > maxLine {
			line = strings.ToValidUTF8(line[:maxLine], "") + " ..."
		}
		lines[i] = line
	}
	return strings.Join(lines[:min(len(lines), maxLines)], "\n")
}
