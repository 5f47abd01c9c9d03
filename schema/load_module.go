package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/module"
)

// Modules opens what modules are fetched from.
type Modules interface {
	// Open is the tree of a source's package, and where it lies, as
	// diagnostics and path.module show it. module.ErrMissing: it was not
	// fetched.
	Open(module.Source) (fs.FS, string, error)
}

// moduleCall is what a module block calls.
type moduleCall struct {
	source string
	at     hcl.Range
	target *Configuration // nil: it was not loaded, which was reported
}

// modules of one configuration.
const (
	// maxDepth is how deep modules may stand in each other.
	maxDepth = 16
	// maxModules is how many modules, and instances of them, there may be.
	maxModules = 4096
)

// site is the folder that a module is loaded from.
type site struct {
	tree   func(dir string) fs.FS // a folder of what local sources may not leave
	origin string                 // of that; "" for the configuration's own
	dir    string                 // inside it
	label  string                 // of the folder: what path.module says
}

func (s site) key() string { return s.origin + "\x00" + s.dir }

// library loads each module once.
type library struct {
	options Options
	root    *Configuration
	home    site // of the root module
	loaded  map[string]*Configuration
	path    []step // from the root to the module that is being loaded
	opened  map[string]site
	broken  map[string]error
}

// step is a module block on the way to a module.
type step struct {
	key  string
	name string
	at   hcl.Range
}

// reserved names have a meaning in a module block, so no variable of a module
// can have one.
var reserved = []string{"source", "version", "providers", "count", "for_each", "depends_on", "lifecycle"}

// call takes in what a module block calls.
func (l *loader) call(b *block) {
	x := b.arguments["source"]
	delete(b.arguments, "source")
	if x == nil {
		return // reported by the grammar
	}
	b.call = &moduleCall{at: x.Range()}
	value, diags := x.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.String || !value.IsKnown() {
		x.bad = true
		l.add(diag.Error(x.Range(), "source must be a plain text", "Modules are loaded before variables are known, so it takes no references and no functions."))
		return
	}
	if b.call.source = value.AsString(); b.call.source == "" {
		l.add(diag.Error(x.Range(), "source is empty", "Write ./FOLDER, decnet/NAME or git::URL."))
	}
}

// modules loads what the module blocks of this module call.
func (l *loader) modules(here site) {
	c := l.configuration
	for _, name := range c.names("module") {
		b := c.blocks["module"][name]
		if b.call == nil || b.call.source == "" {
			continue // reported
		}
		there, d := l.library.find(b, here)
		if d != nil {
			l.add(d)
			continue
		}
		b.call.target = l.module(b, there)
	}
}

// module loads the module at a site, or takes the one that was loaded.
func (l *loader) module(b *block, at site) *Configuration {
	lib := l.library
	if d := lib.circle(b, at); d != nil {
		l.add(d)
		return nil
	}
	if c, done := lib.loaded[at.key()]; done {
		return c
	}
	lib.path = append(lib.path, step{key: at.key(), name: b.name, at: b.declared})
	defer func() { lib.path = lib.path[:len(lib.path)-1] }()
	c := newConfiguration(at.tree(at.dir), lib.options)
	c.child, c.files, c.path = true, lib.root.files, at.label
	c.paths = paths(at.label)
	for _, kind := range []string{"archetype", "distro"} {
		for name, item := range lib.root.blocks[kind] {
			if item.catalogue {
				c.blocks[kind][name] = item
			}
		}
	}
	lib.loaded[at.key()] = c
	inner := &loader{configuration: c, library: lib}
	bodies, _, err := inner.directory(c.root, at.label)
	switch {
	case err != nil:
		l.add(diag.Error(b.call.at, fmt.Sprintf("module %q cannot be read", b.name), "%s: %s.", at.label, cause(err)))
		delete(lib.loaded, at.key())
		return nil
	case len(bodies) == 0 && len(inner.fatal) == 0:
		l.add(diag.Error(b.call.at, fmt.Sprintf("module %q is empty", b.name), "No file in %s ends in .hcl.", at.label))
		return nil
	}
	for _, file := range bodies {
		inner.blocks(file.Body, false)
	}
	inner.modules(at)
	if !inner.fatal.HasErrors() {
		inner.finish(lib.options)
	}
	l.fatal = append(l.fatal, inner.fatal...)
	l.diags = append(l.diags, inner.diags...)
	l.settings = append(l.settings, inner.settings...)
	return c
}

// checkInputs compares what module blocks give with what the modules take.
func (l *loader) checkInputs() {
	c := l.configuration
	if c.child {
		for _, name := range reserved {
			if v := c.variables[name]; v != nil {
				l.add(diag.Error(v.declared, fmt.Sprintf("A variable of a module cannot be called %q", name), "The name has a meaning of its own in a module block. Give it another one."))
			}
		}
	}
	for _, name := range c.names("module") {
		b := c.blocks["module"][name]
		if b.call == nil || b.call.target == nil {
			continue
		}
		takes := b.call.target.variables
		for _, given := range slices.Sorted(maps.Keys(b.arguments)) {
			if takes[given] != nil || slices.Contains(callArguments, given) {
				continue
			}
			l.add(unknownInput(b, given))
		}
		for _, wanted := range slices.Sorted(maps.Keys(takes)) {
			if v := takes[wanted]; b.arguments[wanted] == nil && v.value == cty.NilVal && !slices.Contains(reserved, wanted) {
				l.add(diag.Error(b.declared, fmt.Sprintf("module %q needs the input %q", name, wanted), "It is declared without a default at %s. Write %s = ... in the block.", place(v.declared), wanted))
			}
		}
	}
}

func unknownInput(b *block, name string) *hcl.Diagnostic {
	d := diag.Unknown(b.arguments[name].nameRange, "input", name, slices.Collect(maps.Keys(b.call.target.variables)))
	d.Summary = fmt.Sprintf("module %q has no input %q", b.name, name)
	switch name {
	case "version":
		d.Detail = "There is no registry: the version of a module of git is the ?ref= of its source."
	case "providers":
		d.Detail = "There are no provider blocks; a module's deckies take the runtime that the configuration or they themselves say."
	}
	return d
}

// paths is what path yields in the module of a folder.
func paths(label string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(label), "root": cty.StringVal(".")})
}

// circle reports a module that stands in itself, or too deep.
func (lib *library) circle(b *block, at site) *hcl.Diagnostic {
	i := slices.IndexFunc(lib.path, func(s step) bool { return s.key == at.key() })
	if at.key() != lib.home.key() && i < 0 {
		if len(lib.path) >= maxDepth {
			return diag.Error(b.call.at, "Modules stand too deep in each other", "At most %d levels are loaded.", maxDepth)
		}
		return nil
	}
	var steps []string
	for _, s := range lib.path[i+1:] {
		steps = append(steps, fmt.Sprintf("module %q (%s)", s.name, place(s.at)))
	}
	steps = append(steps, fmt.Sprintf("module %q (%s)", b.name, place(b.declared)))
	return diag.Error(b.call.at, fmt.Sprintf("module %q contains itself", b.name),
		"The way back to %s is %s. Break the circle at one of these places.", at.label, strings.Join(steps, ", then "))
}

// find is where a source leads.
func (lib *library) find(b *block, here site) (site, *hcl.Diagnostic) {
	source, err := module.Parse(b.call.source)
	if err != nil {
		return site{}, diag.Error(b.call.at, "This is no source of a module", "%s.", sentence(err.Error()))
	}
	switch source.Kind {
	case module.Local:
		return lib.local(b, here, source)
	case module.Builtin:
		return lib.builtin(b, source)
	default:
		return lib.fetched(b, source)
	}
}

func (lib *library) local(b *block, here site, source module.Source) (site, *hcl.Diagnostic) {
	there := here
	there.dir = path.Join(here.dir, source.Path)
	if !fs.ValidPath(there.dir) {
		what := "the configuration's repository: the nearest folder above it with a .git, else its own folder"
		if here.origin != "" {
			what = "what it was fetched as"
		}
		return site{}, diag.Error(b.call.at, "The source leads out", "%s is outside %s.", source.Path, what)
	}
	there.label = path.Join(here.label, source.Path)
	if here.origin == "" {
		if rel, err := filepath.Rel(filepath.FromSlash(lib.home.dir), filepath.FromSlash(there.dir)); err == nil {
			there.label = filepath.ToSlash(rel)
		}
	}
	if info, err := fs.Stat(there.tree("."), there.dir); err != nil || !info.IsDir() {
		return site{}, diag.Error(b.call.at, fmt.Sprintf("module %q is not there", b.name), "There is no folder %s.", there.label)
	}
	return there, nil
}

// builtinFolder is where the catalogue keeps modules.
const builtinFolder = "decnet"

func (lib *library) builtin(b *block, source module.Source) (site, *hcl.Diagnostic) {
	var names []string
	if lib.options.Catalogue != nil {
		entries, err := fs.ReadDir(lib.options.Catalogue, builtinFolder)
		if err == nil {
			for _, entry := range entries {
				names = append(names, entry.Name())
			}
		}
	}
	if !slices.Contains(names, source.Path) {
		d := diag.Unknown(b.call.at, "built-in module", source.Path, names)
		return site{}, d
	}
	tree := func(dir string) fs.FS { return sub(lib.options.Catalogue, path.Join(builtinFolder, source.Path, dir)) }
	return site{tree: tree, origin: source.String(), dir: ".", label: source.String()}, nil
}

func (lib *library) fetched(b *block, source module.Source) (site, *hcl.Diagnostic) {
	name := source.Package()
	base, known := lib.opened[name]
	err := lib.broken[name]
	if !known && err == nil {
		base, err = lib.open(source)
		if err != nil {
			lib.broken[name] = err
		} else {
			lib.opened[name] = base
		}
	}
	switch {
	case errors.Is(err, module.ErrMissing):
		return site{}, diag.Error(b.call.at, fmt.Sprintf("module %q was not fetched", b.name), "%s. Run decnet get, which fetches modules and locks them.", sentence(err.Error()))
	case err != nil:
		return site{}, diag.Error(b.call.at, fmt.Sprintf("module %q cannot be used", b.name), "%s.", sentence(err.Error()))
	}
	if source.Path != "" {
		base.dir, base.label = source.Path, path.Join(base.label, source.Path)
	}
	if info, err := fs.Stat(base.tree("."), base.dir); err != nil || !info.IsDir() {
		return site{}, diag.Error(b.call.at, fmt.Sprintf("module %q is not there", b.name), "%s has no folder %s.", name, source.Path)
	}
	return base, nil
}

func (lib *library) open(source module.Source) (site, error) {
	if lib.options.Modules == nil {
		return site{}, errors.New("modules from git need a configuration in a directory")
	}
	fsys, label, err := lib.options.Modules.Open(source)
	if err != nil {
		return site{}, err
	}
	return site{tree: func(dir string) fs.FS { return sub(fsys, dir) }, origin: source.Package(), dir: ".", label: label}, nil
}

// sub is a folder of a tree; links do not lead out of it where it is one of
// the operating system's.
func sub(fsys fs.FS, dir string) fs.FS {
	if dir == "." {
		return fsys
	}
	inner, err := fs.Sub(fsys, dir)
	if err != nil { // an invalid path; callers check it
		return fsys
	}
	return inner
}

// repository is the nearest folder above dir, or dir itself, that holds a
// .git: what local modules may not leave. Without one it is dir.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}
