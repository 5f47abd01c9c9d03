package lint

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
)

// places finds where things are written and what comments say about them.
type places struct {
	files    map[string]*hcl.File
	ignores  []*ignore
	fallback *hcl.Range // for what is about the fleet
}

// ignore is one comment for one rule.
type ignore struct {
	rule   string
	reason string
	at     hcl.Range // the comment
	target hcl.Range // what it is about; zero: nothing
	used   bool
}

func newPlaces(files map[string]*hcl.File) *places {
	p := &places{files: files}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		body, ok := files[name].Body.(*hclsyntax.Body)
		if !ok || body == nil {
			continue
		}
		for _, block := range body.Blocks {
			if strings.Contains(name, "/") {
				break // a module's, or the catalogue's
			}
			if r := block.DefRange(); block.Type == "decnet" || p.fallback == nil {
				p.fallback = &r
			}
		}
		if strings.Contains(string(files[name].Bytes), directive) {
			p.comments(name, files[name].Bytes, body)
		}
	}
	return p
}

// directive begins a comment that takes a rule back:
//
//	# decnet:ignore DN1003: the old billing host really looks like this
const directive = "decnet:ignore"

var ruleID = regexp.MustCompile(`^DN\d{4}$`)

// comments takes in the comments of one file.
func (p *places) comments(name string, source []byte, body *hclsyntax.Body) {
	tokens, _ := hclsyntax.LexConfig(source, name, hcl.InitialPos)
	only := map[int]bool{} // lines that hold nothing but a comment
	code := map[int]bool{}
	var found []hclsyntax.Token
	for _, t := range tokens {
		line := t.Range.Start.Line
		switch t.Type {
		case hclsyntax.TokenComment:
			only[line] = !code[line]
			if strings.Contains(string(t.Bytes), directive) {
				found = append(found, t)
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		default:
			code[line] = true
		}
	}
	for _, t := range found {
		text := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(string(t.Bytes)), "#/*"))
		rest, ok := strings.CutPrefix(text, directive)
		if !ok {
			continue
		}
		line := t.Range.Start.Line
		if only[line] {
			for line++; only[line]; line++ {
			}
		}
		target := targetAt(body, line)
		ids, reason, _ := strings.Cut(strings.TrimSuffix(rest, "*/"), ":")
		for id := range strings.FieldsFuncSeq(ids, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			p.ignores = append(p.ignores, &ignore{rule: id, reason: strings.TrimSpace(reason), at: trimmed(t), target: target})
		}
		if strings.TrimSpace(ids) == "" {
			p.ignores = append(p.ignores, &ignore{at: trimmed(t), target: target})
		}
	}
}

// trimmed is a comment's range without the end of its line.
func trimmed(t hclsyntax.Token) hcl.Range {
	r := t.Range
	text := strings.TrimRight(string(t.Bytes), "\r\n")
	r.End = hcl.Pos{Line: r.Start.Line, Column: r.Start.Column + len([]rune(text)), Byte: r.Start.Byte + len(text)}
	return r
}

// targetAt is the block or argument that begins on a line.
func targetAt(body *hclsyntax.Body, line int) hcl.Range {
	for _, a := range body.Attributes {
		if a.SrcRange.Start.Line == line {
			return a.SrcRange
		}
	}
	for _, b := range body.Blocks {
		r := b.Range()
		switch {
		case r.Start.Line == line:
			return r
		case r.Start.Line < line && line <= r.End.Line:
			return targetAt(b.Body, line)
		}
	}
	return hcl.Range{}
}

// instead is the argument that decides where another is left out.
var instead = map[string]string{"mac": "vendor", "os": "archetype", "distro": "archetype"}

var sourceForm = regexp.MustCompile(`^(.*):(\d+),(\d+)-(?:(\d+),)?(\d+)$`)

// where is the range that says a subject: its argument, else the header of its
// block. nil where no file says it.
func (p *places) where(s Subject) *hcl.Range {
	m := sourceForm.FindStringSubmatch(s.source)
	if m == nil {
		return nil
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n }
	r := hcl.Range{Filename: m[1], Start: hcl.Pos{Line: number(m[2]), Column: number(m[3])}}
	r.End = hcl.Pos{Line: r.Start.Line, Column: number(m[5])}
	if m[4] != "" {
		r.End.Line = number(m[4])
	}
	file := p.files[r.Filename]
	if file == nil {
		return &r
	}
	r.Start.Byte, r.End.Byte = byteOf(file.Bytes, r.Start), byteOf(file.Bytes, r.End)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return &r
	}
	for body != nil {
		var inner *hclsyntax.Body
		for _, block := range body.Blocks {
			if !block.Range().ContainsPos(r.Start) {
				continue
			}
			inner = block.Body
			for _, name := range []string{s.Argument, instead[s.Argument]} {
				if a := block.Body.Attributes[name]; a != nil && block.DefRange().ContainsPos(r.Start) {
					return &a.SrcRange
				}
			}
		}
		body = inner
	}
	return &r
}

// byteOf is the offset of a place whose column counts characters.
func byteOf(source []byte, at hcl.Pos) int {
	line, offset := 1, 0
	for line < at.Line && offset < len(source) {
		if source[offset] == '\n' {
			line++
		}
		offset++
	}
	for column := 1; column < at.Column && offset < len(source) && source[offset] != '\n'; column++ {
		for offset++; offset < len(source) && source[offset]&0xc0 == 0x80; offset++ {
		}
	}
	return offset
}

// suppress splits a finding into what remains and what comments take back.
func (p *places) suppress(f Finding) (kept, taken *Finding) {
	if len(p.ignores) == 0 {
		return &f, nil
	}
	if len(f.Subjects) == 0 {
		if i := p.ignored(f.Rule, p.fallback); i != nil {
			f.Reason = i.reason
			return nil, &f
		}
		return &f, nil
	}
	var remaining, removed []Subject
	reason := ""
	for _, s := range f.Subjects {
		if i := p.ignored(f.Rule, p.where(s)); i != nil {
			removed, reason = append(removed, s), i.reason
		} else {
			remaining = append(remaining, s)
		}
	}
	if len(removed) == 0 {
		return &f, nil
	}
	without := f
	without.Subjects, without.Reason = removed, reason
	if len(remaining) < f.needs {
		return nil, &without
	}
	f.Subjects = remaining
	return &f, &without
}

// ignored is the comment that takes back a rule at a place, or nil.
func (p *places) ignored(rule string, at *hcl.Range) *ignore {
	if at == nil {
		return nil
	}
	for _, i := range p.ignores {
		if i.rule == rule && i.reason != "" && i.target.Filename == at.Filename && i.target.Start.Line > 0 && i.target.ContainsPos(at.Start) {
			i.used = true
			return i
		}
	}
	return nil
}

// problems are what is wrong with the comments themselves. Only rules that ran
// can find a comment unused.
func (p *places) problems(ran map[string]bool) []Finding {
	var out []Finding
	report := func(id string, i *ignore, message string) {
		rule, _ := Lookup(id)
		at := i.at
		out = append(out, Finding{Rule: rule.ID, Name: rule.Name, Severity: rule.Severity, Message: message, Range: &at})
	}
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	for _, i := range p.ignores {
		switch {
		case i.rule == "":
			report(suppressionUnknown, i, "The comment names no rule: write "+directive+" DN1003: why.")
		case !ruleID.MatchString(i.rule) || !slices.Contains(ids, i.rule):
			message := "There is no rule " + strconv.Quote(i.rule) + "."
			if near := diag.Nearest(i.rule, ids); near != "" {
				message += " Did you mean " + near + "?"
			}
			report(suppressionUnknown, i, message)
		case i.reason == "":
			report(suppressionReason, i, i.rule+" is not taken back: the comment gives no reason. Write "+directive+" "+i.rule+": why.")
		case !i.used && i.target.Start.Line == 0:
			report(suppressionUnused, i, "The comment stands before neither a block nor an argument.")
		case !i.used && ran[i.rule]:
			report(suppressionUnused, i, i.rule+" finds nothing here; take the comment away.")
		}
	}
	return out
}

// merge gives findings their places and puts those together that say the same
// of the same place: the instances of one block.
func (p *places) merge(findings []Finding) []Finding {
	type key struct {
		rule, message, place string
	}
	index := map[key]int{}
	out := findings[:0:0]
	for _, f := range findings {
		if f.Range == nil {
			f.Range = p.fallback
			if len(f.Subjects) > 0 {
				f.Range = p.where(f.Subjects[0])
			}
		}
		k := key{rule: f.Rule, message: f.Message}
		if f.Range != nil {
			k.place = f.Range.String()
		}
		if i, same := index[k]; same {
			out[i].Subjects = append(out[i].Subjects, f.Subjects...)
			continue
		}
		index[k] = len(out)
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		if a.Range == nil || b.Range == nil {
			return cmp.Or(known(a.Range)-known(b.Range), strings.Compare(a.Rule, b.Rule))
		}
		return cmp.Or(strings.Compare(a.Range.Filename, b.Range.Filename), a.Range.Start.Byte-b.Range.Start.Byte, strings.Compare(a.Rule, b.Rule))
	})
	return out
}

func known(r *hcl.Range) int {
	if r == nil {
		return 0
	}
	return 1
}
