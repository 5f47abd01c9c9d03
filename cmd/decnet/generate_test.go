package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/decnet/decnet/cmd/internal/generate"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// generate makes the blocks for what is imported a part of the configuration.
func (c *goldenCase) generate(configuration *schema.Configuration, desired *schema.Desired) {
	c.t.Helper()
	text, err := undeclaredBlocks(context.Background(), c.engine, configuration, desired)
	if err != nil {
		c.t.Fatal(err)
	}
	formatted, diags := schema.Format(text.Blocks, "generated.hcl")
	if diags.HasErrors() || string(formatted) != string(text.Blocks) {
		c.t.Errorf("what is generated is not formatted: %v\n%s", diags, text.Blocks)
	}
	c.written = map[string]string{"generated.hcl": string(text.Blocks), "generated.auto.vars.hcl": string(text.Values)}
}

// converges plans to take in and nothing else, applies that, and plans once
// more: nothing is left to do.
func (c *goldenCase) converges(desired *schema.Desired) {
	c.t.Helper()
	ctx := context.Background()
	p, err := c.engine.Plan(ctx, desired, c.options)
	if err != nil {
		c.t.Fatal(err)
	}
	if !p.Empty() || len(p.Imports) == 0 {
		c.t.Errorf("the objects do not fit what was generated from them: %+v", p.Summary)
	}
	before := c.world.Objects()
	if _, err := c.engine.Apply(ctx, p, reconciler.ApplyOptions{Desired: desired, Holder: state.Holder{Who: "test", Command: "apply"}}); err != nil {
		c.t.Fatal(err)
	}
	_, desired, diags := c.evaluate("")
	if diags.HasErrors() {
		c.t.Fatal(diags)
	}
	again, err := c.engine.Plan(ctx, desired, reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	if err != nil {
		c.t.Fatal(err)
	}
	if !again.Empty() || len(again.Imports) > 0 || len(again.Drift) > 0 {
		c.t.Errorf("after the import there is something to do: %+v", again.Summary)
	}
	if after := c.world.Objects(); len(after) != len(before) {
		c.t.Errorf("there were %d objects, and there are %d", len(before), len(after))
	}
}

// TestGeneratedFilesReplaceNothing: where one of the two files is there, neither
// is written.
func TestGeneratedFilesReplaceNothing(t *testing.T) {
	text := generate.Text{Blocks: []byte("a\n"), Values: []byte("b\n")}
	for _, there := range []string{"x.hcl", "x.auto.vars.hcl"} {
		dir := t.TempDir()
		out := filepath.Join(dir, "x.hcl")
		if err := os.WriteFile(filepath.Join(dir, there), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeGenerated(out, text); err == nil {
			t.Errorf("%s was overwritten", there)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("beside %s: %v (%v)", there, entries, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, there)); string(data) != "mine" {
			t.Errorf("%s is %q (%v)", there, data, err)
		}
	}
	out := filepath.Join(t.TempDir(), "x.hcl")
	if err := writeGenerated(out, text); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{out, valuesFile(out)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
