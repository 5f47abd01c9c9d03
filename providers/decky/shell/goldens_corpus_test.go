//go:build corpus

package shell_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// Of the lines that intruders typed, those that were seen more than once and as
// many again as it takes to cover every command, option and operator are pinned:
// what a reviewer found to be what the real shell of the persona would say stays
// as it is. The lines themselves are not ours; each is known by its SHA-256, and
// its own words are left out of what is kept of the answer.
const (
	goldenFile  = "testdata/goldens.jsonl"
	goldenLines = 500
	maxGolden   = 4 << 10 // bytes of an answer that is kept as it is
	goldenTwin  = 90      // percent of a line's commands, options and operators that its twin has
)

// golden is one line's answer.
type golden struct {
	Line string `json:"sha256"`
	// Twin is the case of the differential set that does the same, as
	// "file#case", with how much of the line it covers in percent.
	Twin   string `json:"twin,omitempty"`
	Covers int    `json:"covers,omitempty"`
	// Alone is why no case does the same.
	Alone string `json:"alone,omitempty"`
	// Verdict is what a reviewer found: "right" is what the real shell of the
	// persona would say; anything else says how it differs. Another answer than
	// the one that was reviewed has none.
	Verdict string `json:"verdict"`
	// Note is what the reviewer went by.
	Note string `json:"note,omitempty"`
	// Unstable: two runs differ, by a random number; only the status is pinned.
	Unstable bool   `json:"unstable,omitempty"`
	Status   int    `json:"status"`
	Stdout   string `json:"stdout,omitempty"`
	Stderr   string `json:"stderr,omitempty"`
}

// same tells whether two answers are alike.
func (g golden) same(h golden) bool {
	return g.Status == h.Status && (g.Unstable || h.Unstable || g.Stdout == h.Stdout && g.Stderr == h.Stderr)
}

// TestCorpusGoldens compares the pinned lines. DECNET_REVIEW=DIR writes each
// line beside its answer there, for a reviewer; DECNET_GOLDENS=update pins what
// is answered now, without a verdict where that is something new.
func TestCorpusGoldens(t *testing.T) {
	chosen := choose(readCorpus(t))
	if len(chosen) < goldenLines {
		t.Fatalf("%d lines are chosen, want %d", len(chosen), goldenLines)
	}
	twins, pinned := readTwins(t), readGoldens(t)
	now := make([]golden, len(chosen))
	for i, line := range chosen {
		now[i] = answered(t, line)
		now[i].Twin, now[i].Covers = twinOf(features(line), twins)
		old := pinned[now[i].Line]
		now[i].Alone = old.Alone
		if old.same(now[i]) {
			now[i].Verdict, now[i].Note = old.Verdict, old.Note
		}
	}
	if dir := os.Getenv("DECNET_REVIEW"); dir != "" {
		review(t, dir, chosen, now)
	}
	if os.Getenv("DECNET_GOLDENS") == "update" {
		writeGoldens(t, now)
		return
	}
	alone, wrong := 0, 0
	for i, g := range now {
		want, ok := pinned[g.Line]
		switch {
		case !ok:
			t.Errorf("line %s is not pinned", g.Line[:12])
		case !want.same(g):
			t.Errorf("line %s (%.60q) is answered\n%d %q %q, pinned\n%d %q %q", g.Line[:12], chosen[i], g.Status, g.Stdout, g.Stderr, want.Status, want.Stdout, want.Stderr)
		case want.Verdict == "":
			t.Errorf("line %s (%.60q) has not been reviewed", g.Line[:12], chosen[i])
		}
		switch {
		case want.Twin != g.Twin:
			t.Errorf("line %s (%.60q) has the twin %s, pinned is %s: pin it again", g.Line[:12], chosen[i], g.Twin, want.Twin)
		case g.Covers < goldenTwin && want.Alone == "":
			t.Errorf("line %s (%.60q): %s covers %d %% of %v", g.Line[:12], chosen[i], g.Twin, g.Covers, features(chosen[i]))
		case g.Covers < goldenTwin:
			alone++
		}
		if want.Verdict != "right" {
			wrong++
			t.Logf("line %s: %s", g.Line[:12], want.Verdict)
		}
	}
	t.Logf("%d lines pinned; %d known to differ from the real shell; %d without a twin, with the reason", len(now), wrong, alone)
}

type corpusLine struct {
	N       int    `json:"n"`
	Command string `json:"command"`
}

func readCorpus(t *testing.T) []corpusLine {
	t.Helper()
	file, err := os.Open("../../../../shared/data/shell/commands-dev.jsonl")
	if err != nil {
		t.Fatalf("the corpus is missing: %v", err)
	}
	defer file.Close()
	var all []corpusLine
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		var line corpusLine
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func sum(line string) string {
	s := sha256.Sum256([]byte(line))
	return hex.EncodeToString(s[:])
}

// answered types a line into the shell of a new machine, on a clock of its own.
func answered(t *testing.T, line string) golden {
	t.Helper()
	run := func() (g golden) {
		synctest.Test(t, func(t *testing.T) {
			start, began := time.Now(), time.Date(2026, 3, 5, 9, 30, 0, 0, time.UTC)
			host := machine.New(servicetest.Host(), nil, func() time.Time { return began.Add(time.Since(start)) })
			s := shell.New(shell.Options{Machine: host, User: "root", Limits: shell.Limits{Time: 5 * time.Minute}})
			var out, errs bytes.Buffer
			if _, err := s.Run(t.Context(), line, shell.ModeExec, strings.NewReader(""), &out, &errs); err != nil {
				t.Errorf("%.80q: %v", line, err)
			}
			g = golden{Line: sum(line), Status: s.Status(), Stdout: masked(host, line, out.String()), Stderr: masked(host, line, errs.String())}
		})
		return g
	}
	g := run()
	if again := run(); again != g {
		g.Unstable, g.Stdout, g.Stderr = true, "", ""
		if again.Status != g.Status {
			t.Errorf("%.80q ends with %d, then with %d", line, g.Status, again.Status)
		}
	}
	return g
}

// masked is an answer without the words of the line that are not the host's.
func masked(host *machine.Machine, line, text string) string {
	words := strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t\n;|&<>()'\"`$=,", c) })
	slices.SortStableFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for i, w := range words {
		if len(w) < 6 {
			break
		}
		if _, err := host.FS.As(0, 0).Stat(w); err == nil && strings.HasPrefix(w, "/") || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-") == "" && len(w) < 12 {
			continue
		}
		text = strings.ReplaceAll(text, w, fmt.Sprintf("‹%d›", i))
	}
	if len(text) > maxGolden || !utf8.ValidString(text) {
		return fmt.Sprintf("%d bytes, sha256 %s", len(text), sum(text))
	}
	return text
}

func readGoldens(t *testing.T) map[string]golden {
	t.Helper()
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]golden{}
	for line := range strings.Lines(string(data)) {
		var g golden
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			t.Fatal(err)
		}
		all[g.Line] = g
	}
	return all
}

func writeGoldens(t *testing.T, all []golden) {
	t.Helper()
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b golden) int { return cmp.Compare(a.Line, b.Line) })
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, g := range all {
		if err := encoder.Encode(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(goldenFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// review writes lines and answers side by side, unmasked lines and masked
// answers, outside the repository.
func review(t *testing.T, dir string, lines []string, all []golden) {
	t.Helper()
	var b strings.Builder
	for i, g := range all {
		fmt.Fprintf(&b, "== %d %s status %d twin %s (%d%%)\n$ %s\n%s", i, g.Line[:12], g.Status, g.Twin, g.Covers, lines[i], g.Stdout)
		if g.Stderr != "" {
			fmt.Fprintf(&b, "-- stderr\n%s", g.Stderr)
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "review.txt"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
