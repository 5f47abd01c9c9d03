//go:build corpus

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// TestCorpusTechniques holds the techniques that our examples name against the
// published catalogue: a revoked or unknown one would mislead a reader.
func TestCorpusTechniques(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/attack/techniques-v19.1.json")
	if err != nil {
		t.Fatalf("the corpus is missing: %v", err)
	}
	var catalogue struct {
		Version    string `json:"attack_version"`
		Techniques []struct {
			ID string `json:"id"`
		} `json:"techniques"`
	}
	if err := json.Unmarshal(data, &catalogue); err != nil {
		t.Fatal(err)
	}
	if catalogue.Version != intel.AttackVersion {
		t.Errorf("tags say ATT&CK %s, the catalogue is %s", intel.AttackVersion, catalogue.Version)
	}
	known := map[string]bool{}
	for _, technique := range catalogue.Techniques {
		known[technique.ID] = true
	}
	mains, err := filepath.Glob("../../examples/*/main.hcl")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	rules := 0
	for _, main := range mains {
		for _, change := range planAgainstNothing(t, filepath.Dir(main)).Changes {
			if change.Type != providers.TypeRule {
				continue
			}
			var rule schema.Rule
			if err := json.Unmarshal(change.Config, &rule); err != nil {
				t.Fatal(err)
			}
			rules++
			if !known[rule.Technique] {
				t.Errorf("%s: rule %s names %s, which ATT&CK %s does not have", main, rule.Name, rule.Technique, catalogue.Version)
			}
		}
	}
	if rules == 0 {
		t.Error("no rule was looked at")
	}
}
