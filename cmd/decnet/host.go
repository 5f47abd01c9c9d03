package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/module"
	"github.com/decnet/decnet/schema/module/fetch"
)

// host is what a daemon needs of this program.
type host struct {
	app  *app
	told *sync.Map // names of sites whose operators were told of what is passed over
	file string    // the daemon's own; empty: commits are not tried first
}

var _ daemon.Host = host{}

// at is the invocation as if it were made for a site. Nothing that it has to
// say reaches the terminal.
func (h host) at(site daemon.Site) *app {
	a := *h.app
	a.dir, a.state, a.intelDatabase, a.json, a.reports = site.Dir, site.State, site.Intel, false, nil
	a.stdout, a.stderr = io.Discard, io.Discard
	a.given.files = slices.Clone(a.given.files) // sites are evaluated side by side
	for _, name := range site.VarFiles {
		a.given.next++
		a.given.files = append(a.given.files, placed{text: name, place: a.given.next})
	}
	a.values = site.Variables
	return &a
}

// Open implements daemon.Host.
func (h host) Open(ctx context.Context, site daemon.Site) (*daemon.Session, error) {
	a := h.at(site)
	if site.Given { // the engine's note of where the configuration stands outlives a commit's files
		a.dir = filepath.Dir(site.State)
	}
	s, err := a.open(ctx, site.State, site.Secret, site.Parallelism)
	if err != nil {
		return nil, err
	}
	s.runtime = site.Runtime
	runtime, err := s.defaultRuntime(ctx, "")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &daemon.Session{Store: s.store, Registry: s.registry, Engine: s.engine, Runtime: runtime, Close: s.Close}, nil
}

// Evaluate implements daemon.Host.
func (h host) Evaluate(ctx context.Context, opened *daemon.Session, site daemon.Site) (*schema.Desired, error) {
	if site.Given && h.file != "" {
		if err := try(ctx, h.file, site, maxTrial); err != nil {
			return nil, err
		}
	}
	a := h.at(site)
	s := &session{store: opened.Store, registry: opened.Registry, engine: opened.Engine, runtime: site.Runtime}
	var err error
	if s.meta, err = s.store.Meta(ctx); err != nil {
		return nil, err
	}
	var configuration *schema.Configuration
	var diags hcl.Diagnostics
	if site.Given {
		configuration, diags, err = a.readCommit(ctx, site)
		defer a.keepModules(site)
	} else {
		configuration, diags, err = a.read()
	}
	if err != nil {
		return nil, err
	}
	if err := problems(diags); err != nil {
		return nil, err
	}
	set := configuration.Settings()
	if site.Given && (set.State != "" || set.Secret != "") {
		if _, told := h.told.LoadOrStore(site.Name, true); !told {
			a.log.Warn("what the configuration says of its state and secret is passed over: the daemon's own file decides where they stand", "sync", site.Name)
		}
	}
	desired, diags, err := a.resolve(ctx, configuration, s)
	if err != nil {
		return nil, err
	}
	return desired, problems(diags)
}

// Applied implements daemon.Host.
func (h host) Applied(ctx context.Context, s *daemon.Session, desired *schema.Desired) error {
	return keepOutputs(ctx, s.Store, desired.Outputs)
}

// readCommit reads the files of a commit. Modules of repositories are fetched as
// its lock file has them, or not at all.
func (a *app) readCommit(ctx context.Context, site daemon.Site) (*schema.Configuration, hcl.Diagnostics, error) {
	options, err := a.loadOptions()
	if err != nil {
		return nil, nil, err
	}
	options.Name = site.Name
	lock, err := module.ReadLock(site.Dir)
	if err != nil {
		return nil, nil, err
	}
	folder := filepath.Join(site.Dir, filepath.FromSlash(module.Folder))
	// What a commit says was fetched is not believed, and not in the way.
	if err := os.RemoveAll(filepath.Dir(folder)); err != nil {
		return nil, nil, fmt.Errorf("modules: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return nil, nil, fmt.Errorf("modules: %w", err)
	}
	if err := os.Rename(site.Modules, folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("modules: %w", err)
	}
	fetcher, err := fetch.New(site.Dir, fetch.Options{})
	if err != nil {
		return nil, nil, err
	}
	options.Modules = locked{fetcher, lock, site.Bounds}
	var configuration *schema.Configuration
	var diags hcl.Diagnostics
	err = fetcher.Resolve(ctx, func() { configuration, diags = schema.LoadDir(site.Dir, options) })
	return configuration, diags, err
}

// keepModules puts what was fetched where the next commit finds it.
func (a *app) keepModules(site daemon.Site) {
	folder := filepath.Join(site.Dir, filepath.FromSlash(module.Folder))
	if _, err := os.Stat(folder); err != nil {
		return
	}
	err := errors.Join(os.MkdirAll(filepath.Dir(site.Modules), 0o700), os.RemoveAll(site.Modules))
	if err == nil {
		err = os.Rename(folder, site.Modules)
	}
	if err != nil {
		a.log.Warn("modules are fetched again next time", "error", err)
	}
}

// locked opens modules that the lock file names, and fetches no other.
type locked struct {
	fetcher *fetch.Fetcher
	lock    module.Lock
	bounds  *daemon.Bounds
}

// Open implements schema.Modules.
func (l locked) Open(s module.Source) (fs.FS, string, error) {
	if l.bounds != nil {
		if err := l.bounds.Module(s); err != nil {
			return nil, "", err
		}
	}
	if _, ok := l.lock[s.Package()]; !ok {
		return nil, "", fmt.Errorf("%s is not in %s: run decnet get, and commit that file", s.Package(), module.LockName)
	}
	return l.fetcher.Open(s)
}

// Limits of what is told of a configuration with errors.
const (
	maxProblems = 3
	maxProblem  = 400
)

// problems is an error with the first diagnostics that are one, without the
// lines that they are about: a value may stand there.
func problems(diags hcl.Diagnostics) error {
	var texts []string
	more := 0
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		if len(texts) == maxProblems {
			more++
			continue
		}
		text := d.Summary
		if _, withheld := hcl.DiagnosticExtra[diag.Withheld](d); !withheld && d.Detail != "" {
			text += ". " + d.Detail
		}
		if d.Subject != nil {
			text = fmt.Sprintf("%s:%d: %s", d.Subject.Filename, d.Subject.Start.Line, text)
		}
		if text = strings.Join(strings.Fields(text), " "); len(text) > maxProblem {
			text = strings.ToValidUTF8(text[:maxProblem], "") + "..."
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil
	}
	if more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(texts, "; "))
}
