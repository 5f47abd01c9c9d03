//go:build corpus

package shell_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// Floors for the command lines that intruders typed: how many of them the shell
// has every command of.
const (
	knownLines   = 0.93 // of the distinct lines
	knownSeen    = 0.90 // weighted by how often each was seen
	knownAtomic  = 0.57 // of the procedures
	knownCaldera = 0.66
	corpusLines  = 1500
	corpusBudget = 5 * time.Second // of one line
)

// TestCorpusCommands types what real intruders typed into the shell, each line
// on a machine of its own. It is text for our evaluator, which runs no program
// and opens no connection.
func TestCorpusCommands(t *testing.T) {
	file, err := os.Open("../../../../shared/data/shell/commands-dev.jsonl")
	if err != nil {
		t.Fatalf("the corpus is missing: %v", err)
	}
	defer file.Close()
	lines, known, seen, seenKnown := 0, 0, 0, 0
	unknown := map[string]int{}
	var slowest time.Duration
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		var entry struct {
			N       int    `json:"n"`
			Command string `json:"command"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		lines, seen = lines+1, seen+entry.N
		all, took := typed(t, entry.Command)
		slowest = max(slowest, took)
		if all {
			known, seenKnown = known+1, seenKnown+entry.N
			continue
		}
		word, _, _ := strings.Cut(strings.TrimSpace(entry.Command), " ")
		unknown[word] += entry.N
	}
	if err := scanner.Err(); err != nil || lines < corpusLines {
		t.Fatalf("%d lines: %v", lines, err)
	}
	share, weighted := float64(known)/float64(lines), float64(seenKnown)/float64(seen)
	t.Logf("%d lines, slowest %s; understood: %.1f%% of the lines, %.1f%% of what was typed; most seen of the others: %v",
		lines, slowest.Round(time.Millisecond), 100*share, 100*weighted, top(unknown, 40))
	if share < knownLines || weighted < knownSeen {
		t.Errorf("the shell understands less than it did: %.4f of the lines (floor %.4f), %.4f of what was typed (floor %.4f)", share, knownLines, weighted, knownSeen)
	}
}

// typed types a line into the shell of a new machine. It tells whether the shell
// has every command of it, and how long it took.
func typed(t *testing.T, line string) (known bool, took time.Duration) {
	t.Helper()
	limits := shell.Limits{Steps: 20_000, Depth: 32, Output: 64 << 10, Pipe: 64 << 10, Work: 4 << 20, Time: time.Second, Files: 32}
	known = true
	record := func(b event.Body) error {
		if c, ok := b.(*event.Command); ok {
			known = known && c.Known
		}
		return nil
	}
	host := machine.New(servicetest.Host(), nil, time.Now)
	s := shell.New(shell.Options{Machine: host, User: "root", Limits: limits, Record: record})
	var out bytes.Buffer
	began := time.Now()
	if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader(""), &out, &out); err != nil {
		t.Errorf("%.80q: %v", line, err)
	}
	if took = time.Since(began); took > corpusBudget {
		t.Errorf("%.80q took %s", line, took)
	}
	if out.Len() > limits.Output+4096 || host.FS.Used() > machine.FSQuota {
		t.Errorf("%.80q said %d bytes and holds %d", line, out.Len(), host.FS.Used())
	}
	return known, took
}

// TestCorpusProcedures types the procedures that defenders test themselves
// with: scripts of many lines, which reach further into the shell.
func TestCorpusProcedures(t *testing.T) {
	for name, floor := range map[string]float64{"atomic-linux-dev.json": knownAtomic, "caldera-linux.json": knownCaldera} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile("../../../../shared/data/ttp/" + name)
			if err != nil {
				t.Fatalf("the corpus is missing: %v", err)
			}
			var procedures []struct {
				Technique string `json:"technique"`
				Command   string `json:"command"`
			}
			if err := json.Unmarshal(data, &procedures); err != nil || len(procedures) < 50 {
				t.Fatalf("%d procedures: %v", len(procedures), err)
			}
			known := 0
			for _, p := range procedures {
				if all, _ := typed(t, p.Command); all {
					known++
				}
			}
			share := float64(known) / float64(len(procedures))
			t.Logf("%d procedures; understood: %.1f%%", len(procedures), 100*share)
			if share < floor {
				t.Errorf("the shell understands %.4f of the procedures, it did %.4f", share, floor)
			}
		})
	}
}

// top are the keys with the highest counts.
func top(counts map[string]int, n int) []string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	return keys[:min(n, len(keys))]
}
