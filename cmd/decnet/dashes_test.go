package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOneDashIsEnough(t *testing.T) {
	for given, want := range map[string]string{
		"fmt -check -diff":               "fmt --check --diff",
		"-chdir=x plan -out=p -json":     "--chdir=x plan --out=p --json",
		"plan -var a=b -var-file f.hcl":  "plan --var a=b --var-file f.hcl",
		"plan --var -json -json":         "plan --var -json --json", // the first is a value
		"plan -C dir -v":                 "plan -C dir -v",
		"fmt -":                          "fmt -",
		"lab exec x operator -- ls -all": "lab exec x operator -- ls -all",
		"lab exec x operator -- t -json": "lab exec x operator -- t -json",
		"plan -unknown":                  "plan -unknown",
		"apply -auto-approve":            "apply --auto-approve",
		"plan -detailed-exitcode -state": "plan --detailed-exitcode --state",
	} {
		got := doubled((&app{}).root(), strings.Fields(given))
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s:\n%s", given, diff)
		}
	}
}
