//go:build live

package fetch_test

import (
	"encoding/pem"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"

	"github.com/decnet/decnet/schema/module/fetch"
)

// served is a repository behind git's own server, on loopback, with TLS.
func served(t *testing.T, r *repository) (url string, ca []byte) {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is the judge here: apt-get install git (%v)", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Fatalf("git's server is the judge here: apt-get install git (%v)", err)
	}
	server := httptest.NewTLSServer(&cgi.Handler{Path: backend, Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Dir(r.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}})
	t.Cleanup(server.Close)
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL + "/" + filepath.Base(r.dir) + "/.git", ca
}

// TestOverHTTPS fetches from git's own server what TestRefs fetches from a
// folder: tips alone, other commits with the history.
func TestOverHTTPS(t *testing.T) {
	r := newRepository(t)
	first := r.commit(map[string]string{"main.hcl": "one"})
	if _, err := r.repo.CreateTag("light", first, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.repo.CreateTag("annotated", first, &git.CreateTagOptions{Tagger: signature(), Message: "m"}); err != nil {
		t.Fatal(err)
	}
	between := r.commit(map[string]string{"main.hcl": "between", "sub/x": "-> ../main.hcl"})
	last := r.commit(map[string]string{"main.hcl": "two"})
	url, ca := served(t, r)
	for ref, want := range map[string]struct{ commit, content string }{
		"": {last.String(), "two"}, "light": {first.String(), "one"}, "annotated": {first.String(), "one"}, "master": {last.String(), "two"},
		between.String(): {between.String(), "between"}, last.String(): {last.String(), "two"},
	} {
		source := "git::" + url
		if ref != "" {
			source += "?ref=" + ref
		}
		dir := t.TempDir()
		got, err := get(t, dir, fetch.Options{CABundle: ca}, source)
		if err != nil {
			t.Errorf("%q: %v", ref, err)
			continue
		}
		if got[0].Commit != want.commit || installed(t, dir, source) != want.content {
			t.Errorf("%q: %+v", ref, got)
		}
		local, err := get(t, t.TempDir(), fetch.Options{}, "git::"+r.dir+"?ref="+want.commit)
		if err != nil || local[0].Digest != got[0].Digest {
			t.Errorf("%q: from the folder %+v (%v), from the server %+v", ref, local, err, got)
		}
	}
	if got, err := get(t, t.TempDir(), fetch.Options{}, "git::"+url); err == nil {
		t.Errorf("a certificate that nobody knows: %+v", got)
	}
	if got, err := get(t, t.TempDir(), fetch.Options{CABundle: ca}, "git::"+url+"?ref=none"); err == nil {
		t.Errorf("a ref that is not there: %+v", got)
	}
}

// TestLockedCommitThatLeftTheTip is fetched again from the history.
func TestLockedCommitThatLeftTheTip(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "one"})
	url, ca := served(t, r)
	dir, source := t.TempDir(), "git::"+url
	first, err := get(t, dir, fetch.Options{CABundle: ca}, source)
	if err != nil {
		t.Fatal(err)
	}
	r.commit(map[string]string{"main.hcl": "two"})
	if err := os.RemoveAll(filepath.Join(dir, ".decnet")); err != nil {
		t.Fatal(err)
	}
	again, err := get(t, dir, fetch.Options{CABundle: ca}, source)
	if err != nil || again[0].Entry != first[0].Entry || installed(t, dir, source) != "one" {
		t.Errorf("%+v, %v", again, err)
	}
}
