//go:build corpus

package shell_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program/all"
)

// choose takes the lines that were seen more than once, then always the one that
// has the most that is not covered yet: commands, their options, operators; then
// one of each shape, pairs of features, and more by chance.
func choose(all []corpusLine) []string {
	var chosen []string
	var rest []corpusLine
	covered := map[string]bool{}
	cover := func(line string) {
		chosen = append(chosen, line)
		for _, f := range append(features(line), "shape "+shape(line)) {
			covered[f] = true
		}
	}
	for _, line := range all {
		if line.N > 1 {
			cover(line.Command)
		} else {
			rest = append(rest, line)
		}
	}
	slices.SortFunc(rest, func(a, b corpusLine) int { return strings.Compare(sum(a.Command), sum(b.Command)) })
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
			if n > most {
				best, most = i, n
			}
		}
		if best < 0 {
			return false
		}
		taken[best] = true
		cover(rest[best].Command)
		for _, f := range sets[best] {
			covered[f] = true
		}
		return true
	}
	for take(sets) {
	}
	for i, line := range rest {
		if !taken[i] && !covered["shape "+shape(line.Command)] {
			taken[i] = true
			cover(line.Command)
		}
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
	for i, line := range rest { // by chance, which here is the digest
		if len(chosen) < goldenLines && !taken[i] {
			chosen = append(chosen, line.Command)
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// What differs between lines of one shape.
var shapes = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?:\\x[0-9a-fA-F]{2})+`), `\x`},
	{regexp.MustCompile(`[A-Za-z0-9+/]{40,}=*`), "base64"},
	{regexp.MustCompile(`"[^"]* ?[^"]*" > `), `"words" > `},
	{regexp.MustCompile(`"[^"|]*\\n[^"|]*"`), `"lines"`},
	{regexp.MustCompile(`\b[A-Z]{4,}\b`), "TOKEN"},
	{regexp.MustCompile(`:[A-Za-z0-9]{12}"`), `:secret"`},
	{regexp.MustCompile(`[0-9]+`), "0"},
}

// shape is a line without what varies from one attempt to the next.
func shape(line string) string {
	for _, s := range shapes {
		line = s.what.ReplaceAllString(line, s.as)
	}
	return line
}

// TestGoldensCoverTheCorpus: each command, option, operator and shape of all the
// lines is in one that is pinned.
func TestGoldensCoverTheCorpus(t *testing.T) {
	lines := readCorpus(t)
	chosen := choose(lines)
	has := map[string]bool{}
	for _, line := range chosen {
		for _, f := range append(features(line), "shape "+shape(line)) {
			has[f] = true
		}
	}
	all := map[string]bool{}
	for _, line := range lines {
		for _, f := range append(features(line.Command), "shape "+shape(line.Command)) {
			all[f] = true
			if !has[f] {
				t.Errorf("%q is in no line that is pinned", f)
			}
		}
	}
	t.Logf("%d lines stand for %d: %d features and shapes", len(chosen), len(lines), len(all))
}

// token is the name of no applet, which tells a busybox from anything else.
var token = regexp.MustCompile(`^[A-Z]{4,}$`)

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
			if len(n.Args) > 0 {
				callFeatures(set, n.Args)
			}
			if len(n.Assigns) > 0 {
				set["assignment"] = true
			}
		case *syntax.BinaryCmd:
			set[n.Op.String()] = true
		case *syntax.Redirect:
			set["redirect "+n.Op.String()] = true
		case *syntax.Stmt:
			if n.Background {
				set["&"] = true
			}
			if n.Negated {
				set["!"] = true
			}
		case *syntax.Word, *syntax.Lit, *syntax.File, *syntax.Assign:
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

// callFeatures are the command and the options of a simple command.
func callFeatures(set map[string]bool, words []*syntax.Word) {
	applet := len(words) > 1 && strings.HasSuffix(words[0].Lit(), "busybox")
	if applet {
		set["busybox"] = true
		words = words[1:]
	}
	name := words[0].Lit()
	switch {
	case strings.HasPrefix(name, "./"):
		set["a file of their own"] = true
		return
	case token.MatchString(name), applet && !knownProgram(name):
		set["TOKEN"] = true
		return
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	set[name] = true
	for _, w := range words[1:] {
		if option := w.Lit(); strings.HasPrefix(option, "-") && len(option) < 16 {
			set[name+" "+option] = true
		}
	}
}

// unknown has a feature under one name where it is a command that no machine
// has: one stands for all of them.
func unknown(feature string) string {
	name, _, _ := strings.Cut(feature, " ")
	if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzEL") == "" && !knownProgram(name) && feature == name && !builtinName(name) {
		return "no such command"
	}
	return feature
}

func knownProgram(name string) bool {
	_, ok := all.Find(name)
	return ok
}

// builtinName tells bash's own.
func builtinName(name string) bool {
	return slices.Contains(strings.Fields("alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait"), name)
}

// twin is a case of the differential set.
type twin struct {
	name     string
	features []string
}

func readTwins(t *testing.T) []twin {
	t.Helper()
	var list []twin
	for _, pattern := range []string{"testdata/cases/root/*.txt", "testdata/cases/*.txt"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no cases: %v", err)
		}
		for _, path := range paths {
			under, _ := filepath.Rel("testdata/cases", path)
			for i, c := range readCases(t, path).cases {
				list = append(list, twin{fmt.Sprintf("%s#%d", under, i+1), features(c.script)})
			}
		}
	}
	return list
}

// twinOf is the case that does the most of what a line does, with the least of
// its own beside it, and how much that is in percent.
func twinOf(wanted []string, twins []twin) (name string, covers int) {
	least := 0
	for _, c := range twins {
		both := 0
		for _, f := range wanted {
			if slices.Contains(c.features, f) || slices.ContainsFunc(c.features, func(g string) bool { return unknown(g) == unknown(f) }) {
				both++
			}
		}
		share := 100 * both / max(len(wanted), 1)
		if share > covers || share == covers && share > 0 && len(c.features) < least {
			name, covers, least = c.name, share, len(c.features)
		}
	}
	return name, covers
}
