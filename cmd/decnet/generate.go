package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/cmd/internal/generate"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// generated writes blocks for what import blocks name and nothing declares into
// a new file of the configuration, and returns the configuration with it.
func (a *app) generated(ctx context.Context, s *session, c *schema.Configuration, out string) (*schema.Configuration, error) {
	if err := a.checkGenerated(out); err != nil {
		return nil, err
	}
	desired, _, diags, err := a.resolveWith(c, func(o *schema.EvalOptions) error {
		o.Undeclared = true
		return s.options(ctx, c.Settings(), o)
	}, importedPrior(ctx, s.engine))
	if err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		return nil, a.report(c, diags)
	}
	text, err := undeclaredBlocks(ctx, s.engine, c, desired)
	if err != nil {
		return nil, err
	}
	if len(text.Blocks) == 0 {
		return c, nil
	}
	if err := writeGenerated(out, text); err != nil {
		return nil, err
	}
	again, diags, err := a.read()
	if err == nil && diags.HasErrors() {
		err = a.report(again, diags)
	}
	return again, err
}

// undeclaredBlocks are the blocks of what import blocks name and nothing
// declares; empty where everything is declared.
func undeclaredBlocks(ctx context.Context, engine *reconciler.Engine, c *schema.Configuration, desired *schema.Desired) (generate.Text, error) {
	undeclared := slices.DeleteFunc(slices.Clone(desired.Imports), func(i schema.Import) bool { return !i.Undeclared })
	instances, err := engine.Importable(ctx, undeclared)
	if err != nil {
		return generate.Text{}, err
	}
	return generate.Write(instances, generate.Options{Others: desired.Instances, Ports: defaultPorts(), Variables: c.VariableNames()})
}

// checkGenerated refuses a file that the plan would not be made with.
func (a *app) checkGenerated(out string) error {
	in, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	at, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	base := filepath.Base(at)
	if filepath.Dir(at) != in || !strings.HasSuffix(base, ".hcl") || strings.HasPrefix(base, ".") || strings.HasSuffix(base, ".vars.hcl") || strings.HasSuffix(base, ".test.hcl") {
		return fmt.Errorf("--generate-config-out %s: the plan is made as if the blocks were there, so they go into a file of the configuration: %s", out, filepath.Join(a.dir, "generated.hcl"))
	}
	return nil
}

// valuesFile holds the sensitive values of a generated file; it is read without
// being named.
func valuesFile(out string) string { return strings.TrimSuffix(out, ".hcl") + ".auto.vars.hcl" }

// writeGenerated writes both files, or none.
func writeGenerated(out string, text generate.Text) error {
	if err := writeNew(out, text.Blocks); err != nil {
		return err
	}
	if len(text.Values) == 0 {
		return nil
	}
	if err := writeNew(valuesFile(out), text.Values); err != nil {
		return errors.Join(err, os.Remove(out))
	}
	return nil
}

// writeNew refuses to write over a file. It is for its owner: a configuration
// holds passwords.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// importedPrior are the configurations of the live objects that imports name, by
// the addresses they get: what is taken in keeps its name, IP and MAC. What
// cannot be found the plan reports.
func importedPrior(ctx context.Context, engine *reconciler.Engine) livePrior {
	return func(imports []schema.Import) map[addr.Address]json.RawMessage {
		found, err := engine.Importable(ctx, imports)
		if err != nil {
			return nil
		}
		prior := make(map[addr.Address]json.RawMessage, len(found))
		for _, i := range found {
			prior[i.Address] = i.Config
		}
		return prior
	}
}

// defaultPorts are what services listen on where nothing is written.
func defaultPorts() func(slug string) []schema.Port {
	types := serviceTypes()
	return func(slug string) []schema.Port { return types[slug].Ports }
}

// sensitiveArguments are what a service type calls sensitive.
func sensitiveArguments(slug string) []string {
	var names []string
	for _, a := range serviceTypes()[slug].Arguments {
		if a.Sensitive {
			names = append(names, a.Name)
		}
	}
	return names
}

// stateInstances are the rows of a state as what a configuration declares.
func stateInstances(rows []state.Instance) []schema.Instance {
	all := make([]schema.Instance, len(rows))
	for i, r := range rows {
		all[i] = schema.Instance{Address: r.Address, Type: r.Type, Runtime: r.Runtime, Config: r.Config}
	}
	return all
}
