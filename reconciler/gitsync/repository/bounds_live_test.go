//go:build live

package repository_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
	"github.com/decnet/decnet/reconciler/gitsync/repository/repositorytest"
)

// TestMain lets the test run itself as a process that fetches, to be measured
// and to be killed.
func TestMain(m *testing.M) {
	if url := os.Getenv("DECNET_FETCH"); url != "" {
		fetchOnce(url, os.Getenv("DECNET_COPY"))
		return
	}
	os.Exit(m.Run())
}

func fetchOnce(url, dir string) {
	r, err := repository.Open(dir, repository.Options{URL: url, Depth: 5})
	if err == nil {
		_, err = r.Fetch(context.Background(), repository.Follow{}, "")
	}
	if err != nil {
		fmt.Println(err)
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
}

// fetcher is a process that fetches into dir.
func fetcher(t *testing.T, url, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), "DECNET_FETCH="+url, "DECNET_COPY="+dir)
	return cmd
}

// measured fetches in a process of its own, and returns what it says and the
// most memory that it had, in MB.
func measured(t *testing.T, url, dir string) (said string, peak int) {
	t.Helper()
	out, err := fetcher(t, url, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, memory, ok := strings.Cut(string(out), "VmHWM:")
	if _, err := fmt.Sscan(memory, &peak); !ok || err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out), peak / 1024
}

// TestEndless ends a transfer at the default bound, in little memory and disk.
func TestEndless(t *testing.T) {
	h := &hostile{caps: "side-band-64k", serve: func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, pkt("NAK\n")+pkt("\x01PACK\x00\x00\x00\x02\x00\x00\x00\x05"))
		endless(w, bytes.Repeat([]byte(pkt("\x01"+strings.Repeat("x", 65000))), 16))
	}}
	server := httptest.NewServer(h)
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "copy")
	start := time.Now()
	said, peak := measured(t, server.URL+"/a", dir)
	_, size := disk(t, dir)
	t.Logf("%s, %d MB of memory, %d bytes left on disk", time.Since(start).Round(time.Millisecond), peak, size)
	if !strings.Contains(said, "too large") || peak > 100 || size > 10_000 {
		t.Errorf("it says %s", said)
	}
}

// TestTwoGigabytes refuses a really large repository: one whose tip has 2 GB.
func TestTwoGigabytes(t *testing.T) {
	for name, size := range map[string]int{"many files that do not compress": 16 << 20, "one file that does": 1 << 31} {
		t.Run(name, func(t *testing.T) {
			o := repositorytest.New(t)
			cmd := exec.Command("git", "-c", "core.compression=0", "-c", "core.bigFileThreshold=1m", "fast-import", "--quiet")
			if size > 1<<30 {
				cmd = exec.Command("git", "-c", "core.compression=1", "-c", "core.bigFileThreshold=1m", "fast-import", "--quiet")
			}
			cmd.Dir, cmd.Stderr = o.Dir, os.Stderr
			in := must(cmd.StdinPipe())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w := bufio.NewWriterSize(in, 1<<20)
			fmt.Fprint(w, "commit refs/heads/main\ncommitter C <c@example.org> 1 +0000\ndata 1\nm\n")
			chunk, source := make([]byte, 1<<20), rand.NewChaCha8([32]byte{})
			for i := range (2 << 30) / size {
				fmt.Fprintf(w, "M 100644 inline f%d\ndata %d\n", i, size)
				for range size / len(chunk) {
					if size < 1<<30 {
						source.Read(chunk)
					}
					w.Write(chunk)
				}
				fmt.Fprintln(w)
			}
			if err := errors.Join(w.Flush(), in.Close(), cmd.Wait()); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "copy")
			start := time.Now()
			said, peak := measured(t, o.HTTP(), dir)
			_, left := disk(t, dir)
			t.Logf("%s, %d MB of memory, %d bytes left on disk: %s", time.Since(start).Round(time.Millisecond), peak, left, said)
			if !strings.Contains(said, "too large") || peak > 200 || left > 10_000 {
				t.Error("it is not bounded")
			}
		})
	}
}

// TestKilled kills a process that fetches, at any moment: the next one fetches.
func TestKilled(t *testing.T) {
	o := repositorytest.New(t)
	for i := range 20 {
		o.Commit(map[string]string{"main.hcl": fmt.Sprint(i), fmt.Sprint("d/", i): strings.Repeat(fmt.Sprint(i), 5000)})
	}
	o.Push()
	url := o.HTTP()
	warm := filepath.Join(t.TempDir(), "copy")
	start := time.Now()
	measured(t, url, warm)
	whole := time.Since(start)
	copied := filepath.Join(t.TempDir(), "copy")
	killed := 0
	for i := range 30 {
		cmd := fetcher(t, url, copied)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole))
		if cmd.Process.Kill() == nil {
			killed++
		}
		_ = cmd.Wait()
		tip := o.Pushed(map[string]string{"main.hcl": fmt.Sprint("more", i)})
		if i%3 > 0 {
			continue // killed several times on end
		}
		r := openAt(t, copied, repository.Options{URL: url, Depth: 5})
		if got, err := r.Fetch(t.Context(), repository.Follow{}, ""); err != nil || got.Commit != tip {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := r.Export(t.Context(), tip, "", ""); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Keep(tip), r.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d killed, each within %s", killed, whole.Round(time.Millisecond))
	for _, gone := range []string{"clone.new", "clone.old", "clone/incoming/*", "trees/.export-*"} {
		if left, _ := filepath.Glob(filepath.Join(copied, gone)); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}

// TestHalfWritten keeps what it has when the server's ref names what is not
// there, as after a push that was cut off, and when the repository vanishes.
func TestHalfWritten(t *testing.T) {
	o := repositorytest.New(t)
	first := o.Pushed(map[string]string{"main.hcl": "1"})
	for name, options := range servers(o) {
		t.Run(name, func(t *testing.T) {
			r := open(t, options)
			if _, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, ""); err != nil {
				t.Fatal(err)
			}
			intact := func(what string) {
				t.Helper()
				if _, err := r.Export(t.Context(), first, "", filepath.Join(t.TempDir(), "x")); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			o.Git("checkout", "-q", "--detach", first)
			next := o.Commit(map[string]string{"main.hcl": "2 of " + name})
			o.Git("push", "-q", "origin", next+":refs/heads/next")
			main := filepath.Join(o.Dir, "refs", "heads", "main")
			o.File(main, 0o644, strings.Repeat("1", 40)+"\n")
			if _, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, first); err == nil {
				t.Error("a ref to nothing is taken")
			} else {
				t.Log(err)
			}
			intact("a ref to nothing")
			o.File(main, 0o644, next+"\n")
			blob := o.Git("rev-parse", next+":main.hcl")
			object := filepath.Join(o.Dir, "objects", blob[:2], blob[2:])
			if err := os.Rename(object, object+"x"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, first); err == nil {
				t.Error("a commit without its file is taken")
			} else {
				t.Log(err)
			}
			intact("a commit without its file")
			if err := os.Rename(object+"x", object); err != nil {
				t.Fatal(err)
			}
			if got, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, first); err != nil || got.Commit != next {
				t.Errorf("%+v %v", got, err)
			}
			if err := os.Rename(o.Dir, o.Dir+"x"); err != nil {
				t.Fatal(err)
			}
			var unreachable *repository.UnreachableError
			if _, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, first); !errors.As(err, &unreachable) || unreachable.Reason != repository.NotFound {
				t.Errorf("got %v", err)
			}
			intact("a repository that is gone")
			if err := os.Rename(o.Dir+"x", o.Dir); err != nil {
				t.Fatal(err)
			}
			o.Git("push", "-q", "-f", "origin", first+":refs/heads/main", ":refs/heads/next")
		})
	}
}
