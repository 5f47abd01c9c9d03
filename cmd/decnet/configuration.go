package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/cmd/internal/version"
	deckies "github.com/decnet/decnet/providers/decky/all"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"

	"github.com/decnet/decnet/modules"
)

// load reads the configuration and shows what is wrong with it.
func (a *app) load() (*schema.Configuration, error) {
	configuration, diags, err := a.read()
	if err != nil {
		return nil, err
	}
	return configuration, a.report(configuration, diags)
}

// read reads the configuration.
func (a *app) read() (*schema.Configuration, hcl.Diagnostics, error) {
	options, err := a.loadOptions()
	if err != nil {
		return nil, nil, err
	}
	configuration, diags := schema.LoadDir(a.dir, options)
	return configuration, diags, nil
}

// loadOptions are what every reading of a configuration is told.
func (a *app) loadOptions() (schema.Options, error) {
	options := schema.Options{Version: version.String(), Catalogue: modules.FS}
	for _, f := range a.given.files {
		source, err := os.ReadFile(f.text)
		if err != nil {
			return options, fmt.Errorf("values: %w", err)
		}
		options.VarFiles = append(options.VarFiles, schema.VarFile{Name: f.text, Source: source, Order: f.place})
	}
	return options, nil
}

// report shows diagnostics; its error is exitFailure where one is an error. A
// command that writes reports keeps warnings for them, and writes them at once
// where nothing else will follow.
func (a *app) report(c *schema.Configuration, diags hcl.Diagnostics) error {
	if a.reports != nil {
		a.reports.configuration = c
	}
	return a.reportIn(c.Files(), diags)
}

// reportIn is report of diagnostics in any files.
func (a *app) reportIn(sources map[string]*hcl.File, diags hcl.Diagnostics) error {
	if len(diags) == 0 {
		return nil
	}
	if a.reports != nil {
		a.reports.findings = append(a.reports.findings, diag.Findings(sources, diags)...)
		a.reports.records = append(a.reports.records, diag.Records(sources, diags)...)
		if diags.HasErrors() {
			if err := a.reports.invalid(a); err != nil {
				return err
			}
		}
	} else if a.json && diags.HasErrors() {
		if err := a.printJSON(validity(diag.Records(sources, diags))); err != nil {
			return err
		}
		return exitFailure
	}
	if a.reports == nil || a.reports.human() {
		if err := diag.Write(a.stderr, sources, diags, a.diagnostics()); err != nil {
			return err
		}
		fmt.Fprintln(a.stderr)
	}
	if diags.HasErrors() {
		return exitFailure
	}
	return nil
}

// evaluate resolves a configuration against the state and the host. Without a
// session it knows neither, as in a check that runs anywhere.
func (a *app) evaluate(ctx context.Context, c *schema.Configuration, s *session) (*schema.Desired, error) {
	desired, diags, err := a.resolve(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return desired, a.report(c, diags)
}

func (a *app) resolve(ctx context.Context, c *schema.Configuration, s *session) (*schema.Desired, hcl.Diagnostics, error) {
	desired, _, diags, err := a.inScope(ctx, c, s)
	return desired, diags, err
}

// inScope is resolve that also leaves the scope, nil where there are errors.
func (a *app) inScope(ctx context.Context, c *schema.Configuration, s *session) (*schema.Desired, *schema.Scope, hcl.Diagnostics, error) {
	if s == nil {
		return a.resolveWith(c, func(*schema.EvalOptions) error { return nil }, nil)
	}
	return a.resolveWith(c, func(o *schema.EvalOptions) error { return s.options(ctx, c.Settings(), o) }, importedPrior(ctx, s.engine))
}

// livePrior is what the objects that imports name were made with, by their new
// addresses.
type livePrior func(imports []schema.Import) map[addr.Address]json.RawMessage

// resolveWith evaluates with what fill knows of the state; live may be nil.
func (a *app) resolveWith(c *schema.Configuration, fill func(*schema.EvalOptions) error, live livePrior) (*schema.Desired, *schema.Scope, hcl.Diagnostics, error) {
	variables, err := a.variables()
	if err != nil {
		return nil, nil, nil, err
	}
	options := schema.EvalOptions{
		Environment: environment(), Variables: variables, Services: serviceTypes(),
		DefaultRuntime: os.Getenv("DECNET_RUNTIME"),
	}
	if options.Interfaces, err = hostInterfaces(); err != nil {
		return nil, nil, nil, err
	}
	if err := fill(&options); err != nil {
		return nil, nil, nil, err
	}
	desired, scope, diags := c.EvaluateScope(options)
	prior, moved := movedPrior(options.Prior, desired)
	prior, taken := withImported(prior, desired, live)
	if moved || taken {
		// What moves or is taken in keeps the name, IP and MAC that it had elsewhere.
		options.Prior = prior
		desired, scope, diags = c.EvaluateScope(options)
	}
	return desired, scope, diags, nil
}

// movedPrior is what instances had, by the addresses that the moved blocks give
// them; false where none of them moves.
func movedPrior(prior map[addr.Address]json.RawMessage, desired *schema.Desired) (map[addr.Address]json.RawMessage, bool) {
	if desired == nil || len(desired.Moved) == 0 {
		return prior, false
	}
	after, moved := make(map[addr.Address]json.RawMessage, len(prior)), false
	for _, address := range slices.Sorted(maps.Keys(prior)) {
		to := plan.Destination(address, desired.Moved)
		if _, taken := prior[to]; to != address && !taken {
			after[to], moved = prior[address], true
			continue
		}
		after[address] = prior[address]
	}
	return after, moved
}

// withImported adds what is taken in to what instances had; false where nothing
// is.
func withImported(prior map[addr.Address]json.RawMessage, desired *schema.Desired, live livePrior) (map[addr.Address]json.RawMessage, bool) {
	if live == nil || desired == nil || len(desired.Imports) == 0 {
		return prior, false
	}
	found := live(desired.Imports)
	if len(found) == 0 {
		return prior, false
	}
	both := maps.Clone(prior)
	if both == nil {
		both = map[addr.Address]json.RawMessage{}
	}
	maps.Copy(both, found)
	return both, true
}

// options fills in what state and host know.
func (s *session) options(ctx context.Context, settings schema.Settings, o *schema.EvalOptions) error {
	var err error
	if o.DefaultRuntime, err = s.defaultRuntime(ctx, settings.Runtime); err != nil {
		return err
	}
	instances, err := s.store.Instances(ctx)
	if err != nil {
		return err
	}
	o.Prior = make(map[addr.Address]json.RawMessage, len(instances))
	for _, i := range instances {
		o.Prior[i.Address] = i.Config
	}
	if o.Seed = s.meta.Seed; o.Seed == "" && settings.Seed == "" {
		o.Seed = state.NewSeed()
	}
	held, err := reservation.Others(ctx, reservation.Path(dataDir()), s.meta.Lineage)
	if err != nil {
		return nil //nolint:nilerr // the engine's preflight reads it too, and says so in the plan
	}
	taken := make(map[netip.Addr]bool, len(held))
	for _, h := range held {
		if ip, err := netip.ParseAddr(h.IP); err == nil {
			taken[ip] = true
		}
	}
	o.Reserved = func(ip netip.Addr) bool { return taken[ip] }
	return nil
}

// variables are the values of --var, and those that are stronger.
func (a *app) variables() ([]schema.Value, error) {
	var values []schema.Value
	for _, v := range a.given.vars {
		name, raw, ok := strings.Cut(v.text, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--var %q: write --var NAME=VALUE", v.text)
		}
		values = append(values, schema.Value{Name: strings.TrimSpace(name), Raw: raw, Origin: "--var", Order: v.place})
	}
	return append(values, a.values...), nil
}

// environment are the values of DECNET_VAR_name.
func environment() []schema.Value {
	var values []schema.Value
	for _, entry := range os.Environ() {
		key, raw, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(key, "DECNET_VAR_"); ok {
			values = append(values, schema.Value{Name: name, Raw: raw, Origin: key})
		}
	}
	return values
}

// serviceTypes tells the language which services there are.
func serviceTypes() map[string]schema.ServiceType {
	types := map[string]schema.ServiceType{}
	for _, s := range deckies.Services() {
		info := s.Info()
		t := schema.ServiceType{Slug: info.Slug, Summary: info.Summary, Check: s.Check}
		for _, p := range info.Ports {
			t.Ports = append(t.Ports, schema.Port{Number: p.Number, Transport: p.Transport})
		}
		for _, arg := range s.Arguments() {
			t.Arguments = append(t.Arguments, schema.Argument{
				Name: arg.Name, Type: arg.Type, Doc: arg.Doc, Default: arg.Default, OneOf: arg.OneOf, Sensitive: arg.Sensitive,
			})
		}
		types[info.Slug] = t
	}
	return types
}
