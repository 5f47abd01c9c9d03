// Package repositorytest makes git repositories with the real git, and serves
// them on loopback with its own servers, for live tests. Each server ends with
// the test that started it. Without git it fails the test.
package repositorytest

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Origin is a repository with a folder to work in. Dir is what is served.
type Origin struct {
	t         testing.TB
	Dir, Work string
	// Env is added to what git is run with.
	Env []string
}

// New makes an empty repository whose branch is main.
func New(t testing.TB) *Origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("git is the judge here: apt-get install git (%v)", err)
	}
	root := t.TempDir()
	o := &Origin{t: t, Dir: filepath.Join(root, "origin.git"), Work: filepath.Join(root, "work")}
	o.run(root, nil, "init", "-q", "--bare", "-b", "main", o.Dir)
	o.run(root, nil, "init", "-q", "-b", "main", o.Work)
	o.Git("remote", "add", "origin", o.Dir)
	return o
}

// Git runs git in the folder to work in and returns what it prints.
func (o *Origin) Git(args ...string) string {
	o.t.Helper()
	return o.run(o.Work, nil, args...)
}

// GitIn runs git there with something to read.
func (o *Origin) GitIn(stdin []byte, args ...string) string {
	o.t.Helper()
	return o.run(o.Work, stdin, args...)
}

func (o *Origin) run(dir string, stdin []byte, args ...string) string {
	o.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
	cmd.Env = append(environment(), o.Env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// environment lets git read no configuration of this machine.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.org",
	}
}

// Write writes files into the folder to work in; an empty content removes one.
func (o *Origin) Write(files map[string]string) {
	o.t.Helper()
	for name, content := range files {
		at := filepath.Join(o.Work, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case content == "":
			err = os.Remove(at)
		default:
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			o.t.Fatal(err)
		}
	}
}

// Commit writes files, commits with further arguments, and returns the commit.
func (o *Origin) Commit(files map[string]string, args ...string) string {
	o.t.Helper()
	o.Write(files)
	o.Git("add", "-A")
	o.Git(append([]string{"commit", "-q", "--allow-empty", "-m", "change"}, args...)...)
	return o.Git("rev-parse", "HEAD")
}

// Push pushes all branches and tags, by force.
func (o *Origin) Push() {
	o.t.Helper()
	o.Git("push", "-q", "-f", "origin", "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
}

// Pushed commits and pushes.
func (o *Origin) Pushed(files map[string]string, args ...string) string {
	o.t.Helper()
	id := o.Commit(files, args...)
	o.Push()
	return id
}

// Backend is git's own smart-HTTP server for the repository, at /origin.git.
func (o *Origin) Backend() http.Handler {
	return &cgi.Handler{Path: filepath.Join(o.run("/", nil, "--exec-path"), "git-http-backend"), Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Dir(o.Dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}}
}

// HTTP serves it over http and returns its URL.
func (o *Origin) HTTP() string {
	o.t.Helper()
	server := httptest.NewServer(o.Backend())
	o.t.Cleanup(server.Close)
	return server.URL + "/origin.git"
}

// HTTPS serves it over https to whoever has a token, and returns its URL and
// the file with its certificate.
func (o *Origin) HTTPS(user, token string) (url, ca string) {
	o.t.Helper()
	backend := o.Backend()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != token {
			w.WriteHeader(http.StatusUnauthorized)
			// A careless server shows what it was sent.
			fmt.Fprintln(w, "no access for", u, p, r.Header.Get("Authorization"))
			return
		}
		backend.ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	ca = filepath.Join(o.t.TempDir(), "ca.pem")
	o.File(ca, 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return server.URL + "/origin.git", ca
}

// File writes a file.
func (o *Origin) File(name string, mode os.FileMode, content string) {
	o.t.Helper()
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // whatever the umask is
		o.t.Fatal(err)
	}
}

// Daemon serves it with git daemon and returns its URL.
func (o *Origin) Daemon() string {
	o.t.Helper()
	port := freePort(o.t)
	o.background("git", "daemon", "--listen=127.0.0.1", "--port="+port, "--export-all", "--reuseaddr", "--base-path="+filepath.Dir(o.Dir))
	waitFor(o.t, port)
	return "git://127.0.0.1:" + port + "/origin.git"
}

func (o *Origin) background(name string, args ...string) {
	o.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		o.t.Fatalf("%s is the judge here: %v", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(environment(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	own(cmd)
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		end(cmd)
		if o.t.Failed() {
			o.t.Logf("%s said:\n%s", name, said.String())
		}
	})
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func waitFor(t testing.TB, port string) {
	t.Helper()
	for range 200 {
		if c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second); err == nil {
			c.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("nothing listens on port %s", port)
}
