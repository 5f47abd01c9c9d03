package view_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/decnet/decnet/cmd/internal/view"
)

// hostile moves cursors, sets titles, turns the direction of writing and hides.
const hostile = "a\x1b]0;t\a\u009b31m\x7f\u202e\u2066\u200b\u2028\ufeff\r\n\té \U0001f600"

func TestTextFromOutsideIsMadeHarmless(t *testing.T) {
	const raw = "\x1b\a\u009b\x7f\u202e\u2066\u200b\u2028\ufeff\r"
	if got := view.Clean(hostile + "\xff"); strings.ContainsAny(got, raw+"\n\t") || !utf8.ValidString(got) || !strings.HasSuffix(got, `é `+"\U0001f600"+`\ufffd`) {
		t.Errorf("Clean: %q", got)
	}
	if got := view.Lines(hostile); strings.ContainsAny(got, raw) || !strings.Contains(got, "\n\té") {
		t.Errorf("Lines: %q", got)
	}
	data, err := json.MarshalIndent(map[string]string{hostile: hostile}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := view.JSON(string(data))
	if strings.ContainsAny(got, raw) {
		t.Errorf("JSON: %q", got)
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(got), &back); err != nil || back[hostile] != hostile {
		t.Errorf("JSON says something else: %v %q", err, back)
	}
	if plain := "{\n  \"a\": \"é\\n\"\n}"; view.JSON(plain) != plain {
		t.Errorf("%q", view.JSON(plain))
	}
}
