package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/monitor"
	"github.com/decnet/decnet/providers/link/namespace"
)

// ears hear what happens in network namespaces: links, addresses, routes and
// packet filters. None of them stands inside one: it would keep a dead
// namespace, and its link, alive.
type ears interface {
	// add makes them hear the namespace of a process from now on, as address's.
	// A process that ended has none.
	add(pid int, address string) error
	// hear tells of every change until ctx ends or they are deaf. An empty
	// address is that of anybody: something was missed.
	hear(ctx context.Context, tell func(address, what string)) error
	close()
}

// kernelEars hear the kernel.
type kernelEars struct {
	lineage string
	monitor *monitor.Monitor
}

// listen opens ears for the lineage's links in the namespace that the process
// is in, and for the namespaces that are added.
func (kernel) listen(lineage string) (ears, error) {
	m, err := monitor.Open()
	if err != nil {
		return nil, needsRoot(err)
	}
	return &kernelEars{lineage: lineage, monitor: m}, nil
}

func (e *kernelEars) add(pid int, address string) error {
	err := e.monitor.Follow(address, netnsPath(pid))
	if err == nil || gone(err) || errors.Is(err, namespace.ErrNone) {
		return nil
	}
	return needsRoot(fmt.Errorf("hear the namespace of %s: %w", address, err))
}

func (e *kernelEars) close() { e.monitor.Close() }

func (e *kernelEars) hear(ctx context.Context, tell func(address, what string)) error {
	for {
		changes, err := e.monitor.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hear the network namespaces of deckies: %w", err)
		}
		for _, c := range changes {
			if address, ours := e.owner(c); ours {
				tell(address, c.What())
			}
		}
	}
}

// owner tells whose a change is.
func (e *kernelEars) owner(c monitor.Change) (address string, ours bool) {
	switch {
	case c.Kind == monitor.Overrun:
		return "", true
	case c.Kind == monitor.Mounts || c.Kind == monitor.File:
		return "", false
	case c.Namespace != "":
		return c.Namespace, true
	}
	lineage, address, ok := link.ParseAlias(c.Alias)
	return address, ok && lineage == e.lineage
}
