package schema

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/module"
)

// MaxSource is how many bytes one configuration file may have.
const MaxSource = 4 << 20

// maxNesting is how deep brackets may nest; the parser is recursive.
const maxNesting = 200

// Options tells Load what is not in the directory.
type Options struct {
	// Name is the configuration's name where no decnet block gives one; it is
	// made a slug. LoadDir takes the directory's.
	Name string
	// Version is this program's, compared with required_version; empty: not
	// compared.
	Version string
	// Catalogue holds archetypes/*.hcl, distros/*.hcl and the built-in modules
	// decnet/NAME/*.hcl; nil: no catalogue.
	Catalogue fs.FS
	// Modules opens modules of git; LoadDir takes those that decnet get fetched
	// and locked.
	Modules Modules
	// VarFiles are files of values named on the command line, weakest first.
	VarFiles []VarFile
}

// VarFile is a file of values that stands outside the configuration.
type VarFile struct {
	Name   string // as diagnostics show it; JSON where it ends in .json
	Source []byte
	Order  int // see Value
}

// LoadDir loads the configuration in a directory. Functions such as file read
// inside it only, symbolic links that lead out are refused.
func LoadDir(dir string, o Options) (*Configuration, hcl.Diagnostics) {
	if o.Name == "" {
		if abs, err := filepath.Abs(dir); err == nil {
			o.Name = filepath.Base(abs)
		}
	}
	if o.Modules == nil {
		o.Modules = module.Open(dir)
	}
	return load(os.DirFS(dir), o, directorySite(dir))
}

// directorySite is where the root module of a directory stands.
func directorySite(dir string) site {
	at := site{tree: func(inner string) fs.FS { return sub(module.Dir(dir), inner) }, dir: ".", label: "."}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return at
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return at
	}
	top := repository(abs)
	inside, err := filepath.Rel(top, abs)
	if err != nil {
		return at
	}
	at.tree = func(inner string) fs.FS { return sub(module.Dir(top), inner) }
	at.dir = filepath.ToSlash(inside)
	return at
}

// Load reads every *.hcl and *.hcl.json at the top of fsys but *.test.hcl, and
// takes decnet.vars.hcl and *.auto.vars.hcl as values, in JSON too; then the
// modules that are called, those of git from o.Modules. It reports what keeps
// the configuration from being read: files, syntax, the decnet block; what is
// wrong with other blocks Evaluate reports together with what it finds itself.
// The Configuration is never nil, so that its files are there for the
// diagnostics.
func Load(fsys fs.FS, o Options) (*Configuration, hcl.Diagnostics) {
	return load(fsys, o, site{tree: func(dir string) fs.FS { return sub(fsys, dir) }, dir: ".", label: "."})
}

// load reads the files of fsys, which are those of the site; functions read
// inside the site only.
func load(fsys fs.FS, o Options, home site) (*Configuration, hcl.Diagnostics) {
	c := newConfiguration(home.tree(home.dir), o)
	l := &loader{configuration: c}
	l.library = &library{
		options: o, root: c, home: home, loaded: map[string]*Configuration{}, opened: map[string]site{}, broken: map[string]error{},
	}
	bodies, values, err := l.directory(fsys, "")
	if err != nil {
		l.fail(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "The configuration's directory cannot be read", Detail: cause(err) + ".",
		})
		c.broken = true
		return c, l.fatal
	}
	if len(bodies) == 0 && len(l.fatal) == 0 {
		l.fail(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "There is no configuration here",
			Detail: "No file ends in .hcl or .hcl.json. Write a main.hcl, or name the directory of a configuration with -C.",
		})
	}
	l.loadCatalogue(o.Catalogue)
	for _, file := range bodies {
		l.blocks(file.Body, false)
	}
	l.loadValues(fsys, values, o.VarFiles)
	l.modules(home)
	if c.broken = l.fatal.HasErrors(); c.broken {
		return c, diag.Sort(l.fatal) // the rest would be guesses about what is missing
	}
	l.finish(o)
	l.join()
	if c.broken = l.fatal.HasErrors(); c.broken {
		return c, diag.Sort(append(l.fatal, l.diags...))
	}
	c.pending = l.diags
	return c, l.fatal
}

// kind is what a file is to a configuration.
type kind int

const (
	otherFile kind = iota
	configurationFile
	valuesFile // read without being named
)

// fileKind tells what a file is by its name. Every file may be in JSON syntax:
// main.hcl.json, decnet.vars.hcl.json, decnet.vars.json.
func fileKind(name string) kind {
	base, inJSON := strings.CutSuffix(name, ".json")
	if inJSON && strings.HasSuffix(base, ".vars") {
		base += ".hcl"
	}
	switch {
	case strings.HasPrefix(name, ".") || !strings.HasSuffix(base, ".hcl") || strings.HasSuffix(base, ".test.hcl"):
		return otherFile
	case base == "decnet.vars.hcl" || strings.HasSuffix(base, ".auto.vars.hcl"):
		return valuesFile
	case strings.HasSuffix(base, ".vars.hcl"):
		return otherFile // for --var-file
	}
	return configurationFile
}

// directory parses the files of a module. values are the names of those that
// hold values for variables.
func (l *loader) directory(fsys fs.FS, label string) (bodies []*hcl.File, values []string, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries { // sorted by name
		name := entry.Name()
		switch kind := fileKind(name); {
		case entry.IsDir():
		case kind == valuesFile:
			values = append(values, name)
		case kind == configurationFile:
			if file := l.parseFrom(fsys, name, path.Join(label, name)); file != nil {
				bodies = append(bodies, file)
			}
		}
	}
	return bodies, values, nil
}

// join puts the modules together and looks for circles through all of them.
func (l *loader) join() {
	left := maxModules
	c := l.configuration
	if c.whole = plant(c, nil, nil, &left); left == 0 {
		l.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "There are too many modules", Detail: fmt.Sprintf("At most %d are loaded.", maxModules-1)})
		return
	}
	_, diags := c.order()
	l.add(diags...)
}

// loader reads one module.
type loader struct {
	configuration *Configuration
	library       *library
	fatal         hcl.Diagnostics // what keeps it from being read
	diags         hcl.Diagnostics
	settings      hcl.Diagnostics // of the decnet block
	iterator      string          // known in the expressions that are being read
}

func (l *loader) fail(d *hcl.Diagnostic) { l.fatal = append(l.fatal, d) }

func (l *loader) add(d ...*hcl.Diagnostic) { l.diags = append(l.diags, d...) }

// parseFrom reads and parses a file, shown in diagnostics as label.
func (l *loader) parseFrom(fsys fs.FS, name, label string) *hcl.File {
	src, err := readLimited(fsys, name)
	if err != nil {
		l.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: label + " cannot be read", Detail: cause(err) + "."})
		return nil
	}
	return l.parse(src, label)
}

func (l *loader) parse(src []byte, label string) *hcl.File {
	if at, deep := tooDeep(src, label); deep {
		l.configuration.files[label] = &hcl.File{Bytes: src}
		l.fail(nestingError(at))
		return nil
	}
	if isJSON(label) {
		return l.parseJSON(src, label)
	}
	file, diags := hclsyntax.ParseConfig(src, label, hcl.InitialPos)
	if file != nil {
		l.configuration.files[label] = file
	}
	l.fatal = append(l.fatal, diags...)
	return file
}

func nestingError(at hcl.Range) *hcl.Diagnostic {
	return diag.Error(at, "Brackets nest too deep", "At most %d levels are read.", maxNesting)
}

// tooDeep looks for nesting that the recursive parser should not be given. It
// counts in strings and comments too, where nobody writes that many brackets.
func tooDeep(src []byte, label string) (hcl.Range, bool) {
	depth, line, column := 0, 1, 1
	for i, c := range src {
		switch c {
		case '(', '[', '{':
			if depth++; depth > maxNesting {
				start := hcl.Pos{Line: line, Column: column, Byte: i}
				end := hcl.Pos{Line: line, Column: column + 1, Byte: i + 1}
				return hcl.Range{Filename: label, Start: start, End: end}, true
			}
		case ')', ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			line, column = line+1, 0
		}
		column++
	}
	return hcl.Range{}, false
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, MaxSource+1))
	if err == nil && len(src) > MaxSource {
		err = fmt.Errorf("it is larger than %d bytes", MaxSource)
	}
	return src, err
}

// cause is an error without the path in it.
func cause(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return err.Error()
}

func (l *loader) loadCatalogue(catalogue fs.FS) {
	if catalogue == nil {
		return
	}
	for _, pattern := range []string{"archetypes/*.hcl", "distros/*.hcl"} {
		names, err := fs.Glob(catalogue, pattern)
		if err != nil {
			l.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "The catalogue cannot be read", Detail: err.Error()})
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			if file := l.parseFrom(catalogue, name, "modules/"+name); file != nil {
				l.blocks(file.Body, true)
			}
		}
	}
}

// slugOr is s as a slug, or fallback where nothing of it is left.
func slugOr(s, fallback string) string {
	if slug := derive.Slug(s); slug != "" && slug[0] >= 'a' {
		return slug
	}
	return fallback
}
