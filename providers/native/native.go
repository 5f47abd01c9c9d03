// Package native makes deckies without a container engine: each is a network
// namespace with one link, sysctls and egress rules of its own, and its services
// are served by jailed workers of a supervisor (providers/decky/supervise). Every
// object has a record, written before the object is made and removed after it,
// so that whatever a kill leaves is found again. It makes no network; the
// netlink provider does.
package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/record"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
)

const name = "native"

// Provider makes native deckies and their services.
type Provider struct {
	env providers.Env

	mu      sync.Mutex
	clients map[string]*supervise.Client
	books   map[string]*record.Book
	host    *link.Handle
	// defaults are a new namespace's sysctls.
	defaults map[string]string

	statuses statuses // for examinations
}

// New is the provider for env. Close it.
func New(env providers.Env) providers.Provider {
	return &Provider{env: env, clients: map[string]*supervise.Client{}, books: map[string]*record.Book{}}
}

var (
	_ providers.Prober      = (*Provider)(nil)
	_ providers.Preflighter = (*Provider)(nil)
)

// Name is "native".
func (p *Provider) Name() string { return name }

// Resources are the decky and the service.
func (p *Provider) Resources() []providers.Resource {
	return []providers.Resource{
		providers.NewResource(providers.Spec{Type: providers.TypeDecky, Runtime: providers.RuntimeNative, Parallel: parallel}, &deckies{p}),
		// Services are batched to the supervisor: the more at once, the fewer
		// batches.
		providers.NewResource(providers.Spec{Type: providers.TypeService, Runtime: providers.RuntimeNative, Parallel: 64}, &services{p}),
	}
}

// parallel operations on namespaces: the kernel serialises most of them.
const parallel = 8

// Close ends the connections; deckies go on being served.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.clients {
		errs = append(errs, c.Close())
	}
	for _, b := range p.books {
		errs = append(errs, b.Close())
	}
	p.clients, p.books = map[string]*supervise.Client{}, map[string]*record.Book{}
	if p.host != nil {
		p.host.Close()
		p.host = nil
	}
	return errors.Join(errs...)
}

func (p *Provider) dirs(lineage string) supervise.Dirs {
	return supervise.NewDirs(lineage, p.env.DataDir, p.env.RunDir)
}

// client is the one connection to a lineage's supervisor.
func (p *Provider) client(lineage string) *supervise.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[lineage]
	if c == nil {
		args := append([]string{p.env.Decky, "supervise"}, supervise.Args(lineage, p.env.DataDir, p.env.RunDir)...)
		if p.env.Rootless {
			args = append(args, supervise.Rootless)
		}
		var unit []string
		if p.env.Supervisor != nil && !p.env.Rootless {
			unit = p.env.Supervisor(lineage)
		}
		c = supervise.NewClient(supervise.ClientOptions{Log: p.env.Log, Dirs: p.dirs(lineage), Start: args, Unit: unit, Image: p.env.DeckyDigest})
		p.clients[lineage] = c
	}
	return c
}

// book is the one book of a lineage's records.
func (p *Provider) book(lineage string) *record.Book {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.books[lineage]
	if b == nil {
		b = p.dirs(lineage).Book()
		p.books[lineage] = b
	}
	return b
}

// fresh is what a new namespace of this kernel has of these sysctls: they need
// no writing, which costs more than it seems.
func (p *Provider) fresh(names map[string]string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.defaults == nil {
		p.defaults = map[string]string{}
	}
	missing := false
	for n := range names {
		missing = missing || p.defaults[n] == ""
	}
	if !missing {
		return p.defaults, nil
	}
	defaults := map[string]string{}
	err := namespace.Temporary(func() error {
		for n := range names {
			value, err := link.ReadSysctl(n)
			if err != nil {
				return err
			}
			defaults[n] = value
		}
		return nil
	})
	p.defaults = defaults // a new map: others may be reading the old one
	return defaults, err
}

// hostLinks is the handle on the namespace that decnet runs in.
func (p *Provider) hostLinks() (*link.Handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == nil {
		h, err := link.Open()
		if err != nil {
			return nil, err
		}
		p.host = h
	}
	return p.host, nil
}

// privileged tells whether objects can be looked at and changed.
func privileged() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &providers.UnavailableError{
		Provider: name,
		What:     "network namespaces need root",
		Remedy:   "run decnet as root (sudo)",
	}
}

// exists tells, without privilege, whether a lineage has anything native at all.
func (p *Provider) exists(lineage string) bool {
	for _, path := range []string{filepath.Join(p.env.DataDir, lineage), filepath.Join(p.env.RunDir, lineage)} {
		if _, err := os.Lstat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	return false
}

func (p *Provider) binary() error {
	if p.env.DeckyDigest == "" {
		return &providers.UnavailableError{Provider: name, What: fmt.Sprintf("the decky binary %s is missing", p.env.Decky), Remedy: "build it beside decnet: make build"}
	}
	return nil
}
