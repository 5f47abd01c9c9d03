package syncfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// Load reads a file, or every *.hcl in a directory in the order of their names.
// The File holds what could be read, also where there are errors; it is never
// nil.
func Load(path string) (*File, hcl.Diagnostics) {
	f := &File{Sources: map[string]*hcl.File{}}
	nowhere := func(format string, args ...any) (*File, hcl.Diagnostics) {
		return f, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "The daemon's file cannot be read", Detail: fmt.Sprintf(format, args...)}}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nowhere("%s. The daemon's file holds sync blocks; another one is named with --file.", err)
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(escapeGlob(path), "*.hcl")); err != nil {
			return nowhere("Look for *.hcl in %s: %s.", path, err)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(filepath.Base(n), ".") })
		if len(names) == 0 {
			return nowhere("There is no *.hcl in %s.", path)
		}
		if len(names) > maxFiles {
			return nowhere("There are %d files in %s; at most %d are read.", len(names), path, maxFiles)
		}
	}
	sources := map[string][]byte{}
	for _, name := range names {
		source, err := readBounded(name)
		if err != nil {
			return nowhere("%s.", err)
		}
		sources[name] = source
	}
	return ParseAll(sources)
}

// escapeGlob is a path as filepath.Glob takes it literally.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("%s can be written by everybody, who then decides what runs here: chmod o-w it", name)
	}
	return io.ReadAll(io.LimitReader(file, maxSource+1))
}

// Parse reads one file.
func Parse(source []byte, name string) (*File, hcl.Diagnostics) {
	return ParseAll(map[string][]byte{name: source})
}

// ParseAll reads files that belong together, in the order of their names. The
// File holds what could be read, also where there are errors; it is never nil.
// A verify block that is missing is a warning.
func ParseAll(sources map[string][]byte) (*File, hcl.Diagnostics) {
	p := &parser{file: &File{Sources: map[string]*hcl.File{}}}
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.source(sources[name], name)
	}
	p.whole()
	return p.file, diag.Sort(p.diags)
}

type parser struct {
	file  *File
	diags hcl.Diagnostics
	dir   string // that paths are relative to: the file's
	needs []need
}

// need is a reference to a sync that may be declared later.
type need struct {
	from string // the sync that depends; empty: a webhook
	to   string
	at   hcl.Range
}

func (p *parser) fail(at hcl.Range, summary, format string, args ...any) {
	p.diags = append(p.diags, diag.Error(at, summary, format, args...))
}

func (p *parser) warn(at hcl.Range, summary, format string, args ...any) {
	p.diags = append(p.diags, diag.Warning(at, summary, format, args...))
}

func (p *parser) source(source []byte, name string) {
	start := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	p.file.Sources[name] = &hcl.File{Bytes: source}
	if len(source) > maxSource {
		p.file.Sources[name] = &hcl.File{}
		p.fail(start, "The file is too large", "At most %d bytes are read.", maxSource)
		return
	}
	if depth(source) > maxNesting {
		p.fail(start, "Brackets nest too deep", "At most %d levels are read.", maxNesting)
		return
	}
	file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	p.diags = append(p.diags, diags...)
	if file == nil {
		return
	}
	p.file.Sources[name] = file
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return
	}
	p.dir = filepath.Dir(name)
	if absolute, err := filepath.Abs(p.dir); err == nil {
		p.dir = absolute
	}
	p.only(body, "the daemon's file", nil, top)
	for _, b := range body.Blocks {
		p.top(b)
	}
}

func (p *parser) top(b *hclsyntax.Block) {
	if !slices.Contains(top, b.Type) || !p.labels(b) {
		return
	}
	f := p.file
	twice := func(first hcl.Range) {
		p.fail(b.DefRange(), b.Type+" is declared twice", "The first one stands at %s; the daemon has one.", place(first))
	}
	switch b.Type {
	case "sync":
		for _, other := range f.Syncs {
			if other.Name == b.Labels[0] {
				p.fail(b.DefRange(), fmt.Sprintf("sync %q is declared twice", other.Name), "The first one stands at %s; rename one of them.", place(other.Declared))
				return
			}
		}
		f.Syncs = append(f.Syncs, p.sync(b))
	case "sink":
		for _, other := range f.Sinks {
			if other.Name == b.Labels[0] {
				p.fail(b.DefRange(), fmt.Sprintf("sink %q is declared twice", other.Name), "The first one stands at %s; rename one of them.", place(other.Declared))
				return
			}
		}
		s, diags := schema.ReadSink(b.AsHCLBlock(), nil, f.Sources[b.DefRange().Filename].Bytes)
		p.diags = append(p.diags, diags...)
		f.Sinks = append(f.Sinks, Sink{Sink: s.Rooted(p.dir), Declared: b.DefRange()})
	case "webhook":
		f.Webhooks = append(f.Webhooks, p.webhook(b))
	case "control":
		if f.Control != nil {
			twice(f.Control.Declared)
		} else {
			f.Control = &Control{Declared: b.DefRange(), Socket: p.read(b, "control").path("socket")}
		}
	case "metrics":
		if f.Metrics != nil {
			twice(f.Metrics.Declared)
		} else {
			f.Metrics = &Metrics{Declared: b.DefRange(), Listen: p.read(b, "metrics").listen("listen")}
		}
	}
}

// labels checks that a block has the labels that it should; the first is a name.
func (p *parser) labels(b *hclsyntax.Block) bool {
	want, form := 0, b.Type+" { ... }"
	if grammar[b.Type].label {
		want, form = 1, b.Type+` "name" { ... }`
	}
	if len(b.Labels) != want {
		p.fail(b.DefRange(), fmt.Sprintf("%s has %d labels here", b.Type, len(b.Labels)), "Write %s.", form)
		return false
	}
	if want == 1 && (!validName.MatchString(b.Labels[0]) || len(b.Labels[0]) > maxNameBytes) {
		p.fail(b.LabelRanges[0], fmt.Sprintf("A %s cannot be called %q", b.Type, b.Labels[0]), "Take letters, digits, _ and -, a letter first, %d at most.", maxNameBytes)
		return false
	}
	return true
}

// only complains about arguments and blocks that do not belong into a body.
func (p *parser) only(body *hclsyntax.Body, where string, arguments, blocks []string) {
	for _, a := range sorted(body.Attributes) {
		switch {
		case slices.Contains(arguments, a.Name):
		case slices.Contains(blocks, a.Name):
			p.fail(a.NameRange, a.Name+" is a block", "Write %s { ... } without =.", a.Name)
		case len(arguments) == 0:
			p.fail(a.NameRange, fmt.Sprintf("There is no argument %q in %s", a.Name, where), "It takes blocks only: %s", diag.Advice("block", a.Name, blocks))
		default:
			d := diag.Unknown(a.NameRange, "argument", a.Name, arguments)
			d.Summary += " in " + where
			p.diags = append(p.diags, d)
		}
	}
	for _, b := range body.Blocks {
		if slices.Contains(arguments, b.Type) {
			p.fail(b.TypeRange, b.Type+" is an argument", "Write %s = ...", b.Type)
		} else if !slices.Contains(blocks, b.Type) {
			d := diag.Unknown(b.TypeRange, "block", b.Type, blocks)
			d.Summary += " in " + where
			p.diags = append(p.diags, d)
		}
	}
}

// sorted are attributes in the order of the source.
func sorted(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(attributes))
	for _, a := range attributes {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return all
}

// depth is how deep brackets nest, those in texts counted too.
func depth(source []byte) int {
	deepest, now := 0, 0
	for _, c := range source {
		switch c {
		case '(', '[', '{':
			now++
			deepest = max(deepest, now)
		case ')', ']', '}':
			now = max(now-1, 0)
		}
	}
	return deepest
}

func place(r hcl.Range) string { return fmt.Sprintf("%s line %d", r.Filename, r.Start.Line) }
