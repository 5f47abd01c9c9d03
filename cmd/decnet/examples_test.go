package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// planAgainstNothing plans a configuration on a host without anything of ours,
// the same on every machine.
func planAgainstNothing(t *testing.T, dir string) *plan.Plan {
	t.Helper()
	c, diags := schema.LoadDir(dir, schema.Options{Catalogue: modules.FS})
	if !diags.HasErrors() {
		var more = schema.EvalOptions{Services: serviceTypes(), DefaultRuntime: providers.RuntimeNative}
		desired, evalDiags := c.Evaluate(more)
		diags = append(diags, evalDiags...)
		if !diags.HasErrors() {
			return planDesired(t, desired)
		}
	}
	var b bytes.Buffer
	_ = diag.Write(&b, c.Files(), diags, diag.Style{})
	t.Fatalf("%s:\n%s", dir, b.String())
	return nil
}

// inFakeWorld is a session with a state of its own, in a world where nothing is.
func inFakeWorld(t *testing.T) *session {
	t.Helper()
	store, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	world, err := fake.Open(fake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := providers.NewRegistry(world.Providers()...)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := reconciler.New(reconciler.Config{Store: store, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	return &session{store: store, registry: registry, engine: engine}
}

func planDesired(t *testing.T, desired *schema.Desired) *plan.Plan {
	t.Helper()
	s := inFakeWorld(t)
	p, err := s.engine.Plan(context.Background(), desired, reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	if err != nil {
		t.Fatal(err)
	}
	if err := outputChanges(context.Background(), s.store, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestExamplesPlanAsBefore compares the plan of every example with its golden
// file: -update rewrites them, and a reviewer sees what changed.
func TestExamplesPlanAsBefore(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/main.hcl")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, main := range dirs {
		name := filepath.Base(filepath.Dir(main))
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := plantext.Write(&got, planAgainstNothing(t, filepath.Dir(main)), plantext.Options{Style: (&app{stdout: &got}).style()}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata/golden", name+".plan")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("the plan of examples/%s changed (-update rewrites it):\n%s", name, diff)
			}
		})
	}
}

var fence = regexp.MustCompile("(?s)```(sh|hcl)\n(.*?)```")

// TestReadme plans every configuration in the README and looks up every
// command and make target that it names.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(readme, []byte("\n")); n > 150 {
		t.Errorf("the README has %d lines, at most 150 are wanted", n)
	}
	blocks := fence.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 3 {
		t.Fatalf("only %d blocks found; the test does not see the README", len(blocks))
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b[1] == "hcl" {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(b[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			if p := planAgainstNothing(t, dir); p.Empty() {
				t.Error("the README's configuration plans nothing")
			}
			continue
		}
		for line := range strings.Lines(b[2]) {
			checkCommand(t, line, string(makefile))
		}
	}
	for _, c := range regexp.MustCompile("`([a-z ]+)`(?:, | \\|)").FindAllStringSubmatch(commandTable(string(readme)), -1) {
		checkCommand(t, "decnet "+c[1], string(makefile))
	}
}

// commandTable is the README's section of commands.
func commandTable(readme string) string {
	_, rest, _ := strings.Cut(readme, "## Commands")
	table, _, _ := strings.Cut(rest, "##")
	return table
}

func checkCommand(t *testing.T, line, makefile string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), "&"))
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "make":
		if !strings.Contains(makefile, "\n"+words[1]+":") {
			t.Errorf("there is no make target %q", words[1])
		}
	case "decnet":
		root := (&app{}).root()
		found, rest, err := root.Find(words[1:])
		if err != nil || found == root {
			t.Errorf("there is no command %q: %v", line, err)
			return
		}
		if err := found.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if found.HasSubCommands() && !found.Runnable() {
			t.Errorf("%q is not a whole command", line)
		}
	default:
		t.Errorf("the README runs %q, which is neither make nor decnet", words[0])
	}
}
