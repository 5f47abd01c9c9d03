package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOneDashIsEnough(t *testing.T) {
	for given, want := range map[string]string{
		"fmt -check -diff":                 "fmt --check --diff",
		"-chdir=x plan -out=p -json":       "--chdir=x plan --out=p --json",
		"plan -var a=b -var-file f.hcl":    "plan --var a=b --var-file f.hcl",
		"plan --var -json -json":           "plan --var -json --json", // the first is a value
		"plan -C dir -v":                   "plan -C dir -v",
		"fmt -":                            "fmt -",
		"lab exec x operator -- ls -all":   "lab exec x operator -- ls -all",
		"lab exec x operator -- t -json":   "lab exec x operator -- t -json",
		"plan -unknown":                    "plan -unknown",
		"apply -auto-approve":              "apply --auto-approve",
		"plan -detailed-exitcode -state":   "plan --detailed-exitcode --state",
		"plan -refresh=false -out refresh": "plan --no-refresh --out refresh",
		"apply -input=false":               "apply --input=false",
	} {
		got := doubled((&app{}).root(), strings.Fields(given))
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s:\n%s", given, diff)
		}
	}
}

// TestTerraformsCommandLines reads command lines that people and pipelines have
// typed for years.
func TestTerraformsCommandLines(t *testing.T) {
	for _, line := range []string{
		"plan -out=plan -input=false -no-color -lock-timeout=60s -detailed-exitcode",
		"plan -var site=x -var-file=prod.vars.hcl -target=decky.a -target=decky.b -replace=decky.c -refresh-only -parallelism=4",
		"plan -destroy -refresh=false -state=x.db", "apply -auto-approve -input=false -lock-timeout=5m plan", "apply -refresh-only -auto-approve",
		"destroy -auto-approve -target=decky.a", "validate -json -no-color", "fmt -check -diff -recursive -list=false -write=false .",
		"show -json plan", "output -json ip", "state list", "state show decky.a", "graph -type=plan", "console -var site=x", "get",
		"state mv decky.a decky.b", "state rm decky.a decky.b", "state pull", "state push -force state.json", "state history",
		"import decky.a x", "taint -lock-timeout=5s decky.a", "untaint decky.a", "-chdir=dir plan", "version -json", "test -json -filter=x.test.hcl",
	} {
		root := (&app{}).root()
		found, rest, err := root.Find(doubled(root, strings.Fields(line)))
		if err != nil || found == root || found.HasSubCommands() {
			t.Errorf("%s: there is no such command: %v", line, err)
			continue
		}
		if err := found.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if err := found.ValidateArgs(found.Flags().Args()); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
