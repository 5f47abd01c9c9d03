package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
)

// The examples in the README are read as files of probes and masks are.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		if strings.HasPrefix(b[1], "[") {
			if _, err := probe.ParseMasks([]byte(b[1])); err != nil {
				t.Errorf("%v in %s", err, b[1])
			}
		} else if _, err := probe.Parse([]byte(b[1])); err != nil {
			t.Errorf("%v in %s", err, b[1])
		}
	}
	steps := regexp.MustCompile("`(\\{\"(?:send|wait|read|capture|half_close|reconnect|tls|parallel)\":.*?\\})`").FindAllStringSubmatch(string(readme), -1)
	if len(steps) < 8 {
		t.Fatalf("%d steps", len(steps))
	}
	for _, s := range steps {
		example := strings.NewReplacer("BYTES", `"x"`, ": N,", `: "n",`, ": RE}", `: "(x)"}`, "[...]", `[{"half_close": true}]`).Replace(s[1])
		if _, err := probe.Parse([]byte(`{"about": "x", "probes": [{"name": "a", "steps": [` + example + `]}]}`)); err != nil {
			t.Errorf("%v in %s", err, example)
		}
	}
}
