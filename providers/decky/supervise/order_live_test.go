//go:build live

package supervise_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/supervise"
)

// TestTheServiceManagerStartsIt puts a script in systemctl's place: one that
// starts the supervisor elsewhere, as systemd does, and some that do not.
func TestTheServiceManagerStartsIt(t *testing.T) {
	for name, c := range map[string]struct {
		script string // $@ is the supervisor
		child  bool   // it is started as a child all the same
		says   string
	}{
		"started":          {script: "setsid env STARTED_BY=manager \"$@\" >/dev/null 2>&1 </dev/null &\n"},
		"started slowly":   {script: "(sleep 1; exec setsid env STARTED_BY=manager \"$@\") >/dev/null 2>&1 </dev/null &\n"},
		"refused":          {script: "echo Unit is masked. >&2; exit 1\n", child: true, says: "exit status 1: Unit is masked."},
		"nothing comes up": {script: "exit 0\n", child: true, says: "though it was started"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			start := append([]string{w.binary, "supervise"}, supervise.Args(lineage, w.data, w.run)...)
			systemctl := filepath.Join(t.TempDir(), "systemctl")
			if err := os.WriteFile(systemctl, []byte("#!/bin/sh\n"+c.script), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(w.dirs.Log()), 0o700); err != nil { // as systemd's StateDirectory
				t.Fatal(err)
			}
			var log bytes.Buffer
			w.client.Close()
			w.client = supervise.NewClient(supervise.ClientOptions{
				Log: slog.New(slog.NewTextHandler(&log, nil)), Dirs: w.dirs, Image: w.image, Start: start, Unit: append([]string{systemctl}, start...),
			})
			began := time.Now()
			u := w.unit("one", "echo", 7)
			w.record(u)
			w.serve(u)
			status, err := w.client.Status(t.Context())
			if err != nil || !status.Running {
				t.Fatalf("%+v, %v", status, err)
			}
			environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(status.PID), "environ"))
			if err != nil {
				t.Fatal(err)
			}
			if child := !strings.Contains(string(environ), "STARTED_BY=manager"); child != c.child {
				t.Errorf("started as a child: %v", child)
			}
			if c.child != strings.Contains(log.String(), "without the service manager") || !strings.Contains(log.String(), c.says) {
				t.Errorf("the log:\n%s", log.String())
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
