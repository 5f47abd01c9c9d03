//go:build corpus

package shell_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

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
)

// golden is one line's answer.
type golden struct {
	Line string `json:"sha256"`
	// Twin is the case of the differential set that does the same, as
	// "file#case", with how much of the line it covers in percent.
	Twin   string `json:"twin,omitempty"`
	Covers int    `json:"covers,omitempty"`
	// Unstable: two runs differ, by a random number; only the status is pinned.
	Unstable bool   `json:"unstable,omitempty"`
	Status   int    `json:"status"`
	Stdout   string `json:"stdout,omitempty"`
	Stderr   string `json:"stderr,omitempty"`
}

// TestCorpusGoldens compares the pinned lines. DECNET_REVIEW=DIR writes each
// line beside its answer there, for a reviewer; DECNET_GOLDENS=update pins what
// is answered now.
func TestCorpusGoldens(t *testing.T) {
	chosen := choose(readCorpus(t))
	if len(chosen) < goldenLines {
		t.Fatalf("%d lines are chosen, want %d", len(chosen), goldenLines)
	}
	twins := readTwins(t)
	now := make([]golden, len(chosen))
	for i, line := range chosen {
		now[i] = answered(t, line)
		now[i].Twin, now[i].Covers = twinOf(features(line), twins)
	}
	if dir := os.Getenv("DECNET_REVIEW"); dir != "" {
		review(t, dir, chosen, now)
	}
	if os.Getenv("DECNET_GOLDENS") == "update" {
		writeGoldens(t, now)
		return
	}
	pinned := readGoldens(t)
	alone := 0
	for i, g := range now {
		want, ok := pinned[g.Line]
		switch {
		case !ok:
			t.Errorf("line %s is not pinned", g.Line[:12])
		case want.Status != g.Status || !want.Unstable && !g.Unstable && (want.Stdout != g.Stdout || want.Stderr != g.Stderr):
			t.Errorf("line %s (%.60q) is answered\n%d %q %q, pinned\n%d %q %q", g.Line[:12], chosen[i], g.Status, g.Stdout, g.Stderr, want.Status, want.Stdout, want.Stderr)
		}
		if g.Twin == "" {
			alone++
		}
	}
	t.Logf("%d lines pinned, %d without a twin in the differential set", len(now), alone)
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

// choose takes the lines that were seen more than once, then always the one that
// has the most that is not covered yet: commands, their options, operators, and
// once these are covered, pairs of them.
func choose(all []corpusLine) []string {
	var chosen []string
	var rest []corpusLine
	covered := map[string]bool{}
	for _, line := range all {
		if line.N > 1 {
			chosen = append(chosen, line.Command)
			for _, f := range features(line.Command) {
				covered[f] = true
			}
		} else {
			rest = append(rest, line)
		}
	}
	sets := make([][]string, len(rest))
	for i, line := range rest {
		sets[i] = features(line.Command)
	}
	taken := make([]bool, len(rest))
	take := func(sets [][]string) bool {
		best, most := -1, 0
		for i, set := range sets {
			n := 0
			for _, f := range set {
				if !taken[i] && !covered[f] {
					n++
				}
			}
			if n > most || n == most && n > 0 && sum(rest[i].Command) < sum(rest[best].Command) {
				best, most = i, n
			}
		}
		if best < 0 {
			return false
		}
		chosen, taken[best] = append(chosen, rest[best].Command), true
		for _, f := range sets[best] {
			covered[f] = true
		}
		return true
	}
	for take(sets) {
	}
	pairs := make([][]string, len(rest))
	for i, set := range sets {
		for j, a := range set {
			for _, b := range set[j+1:] {
				pairs[i] = append(pairs[i], a+"\x00"+b)
			}
		}
	}
	for len(chosen) < goldenLines && take(pairs) {
	}
	// The rest by chance, which here is the digest.
	slices.SortFunc(rest, func(a, b corpusLine) int { return strings.Compare(sum(a.Command), sum(b.Command)) })
	for _, line := range rest {
		if len(chosen) < goldenLines && !slices.Contains(chosen, line.Command) {
			chosen = append(chosen, line.Command)
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// features are the commands, options and operators of a line.
func features(line string) []string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line), "")
	if err != nil {
		return []string{"no script"}
	}
	set := map[string]bool{}
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.CallExpr:
			words := n.Args
			if len(words) > 1 && strings.HasSuffix(words[0].Lit(), "busybox") {
				set["busybox"] = true
				words = words[1:]
			}
			if len(words) == 0 {
				break
			}
			name := words[0].Lit()
			name = name[strings.LastIndexByte(name, '/')+1:]
			set[name] = true
			for _, w := range words[1:] {
				if option := w.Lit(); strings.HasPrefix(option, "-") && len(option) < 16 {
					set[name+" "+option] = true
				}
			}
		case *syntax.BinaryCmd:
			set[n.Op.String()] = true
		case *syntax.Redirect:
			set["redirect "+n.Op.String()] = true
		case *syntax.Word, *syntax.Lit, *syntax.Stmt, *syntax.File, *syntax.Assign:
		case nil:
		default:
			set[strings.TrimPrefix(fmt.Sprintf("%T", n), "*syntax.")] = true
		}
		return true
	})
	list := make([]string, 0, len(set))
	for f := range set {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}

// twin is a case of the differential set.
type twin struct {
	name     string
	features []string
}

func readTwins(t *testing.T) []twin {
	t.Helper()
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var all []twin
	for _, path := range paths {
		for i, c := range readCases(t, path).cases {
			all = append(all, twin{fmt.Sprintf("%s#%d", filepath.Base(path), i+1), features(c.script)})
		}
	}
	return all
}

// twinOf is the case that has the most of what a line does, at least half.
func twinOf(wanted []string, twins []twin) (name string, covers int) {
	for _, c := range twins {
		both := 0
		for _, f := range wanted {
			if slices.Contains(c.features, f) {
				both++
			}
		}
		if share := 100 * both / max(len(wanted), 1); share >= 50 && share > covers {
			name, covers = c.name, share
		}
	}
	return name, covers
}

// answered types a line into the shell of a new machine, whose clock stands.
func answered(t *testing.T, line string) golden {
	t.Helper()
	run := func() golden {
		began := time.Date(2026, 3, 5, 9, 30, 0, 0, time.UTC)
		limits := shell.Limits{Steps: 20_000, Depth: 32, Output: 64 << 10, Pipe: 64 << 10, Work: 4 << 20, Time: time.Second, Files: 32}
		host := machine.New(servicetest.Host(), nil, func() time.Time { return began })
		s := shell.New(shell.Options{Machine: host, User: "root", Limits: limits})
		var out, errs bytes.Buffer
		if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader(""), &out, &errs); err != nil {
			t.Errorf("%.80q: %v", line, err)
		}
		return golden{Line: sum(line), Status: s.Status(), Stdout: masked(host, line, out.String()), Stderr: masked(host, line, errs.String())}
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
