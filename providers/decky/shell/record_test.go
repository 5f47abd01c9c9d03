package shell_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

func TestRecordComesBeforeOutput(t *testing.T) {
	var order []string
	s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root", Record: func(b event.Body) error {
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
	s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root", Record: func(event.Body) error { return context.Canceled }})
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

func TestALineThatIsPausedIsRecordedTwice(t *testing.T) {
	for _, c := range []struct {
		line string
		want []event.Command
	}{
		{"echo a; sleep 3; echo b; false", []event.Command{{Output: "a\n"}, {Output: "a\nb\n", Status: 1, Continued: true}}},
		{"echo a; sleep 3", []event.Command{{Output: "a\n"}}},
		{"sleep 3; nosuch", []event.Command{{Known: true}, {Output: "bash: line 1: nosuch: command not found\n", Status: 127, Continued: true}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []event.Command
			s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root", Record: func(b event.Body) error {
				if e, ok := b.(*event.Command); ok {
					got = append(got, *e)
				}
				return nil
			}})
			if _, err := s.Run(context.Background(), c.line, shell.ModeExec, nil, io.Discard, io.Discard); err != nil {
				t.Fatal(err)
			}
			s.Close()
			for i := range c.want {
				w := &c.want[i]
				w.Line, w.Mode, w.Cwd, w.User = event.Text(c.line), shell.ModeExec, "/root", "root"
				w.Known = !strings.Contains(string(w.Output), "nosuch")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.line, diff)
			}
		})
	}
}

func TestALineThatDiesIsOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var got []event.Command
		s := shell.New(shell.Options{Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root", Record: func(b event.Body) error {
			got = append(got, *b.(*event.Command))
			return nil
		}})
		time.AfterFunc(5*time.Second, cancel)
		_, _ = s.Run(ctx, "echo a; sleep 3; echo b; sleep 100; echo c", shell.ModeExec, nil, io.Discard, io.Discard)
		s.Close()
		if len(got) != 2 || got[0].Output != "a\n" || got[1].Output != "a\nb\n" || !got[1].Continued {
			t.Errorf("%+v", got)
		}
	})
}
