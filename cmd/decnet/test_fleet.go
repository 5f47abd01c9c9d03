package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/cmd/internal/probe"
	"github.com/decnet/decnet/cmd/internal/suite"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/world"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// testLab makes the fleets of test files, all in the one lab of the sandbox.
type testLab struct {
	app *app
	lab *lab.Lab
	n   int // files so far
}

// open makes the fleet of one file: a state of its own.
func (t *testLab) open(ctx context.Context, file string) (suite.Fleet, error) {
	if t.lab == nil {
		l, err := lab.Up(ctx, "test", lab.Options{Root: labRoot, Log: t.app.log, Here: true})
		if err != nil {
			return nil, err
		}
		t.lab = l
		for name, value := range map[string]string{"DECNET_DATA_DIR": l.DataDir(), "DECNET_RUN_DIR": l.RunDir(), "DECNET_LAB": l.Name, "DOCKER_HOST": "unix:///nonexistent"} {
			if err := os.Setenv(name, value); err != nil {
				return nil, fmt.Errorf("set %s: %w", name, err)
			}
		}
	}
	t.n++
	dir := filepath.Join(t.lab.StateDir(), fmt.Sprint(t.n))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	session, err := t.app.open(ctx, filepath.Join(dir, "state.db"), "", 0)
	if err != nil {
		return nil, fmt.Errorf("open the state of %s: %w", file, err)
	}
	return &testFleet{app: t.app, lab: t.lab, session: session}, nil
}

// testFleet is the fleet of one test file.
type testFleet struct {
	app     *app
	lab     *lab.Lab
	session *session

	planned *plan.Plan
	desired *schema.Desired
	lineage string
	wires   []lab.Wire // of the networks that are planned
}

// Plan implements suite.Fleet. The configuration is read anew: a run may leave
// other files than it found.
func (f *testFleet) Plan(ctx context.Context, values []schema.Value) (suite.World, error) {
	configuration, diags, err := f.app.read()
	if err != nil {
		return suite.World{}, err
	}
	w := suite.World{Diags: diags, Files: configuration.Files()}
	if diags.HasErrors() {
		return w, nil
	}
	if f.session.meta, err = f.session.store.Meta(ctx); err != nil {
		return w, err
	}
	options, err := f.options(ctx, configuration, values)
	if err != nil {
		return w, err
	}
	var more hcl.Diagnostics
	w.Desired, w.Scope, more = configuration.EvaluateScope(options)
	w.Diags = append(w.Diags, more...)
	if w.Desired == nil {
		return w, nil
	}
	onNative(w.Desired)
	if f.wires, err = wiresFor(w.Desired); err != nil {
		return w, err
	}
	if err := f.wire(); err != nil {
		return w, err
	}
	f.desired = w.Desired
	f.planned, err = f.session.engine.Plan(ctx, w.Desired, reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	if err != nil {
		return w, err
	}
	w.Summary = view.Counts(f.planned.Summary)
	return w, nil
}

// wire makes the wires that are there before an apply, and no others.
func (f *testFleet) wire() error {
	var parents []string
	for _, w := range f.wires {
		parents = append(parents, w.Parent)
	}
	if err := f.lab.Detach(parents...); err != nil {
		return err
	}
	for _, w := range f.wires {
		if w.Bridge {
			continue
		}
		if err := f.lab.Attach(w); err != nil {
			return err
		}
	}
	return nil
}

// options are those of any evaluation, on the lab's one interface.
func (f *testFleet) options(ctx context.Context, c *schema.Configuration, values []schema.Value) (schema.EvalOptions, error) {
	options := schema.EvalOptions{Environment: environment(), Variables: values, Services: serviceTypes()}
	var err error
	if options.Interfaces, err = hostInterfaces(); err != nil {
		return options, err
	}
	settings := c.Settings()
	settings.Runtime = providers.RuntimeNative
	return options, f.session.options(ctx, settings, &options)
}

// onNative moves everything to the one runtime that a sandbox has.
func onNative(d *schema.Desired) {
	for i := range d.Instances {
		if d.Instances[i].Runtime == providers.RuntimeDocker {
			d.Instances[i].Runtime = providers.RuntimeNative
		}
	}
}

// Apply implements suite.Fleet.
func (f *testFleet) Apply(ctx context.Context) error {
	_, err := f.session.engine.Apply(ctx, f.planned, reconciler.ApplyOptions{Holder: holder("test"), Desired: f.desired})
	if err != nil {
		return err
	}
	meta, err := f.session.store.Meta(ctx)
	if err != nil {
		return err
	}
	for _, wire := range f.wires {
		if !wire.Bridge {
			continue
		}
		wire.Parent = link.BridgeName(meta.Lineage, wire.Parent)
		if err := f.lab.Attach(wire); err != nil {
			return err
		}
	}
	return nil
}

// Destroy implements suite.Fleet.
func (f *testFleet) Destroy(ctx context.Context) error {
	instances, err := f.session.store.Instances(ctx)
	if err != nil || len(instances) == 0 || f.desired == nil {
		return err
	}
	p, err := f.session.engine.Plan(ctx, f.desired, reconciler.PlanOptions{Destroy: true, Runtime: providers.RuntimeNative})
	if err != nil {
		return err
	}
	_, err = f.session.engine.Apply(ctx, p, reconciler.ApplyOptions{Holder: holder("test")})
	return err
}

// maxEvents bounds what a condition is given.
const maxEvents = 100_000

// Events implements suite.Fleet.
func (f *testFleet) Events(ctx context.Context) ([]*event.Event, error) {
	if f.lineage == "" {
		meta, err := f.session.store.Meta(ctx)
		if err != nil {
			return nil, err
		}
		f.lineage = meta.Lineage
	}
	dirs, err := filepath.Glob(filepath.Join(world.JournalRoot(dataDir(), f.lineage), "*"))
	if err != nil {
		return nil, err
	}
	var all []*event.Event
	for _, dir := range dirs {
		reader := journal.NewReader(dir, journal.Position{})
		for len(all) < maxEvents {
			before := reader.Position()
			records, err := reader.Next(1000)
			if err != nil {
				return nil, errors.Join(err, reader.Close())
			}
			for _, r := range records {
				if r.Err == nil {
					all = append(all, r.Event)
				}
			}
			if len(records) == 0 && reader.Position() == before {
				break
			}
		}
		if err := reader.Close(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b *event.Event) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Dial implements suite.Fleet.
func (f *testFleet) Dial() probe.Dial {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = f.lab.Do(lab.Attacker, func() error {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
}

// Close implements suite.Fleet.
func (f *testFleet) Close() error { return f.session.Close() }
