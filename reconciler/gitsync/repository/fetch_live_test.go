//go:build live

package repository_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
	"github.com/decnet/decnet/reconciler/gitsync/repository/repositorytest"
)

func open(t *testing.T, o repository.Options) *repository.Repository {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "copy"), o)
}

func openAt(t *testing.T, dir string, o repository.Options) *repository.Repository {
	t.Helper()
	r, err := repository.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// servers are the ways to reach a repository; the last sends all of history.
func servers(o *repositorytest.Origin) map[string]repository.Options {
	ssh := o.SSH()
	return map[string]repository.Options{
		"http":   {URL: o.HTTP()},
		"daemon": {URL: o.Daemon()},
		"ssh":    {URL: ssh.URL, KeyFile: ssh.Key, KnownHostsFile: ssh.KnownHosts},
		"path":   {URL: o.Dir},
	}
}

// TestForward follows a branch over each transport: a shallow copy, one that is
// deepened until the last applied commit shows, and steps forward.
func TestForward(t *testing.T) {
	o := repositorytest.New(t)
	var commits []string
	for i := range 30 {
		commits = append(commits, o.Commit(map[string]string{"main.hcl": fmt.Sprint(i), fmt.Sprintf("d/%d", i): "x"}))
	}
	o.Push()
	last := map[string]*repository.Repository{}
	for name, options := range servers(o) {
		t.Run(name, func(t *testing.T) {
			options.Depth, options.MaxDepth = 3, 1000
			r := open(t, options)
			last[name] = r
			got, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(repository.Revision{Commit: commits[29], Ref: "refs/heads/main"}, got); diff != "" {
				t.Fatal(diff)
			}
			here, err := r.Commits(t.Context(), "", got.Commit)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[string]int{"path": 30}[name]; want == 0 && len(here) != 3 || want != 0 && len(here) != want {
				t.Errorf("%d commits came", len(here))
			}
			for _, before := range []int{28, 20, 0} { // here, after one more step, after all
				if _, err := r.Fetch(t.Context(), repository.Follow{Branch: "main"}, commits[before]); err != nil {
					t.Fatalf("%d: %v", before, err)
				}
				between, err := r.Commits(t.Context(), commits[before], commits[29])
				if err != nil || len(between) != 29-before {
					t.Fatalf("%d: %d commits, %v", before, len(between), err)
				}
			}
		})
	}
	t.Run("further", func(t *testing.T) {
		applied := commits[29]
		for i := range 5 {
			tip := o.Pushed(map[string]string{"main.hcl": fmt.Sprint("more", i)})
			for name, r := range last {
				got, err := r.Fetch(t.Context(), repository.Follow{}, applied)
				if err != nil || got.Commit != tip {
					t.Fatalf("%s: %v %v", name, got, err)
				}
				if changed, err := r.Changed(t.Context(), applied, tip); err != nil || !cmp.Equal(changed, []string{"main.hcl"}) {
					t.Fatalf("%s: %v %v", name, changed, err)
				}
			}
			applied = tip
		}
	})
}

// TestRewrite refuses history that does not go forward.
func TestRewrite(t *testing.T) {
	o := repositorytest.New(t)
	var commits []string
	for i := range 12 {
		commits = append(commits, o.Commit(map[string]string{"main.hcl": fmt.Sprint(i)}))
	}
	o.Push()
	for name, options := range servers(o) {
		t.Run(name, func(t *testing.T) {
			options.Depth, options.MaxDepth = 2, 8
			r := open(t, options)
			follow := repository.Follow{Branch: "main"}
			fetch := func(last string) (repository.Revision, error) { return r.Fetch(t.Context(), follow, last) }
			if _, err := fetch(""); err != nil {
				t.Fatal(err)
			}
			var rewrite *repository.RewriteError
			// Nothing was rewritten, but what was applied lies too deep.
			if _, err := fetch(commits[0]); name != "path" && (!errors.As(err, &rewrite) || rewrite.Looked != 8) {
				t.Errorf("too deep: %v", err)
			}
			o.Git("push", "-q", "-f", "origin", commits[8]+":refs/heads/main")
			if _, err := fetch(commits[11]); !errors.As(err, &rewrite) || rewrite.From != commits[11] || rewrite.To != commits[8] {
				t.Errorf("backwards: %v", err)
			}
			o.Git("checkout", "-q", commits[9])
			sideways := o.Commit(map[string]string{"main.hcl": "sideways"})
			o.Git("push", "-q", "-f", "origin", sideways+":refs/heads/main")
			if _, err := fetch(commits[11]); !errors.As(err, &rewrite) || rewrite.To != sideways {
				t.Errorf("sideways: %v", err)
			}
			o.Git("checkout", "-q", "main")
			o.Push()
			if got, err := fetch(commits[10]); err != nil || got.Commit != commits[11] {
				t.Errorf("afterwards: %v %v", got, err)
			}
		})
	}
}

// TestGitReadsTheCopy lets git judge what is on disk.
func TestGitReadsTheCopy(t *testing.T) {
	o := repositorytest.New(t)
	for i := range 9 {
		o.Commit(map[string]string{"main.hcl": fmt.Sprint(i)})
	}
	tip := o.Pushed(nil)
	dir := filepath.Join(t.TempDir(), "copy")
	r := openAt(t, dir, repository.Options{URL: o.HTTP(), Depth: 2})
	for i := range 3 {
		if _, err := r.Fetch(t.Context(), repository.Follow{}, ""); err != nil {
			t.Fatal(err)
		}
		tip = o.Pushed(map[string]string{"main.hcl": fmt.Sprint("more", i)})
	}
	if _, err := r.Fetch(t.Context(), repository.Follow{}, ""); err != nil {
		t.Fatal(err)
	}
	clone := "--git-dir=" + filepath.Join(dir, "clone")
	o.Env = append(o.Env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	o.Git(clone, "fsck", "--full", "--strict")
	if got := o.Git(clone, "log", "--format=%H", "-1"); got != tip {
		t.Errorf("HEAD is %s", got)
	}
}

// TestUnreachable names why, and shows no secret.
func TestUnreachable(t *testing.T) {
	const token = "s3cr3t/Token+value"
	o := repositorytest.New(t)
	o.Pushed(map[string]string{"main.hcl": "x"})
	url, ca := o.HTTPS("git", token)
	ssh, dir := o.SSH(), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	o.File(at("token"), 0o600, token+"\n")
	o.File(at("wrong"), 0o600, "another-"+token+"\n")
	o.File(at("open"), 0o644, token+"\n")
	o.File(at("hosts"), 0o600, "")
	o.Keygen(at("else"), "-t", "ed25519", "-N", "")
	pub, err := os.ReadFile(at("else.pub"))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.Fields(string(must(os.ReadFile(ssh.KnownHosts))))[0]
	o.File(at("everybody's"), 0o666, string(must(os.ReadFile(ssh.KnownHosts))))
	o.File(at("changed"), 0o600, host+" "+string(pub))
	o.Keygen(at("locked"), "-t", "ed25519", "-N", token)
	cases := map[string]struct {
		o    repository.Options
		want repository.Reason
	}{
		"no token":       {repository.Options{URL: url, CAFile: ca}, repository.Unauthorized},
		"wrong token":    {repository.Options{URL: url, CAFile: ca, TokenFile: at("wrong")}, repository.Unauthorized},
		"open file":      {repository.Options{URL: url, CAFile: ca, TokenFile: at("open")}, repository.Credentials},
		"no file":        {repository.Options{URL: url, CAFile: ca, TokenFile: at("none")}, repository.Credentials},
		"unknown CA":     {repository.Options{URL: url, TokenFile: at("token")}, repository.Certificate},
		"gone":           {repository.Options{URL: url + "2", CAFile: ca, TokenFile: at("token")}, repository.NotFound},
		"gone daemon":    {repository.Options{URL: o.Daemon() + "2"}, repository.NotFound},
		"gone path":      {repository.Options{URL: o.Dir + "2"}, repository.NotFound},
		"gone ssh":       {repository.Options{URL: ssh.URL + "2", KeyFile: ssh.Key, KnownHostsFile: ssh.KnownHosts}, repository.NotFound},
		"nobody listens": {repository.Options{URL: "http://127.0.0.1:1/x"}, repository.Network},
		"wrong key":      {repository.Options{URL: ssh.URL, KeyFile: ssh.Other, KnownHostsFile: ssh.KnownHosts}, repository.Unauthorized},
		"unknown host":   {repository.Options{URL: ssh.URL, KeyFile: ssh.Key, KnownHostsFile: at("hosts")}, repository.HostKey},
		"open hosts":     {repository.Options{URL: ssh.URL, KeyFile: ssh.Key, KnownHostsFile: at("everybody's")}, repository.Credentials},
		"changed host":   {repository.Options{URL: ssh.URL, KeyFile: ssh.Key, KnownHostsFile: at("changed")}, repository.HostKey},
		"locked key":     {repository.Options{URL: ssh.URL, KeyFile: at("locked"), KnownHostsFile: ssh.KnownHosts}, repository.Credentials},
		"unlocked key":   {repository.Options{URL: ssh.URL, KeyFile: at("locked"), PassphraseFile: at("token"), KnownHostsFile: ssh.KnownHosts}, repository.Unauthorized},
		"another pass":   {repository.Options{URL: ssh.URL, KeyFile: at("locked"), PassphraseFile: at("wrong"), KnownHostsFile: ssh.KnownHosts}, repository.Credentials},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "copy")
			r := openAt(t, copied, c.o)
			_, err := r.Fetch(t.Context(), repository.Follow{}, "")
			var got *repository.UnreachableError
			if !errors.As(err, &got) || got.Reason != c.want {
				t.Errorf("got %v", err)
			}
			hides(t, token, copied, fmt.Sprint(err))
		})
	}
	t.Run("right token", func(t *testing.T) {
		copied := filepath.Join(t.TempDir(), "copy")
		r := openAt(t, copied, repository.Options{URL: url, CAFile: ca, TokenFile: at("token")})
		if _, err := r.Fetch(t.Context(), repository.Follow{}, ""); err != nil {
			t.Fatal(err)
		}
		hides(t, token, copied, "")
	})
}

// hides fails if a secret stands in a text or in a file.
func hides(t *testing.T, secret, dir, text string) {
	t.Helper()
	if strings.Contains(text, secret) {
		t.Errorf("the secret stands in %q", text)
	}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if raw, err := os.ReadFile(name); err != nil || strings.Contains(string(raw), secret) {
			t.Errorf("the secret stands in %s (%v)", name, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
