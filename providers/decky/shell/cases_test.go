package shell_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
)

// shellCase is a script of our own and what Debian's programs answered to it.
type shellCase struct {
	script  string
	gap     string // why we still differ, empty where we must not
	answer  answer
	comment []string // in front of the case
}

// answer is what a script said and how it ended.
type answer struct {
	stdout, stderr string
	status         int
}

// caseFile is one family: what is run before each case, and the cases.
type caseFile struct {
	setup string
	cases []shellCase
	tail  []string
}

// readCases reads testdata/cases/<name>.txt. Its lines: "# comment", "@ setup",
// "$ script" and "> more of it", "| output", "! error output" ("|-" and "!-"
// without a line feed at the end, "|q" and "!q" quoted), "? status" unless 0,
// "~ why we differ".
func readCases(t testing.TB, path string) *caseFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &caseFile{}
	for n, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		mark, text, _ := strings.Cut(line, " ")
		last := len(f.cases) - 1
		if strings.Contains("> ~ ? | |- |q ! !- !q", mark) && mark != "" && last < 0 {
			t.Fatalf("%s:%d: %q before the first case", path, n+1, mark)
		}
		switch mark {
		case "":
		case "#":
			f.tail = append(f.tail, line)
		case "@":
			f.setup += text + "\n"
		case "$":
			f.cases = append(f.cases, shellCase{script: text, comment: f.tail})
			f.tail = nil
		case ">":
			f.cases[last].script += "\n" + text
		case "~":
			f.cases[last].gap = text
		case "?":
			f.cases[last].answer.status, err = strconv.Atoi(text)
		case "|", "|-", "|q":
			f.cases[last].answer.stdout, err = addOutput(f.cases[last].answer.stdout, mark[1:], text)
		case "!", "!-", "!q":
			f.cases[last].answer.stderr, err = addOutput(f.cases[last].answer.stderr, mark[1:], text)
		default:
			t.Fatalf("%s:%d: what is %q?", path, n+1, line)
		}
		if err != nil {
			t.Fatalf("%s:%d: %v", path, n+1, err)
		}
	}
	return f
}

func addOutput(all, mark, text string) (string, error) {
	switch mark {
	case "-":
		return all + text, nil
	case "q":
		plain, err := strconv.Unquote(text)
		return all + plain, err
	}
	return all + text + "\n", nil
}

// String is the file as readCases reads it.
func (f *caseFile) String() string {
	var b strings.Builder
	put := func(mark, text string) {
		b.WriteString(strings.TrimSuffix(mark+" "+text, " ") + "\n")
	}
	for line := range strings.Lines(f.setup) {
		put("@", strings.TrimSuffix(line, "\n"))
	}
	for i, c := range f.cases {
		if i > 0 || f.setup != "" {
			b.WriteByte('\n')
		}
		for _, line := range c.comment {
			b.WriteString(line + "\n")
		}
		mark := "$"
		for line := range strings.SplitSeq(c.script, "\n") {
			put(mark, line)
			mark = ">"
		}
		if c.gap != "" {
			put("~", c.gap)
		}
		b.WriteString(outputLines("|", c.answer.stdout) + outputLines("!", c.answer.stderr))
		if c.answer.status != 0 {
			put("?", strconv.Itoa(c.answer.status))
		}
	}
	return b.String()
}

func outputLines(mark, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		plain := utf8.ValidString(body) && strings.IndexFunc(body, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }) < 0 && !strings.HasSuffix(body, " ")
		switch {
		case !plain:
			fmt.Fprintf(&b, "%sq %s\n", mark, strconv.Quote(line))
		case ended && body == "":
			b.WriteString(mark + "\n")
		case ended:
			b.WriteString(mark + " " + body + "\n")
		default:
			b.WriteString(mark + "- " + body + "\n")
		}
	}
	return b.String()
}

// caseFiles are the paths of all families of a dialect.
func caseFiles(t testing.TB, d dialect) []string {
	t.Helper()
	list, err := filepath.Glob(d.cases)
	if err != nil || len(list) == 0 {
		t.Fatal("no cases", err)
	}
	return list
}

// optional are programs of Debian's that an installation may lack: the machine
// of the cases has them, as the one that recorded the answers.
var optional = strings.Fields("ar bc bzip2 cal col column ed file hd hexdump killall look lsof ncal pstree strings unzip xxd zip")

var (
	appletsOnce sync.Once
	appletList  []string
)

// applets are what our own busybox says it is.
func applets(t testing.TB) []string {
	t.Helper()
	appletsOnce.Do(func() {
		s := shell.New(shell.Options{Machine: machine.New(host(), nil, time.Now), User: "root"})
		out, _, _ := run(t, s, "busybox --list", "")
		appletList = strings.Fields(out)
	})
	return appletList
}

// ours is what our shell answers to a script, in an empty directory.
func ours(t testing.TB, d dialect, setup, script string) answer {
	t.Helper()
	m := machine.New(host(), []string{"admin"}, time.Now)
	for _, name := range optional {
		if _, err := m.FS.As(0, 0).Lstat("/usr/bin/" + name); err != nil {
			m.FS.AddLink("/usr/bin/"+name, "true", m.Built)
		}
	}
	if d.tree == "busybox" {
		for _, name := range applets(t) {
			if name != "busybox" {
				m.FS.AddLink("/usr/bin/"+name, "busybox", m.Boot)
			}
		}
		// The jail of the real one holds nothing else.
		for _, name := range []string{"bash", "nohup", "nice"} {
			if err := m.FS.As(0, 0).Remove("/usr/bin/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	env := d.environment()
	if !d.root {
		delete(env, "PATH")
	}
	s := shell.New(shell.Options{Machine: m, User: d.user(), Shell: d.login, Env: env, Limits: shell.Limits{Time: 10 * time.Second}})
	if _, stderr, status := run(t, s, "mkdir "+caseDir+"; cd "+caseDir+"; unset LOGNAME MOTD_SHOWN SHELL USER OLDPWD\n"+d.before+"\n"+setup+"\nhash -r", ""); status != 0 || stderr != "" {
		t.Fatalf("setup: %d %s", status, stderr)
	}
	var out, err bytes.Buffer
	status, failed := s.Run(context.Background(), script, shell.ModeExec, strings.NewReader(""), &out, &err)
	if failed != nil {
		t.Fatal(failed)
	}
	return answer{plainPaths(out.String()), plainPaths(err.String()), status}
}

// regap marks what differs now, instead of failing.
var regap = flag.Bool("gaps", false, "mark the cases that differ as such, and those that do not as alike")

// allCaseFiles are the paths of all families of all dialects.
func allCaseFiles(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, d := range dialects {
		list = append(list, caseFiles(t, d)...)
	}
	return list
}

// TestCases compares us with the recorded answers: each case is alike byte for
// byte, or says why not; one that says so and is alike has to say so no longer.
func TestCases(t *testing.T) {
	for _, d := range dialects {
		score := &tally{}
		t.Run(d.name, func(t *testing.T) {
			for _, path := range caseFiles(t, d) {
				t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
					compareCases(t, d, path, score)
				})
			}
		})
		score.report(t, d)
	}
}

func compareCases(t *testing.T, d dialect, path string, score *tally) {
	t.Helper()
	f := readCases(t, path)
	if *regap {
		defer func() {
			if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}()
	}
	for i, c := range f.cases {
		if *regap {
			alike := ours(t, d, f.setup, c.script) == c.answer
			if alike {
				f.cases[i].gap = ""
			} else if c.gap == "" {
				f.cases[i].gap = "unexplained"
			}
			continue
		}
		got := ours(t, d, f.setup, c.script)
		score.add(c, got == c.answer)
		if (got == c.answer) != (c.gap == "") || c.gap == "unexplained" {
			t.Errorf("%s\n(listed as different: %q)\n want %d %q %q\n  got %d %q %q", c.script, c.gap, c.answer.status, c.answer.stdout, c.answer.stderr, got.status, got.stdout, got.stderr)
		}
	}
}

func TestCaseFilesReadBack(t *testing.T) {
	for _, path := range allCaseFiles(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := readCases(t, path).String(); got != string(data) {
			t.Errorf("%s is not as the recorder writes it", path)
		}
	}
}
