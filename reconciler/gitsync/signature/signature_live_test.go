//go:build live

package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
	"github.com/decnet/decnet/reconciler/gitsync/repository/repositorytest"
	"github.com/decnet/decnet/reconciler/gitsync/signature"
)

// world is an origin, a copy of it, and keys made by ssh-keygen and gpg.
type world struct {
	*repositorytest.Origin
	t    *testing.T
	dir  string
	copy *repository.Repository
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Origin: repositorytest.New(t), t: t, dir: t.TempDir()}
	r, err := repository.Open(filepath.Join(w.dir, "copy"), repository.Options{URL: w.HTTP()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	w.copy = r
	return w
}

// ssh makes a key and returns its public part.
func (w *world) ssh(name string, args ...string) string {
	w.t.Helper()
	if len(args) == 0 {
		args = []string{"-t", "ed25519"}
	}
	w.Keygen(w.at(name), append(args, "-N", "")...)
	raw, err := os.ReadFile(w.at(name) + ".pub")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(raw)
}

func (w *world) at(name string) string { return filepath.Join(w.dir, name) }

// as lets git sign with a key of ssh; an empty name: not at all.
func (w *world) as(name string) *world {
	w.t.Helper()
	w.Git("config", "gpg.format", "ssh")
	w.Git("config", "user.signingKey", w.at(name))
	w.Git("config", "commit.gpgSign", fmt.Sprint(name != ""))
	return w
}

// gpg runs gpg in a home of its own. Its directory is short: gpg-agent's socket
// lies in it.
func (w *world) gpg(stdin string, args ...string) string {
	w.t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	cmd.Env, cmd.Stdin, cmd.Stderr = append(os.Environ(), w.Env...), strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("gpg is the judge here: apt-get install gnupg (%v: %s)", err, stderr.String())
	}
	return string(out)
}

func (w *world) gpgHome() {
	w.t.Helper()
	home, err := os.MkdirTemp("", "g")
	if err != nil {
		w.t.Fatal(err)
	}
	w.Env = append(w.Env, "GNUPGHOME="+home)
	w.t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--kill", "all") // of this home
		kill.Env = append(os.Environ(), "GNUPGHOME="+home)
		_ = kill.Run()
		os.RemoveAll(home)
	})
}

// verify fetches main and verifies it.
func (w *world) verify(k *signature.Keyring, last string, mode signature.Mode) (signature.Verified, error) {
	w.t.Helper()
	return w.verifyRef(k, repository.Follow{Branch: "main"}, last, mode)
}

func (w *world) verifyRef(k *signature.Keyring, f repository.Follow, last string, mode signature.Mode) (signature.Verified, error) {
	w.t.Helper()
	tip, err := w.copy.Fetch(w.t.Context(), f, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return k.Verify(w.t.Context(), w.copy, tip, last, mode)
}

func keyring(t *testing.T, signers ...signature.Signer) *signature.Keyring {
	t.Helper()
	k, err := signature.NewKeyring(signers)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signer(name, key string, paths ...string) signature.Signer {
	return signature.Signer{Name: name, SSHKeys: []string{key}, Paths: paths}
}

// refused fails unless an error says that nothing is trusted, for this reason.
func refused(t *testing.T, err error, want signature.Reason) *signature.UntrustedError {
	t.Helper()
	var got *signature.UntrustedError
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want %s", err, want)
	}
	if got.Reason != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	return got
}

// TestKinds verifies what git signs with each kind of key.
func TestKinds(t *testing.T) {
	for name, args := range map[string][]string{
		"ed25519": {"-t", "ed25519"}, "ecdsa256": {"-t", "ecdsa", "-b", "256"}, "ecdsa521": {"-t", "ecdsa", "-b", "521"},
		"rsa2048": {"-t", "rsa", "-b", "2048"}, "rsa3072": {"-t", "rsa", "-b", "3072"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := keyring(t, signer("alice", w.ssh("alice", args...)))
			w.as("alice").Pushed(map[string]string{"a": "1"})
			got, err := w.verify(k, "", "")
			if err != nil || got.Signer != "alice" || got.Commits != 1 || got.Mode != signature.Tip {
				t.Fatalf("%+v %v", got, err)
			}
		})
	}
	t.Run("rsa1024", func(t *testing.T) {
		w := newWorld(t)
		if _, err := signature.NewKeyring([]signature.Signer{signer("alice", w.ssh("alice", "-t", "rsa", "-b", "1024"))}); err == nil {
			t.Fatal("a weak key is taken")
		}
	})
}

// TestUntrusted refuses what is not signed, not well, or by nobody known.
func TestUntrusted(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.ssh("alice"), w.ssh("mallory")
	k := keyring(t, signer("alice", alice))
	good := w.as("alice").Pushed(map[string]string{"a": "1"})
	raw := w.Git("cat-file", "commit", good) + "\n"
	forge := func(raw string) {
		t.Helper()
		id := w.GitIn([]byte(raw), "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
		w.Git("reset", "-q", "--soft", id)
		w.Push()
	}
	if _, err := w.verify(k, "", ""); err != nil {
		t.Fatal(err)
	}
	w.as("").Pushed(map[string]string{"a": "unsigned"})
	_, err := w.verify(k, "", "")
	refused(t, err, signature.Unsigned)
	w.as("mallory").Pushed(map[string]string{"a": "mallory"})
	_, err = w.verify(k, "", "")
	refused(t, err, signature.UnknownSigner)
	_, err = w.verify(keyring(t, signer("mallory", mallory)), good, signature.Every)
	if e := refused(t, err, signature.Unsigned); e.Commit == good {
		t.Error("the wrong commit is named")
	}

	for name, text := range map[string]string{
		"another message": strings.Replace(raw, "\n\nchange\n", "\n\nchanged\n", 1),
		"another author":  strings.Replace(raw, "author A", "author B", 1),
		"one line more":   raw + "\n",
		"another header":  strings.Replace(raw, "gpgsig ", "note x\ngpgsig ", 1),
		"rubbish behind":  strings.Replace(raw, " -----END SSH SIGNATURE-----\n", " -----END SSH SIGNATURE-----\n x\n", 1),
		"cut off":         strings.Replace(raw, " -----END SSH SIGNATURE-----\n", "", 1),
		"another form":    strings.ReplaceAll(raw, "SSH SIGNATURE", "SIGNED MESSAGE"),
	} {
		t.Run(name, func(t *testing.T) {
			if text == raw {
				t.Fatal("nothing was forged")
			}
			forge(text)
			_, err := w.verify(k, "", "")
			refused(t, err, signature.BadSignature)
		})
	}
	t.Run("two signatures", func(t *testing.T) {
		sig := raw[strings.Index(raw, "gpgsig "):strings.Index(raw, "\n\n")]
		forge(strings.Replace(raw, sig, sig+"\n"+sig, 1))
		if _, err := w.verify(k, "", ""); err == nil || !strings.Contains(err.Error(), "two headers") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("swapped", func(t *testing.T) {
		w.Git("reset", "-q", "--hard", good)
		other := w.Git("cat-file", "commit", w.as("alice").Commit(map[string]string{"a": "2"})) + "\n"
		sig := func(s string) string { return s[strings.Index(s, "gpgsig "):strings.Index(s, "\n\n")] }
		forge(strings.Replace(raw, sig(raw), sig(other), 1))
		_, err := w.verify(k, "", "")
		refused(t, err, signature.BadSignature)
	})
	t.Run("another namespace", func(t *testing.T) {
		payload := raw[:strings.Index(raw, "gpgsig ")] + raw[strings.Index(raw, "\n\n")+1:]
		forge(strings.Replace(payload, "\n\n", "\n"+w.sshSign("alice", "file", payload)+"\n\n", 1))
		_, err := w.verify(k, "", "")
		if e := refused(t, err, signature.BadSignature); !strings.Contains(e.Detail, "namespace") {
			t.Error(err)
		}
		forge(strings.Replace(payload, "\n\n", "\n"+w.sshSign("alice", "git", payload)+"\n\n", 1))
		if _, err := w.verify(k, "", ""); err != nil {
			t.Errorf("the same in the right one: %v", err)
		}
	})
}

// sshSign is a header gpgsig with a signature that ssh-keygen makes.
func (w *world) sshSign(key, namespace, payload string) string {
	w.t.Helper()
	cmd := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", w.at(key))
	cmd.Stdin = strings.NewReader(payload)
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return "gpgsig " + strings.ReplaceAll(strings.TrimSuffix(string(out), "\n"), "\n", "\n ")
}

// TestOddCommits verifies commits whose bytes a re-encoding would change.
func TestOddCommits(t *testing.T) {
	w := newWorld(t)
	k := keyring(t, signer("alice", w.ssh("alice")))
	first := w.as("alice").Pushed(map[string]string{"a": "1"})
	tree := w.Git("rev-parse", first+"^{tree}")
	people := "author A <a@example.org> 1700000000 +0130\ncommitter  C  <c@example.org> 1700000000 -0000\n"
	mergetag := "mergetag object " + first + "\n type commit\n tag x\n tagger T <t@example.org> 1 +0000\n \n text\n -----BEGIN PGP SIGNATURE-----\n \n gpgsig x\n -----END PGP SIGNATURE-----\n"
	for name, c := range map[string]struct{ before, after string }{
		"no last newline":   {people, "\nmessage"},
		"many newlines":     {people, "\n\n\nmessage\n\n\n"},
		"no message":        {people, "\n"},
		"carriage returns":  {people, "\nmessage\r\nmore\r\n"},
		"encoding":          {people + "encoding ISO-8859-1\n", "\nm\xe9ssage\n"},
		"mergetag":          {people + mergetag, "\nmessage\n"},
		"text like headers": {people, "\ngpgsig nothing\n -----BEGIN SSH SIGNATURE-----\n"},
		"unknown header":    {people + "x-odd value\n  with  spaces \n", "\nmessage\n"},
	} {
		t.Run(name, func(t *testing.T) {
			payload := "tree " + tree + "\nparent " + first + "\n" + c.before + c.after
			at := strings.Index(payload, "committer ")
			at += strings.Index(payload[at:], "\n") + 1
			raw := payload[:at] + w.sshSign("alice", "git", payload) + "\n" + payload[at:]
			id := w.GitIn([]byte(raw), "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
			w.Git("reset", "-q", "--hard", id)
			w.Push()
			if _, err := w.verify(k, "", ""); err != nil {
				t.Fatal(err)
			}
			w.File(w.at("allowed"), 0o600, "* "+w.read("alice.pub"))
			w.Git("-c", "gpg.ssh.allowedSignersFile="+w.at("allowed"), "verify-commit", id) // git agrees
		})
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	raw, err := os.ReadFile(w.at(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(raw)
}

// TestTags verifies signed tags, and that they say what they are called.
func TestTags(t *testing.T) {
	w := newWorld(t)
	k := keyring(t, signer("alice", w.ssh("alice")))
	w.as("").Commit(map[string]string{"a": "1"})
	w.Git("config", "user.signingKey", w.at("alice"))
	w.Git("tag", "-s", "-m", "one", "v1.0.0")
	w.Git("tag", "-a", "-m", "unsigned", "v2.0.0")
	w.Git("update-ref", "refs/tags/v3.0.0", w.Git("rev-parse", "refs/tags/v1.0.0"))
	forged := strings.Replace(w.Git("cat-file", "tag", "v1.0.0")+"\n", "\none\n", "\ntwo\n", 1)
	w.Git("update-ref", "refs/tags/v1.0.0-forged", w.GitIn([]byte(strings.Replace(forged, "tag v1.0.0", "tag v1.0.0-forged", 1)), "hash-object", "-t", "tag", "-w", "--stdin"))
	w.Push()
	got, err := w.verifyRef(k, repository.Follow{Tag: "v1.0.0"}, "", "")
	if err != nil || !got.Tag || got.Signer != "alice" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err = w.verifyRef(k, repository.Follow{Semver: "~> 1.0"}, "", ""); err != nil || !got.Tag {
		t.Errorf("%+v %v", got, err)
	}
	_, err = w.verifyRef(k, repository.Follow{Tag: "v1.0.0"}, "", signature.Every)
	refused(t, err, signature.Unsigned) // the commit is
	_, err = w.verifyRef(k, repository.Follow{Tag: "v2.0.0"}, "", "")
	refused(t, err, signature.Unsigned)
	_, err = w.verifyRef(k, repository.Follow{Tag: "v3.0.0"}, "", "")
	refused(t, err, signature.BadSignature)
	_, err = w.verifyRef(k, repository.Follow{Tag: "v1.0.0-forged"}, "", "")
	refused(t, err, signature.BadSignature)
}

// TestOpenPGP verifies what gpg signs, and refuses keys that have expired or
// were revoked, also where a commit says that it is older.
func TestOpenPGP(t *testing.T) {
	w := newWorld(t)
	w.gpgHome()
	w.Git("config", "gpg.format", "openpgp")
	w.Git("config", "commit.gpgSign", "true")
	make := func(name, kind, expire string) {
		w.gpg("", "--quick-generate-key", name+" <"+name+"@example.org>", kind, "sign", expire)
	}
	public := func(name string) string { return w.gpg("", "--armor", "--export", name+"@example.org") }
	sign := func(name string) string {
		w.Git("config", "user.signingKey", name+"@example.org")
		return w.Pushed(map[string]string{"a": name + time.Now().String()})
	}
	make("alice", "ed25519", "0")
	make("bob", "rsa3072", "0")
	make("old", "ed25519", "seconds=2")
	make("gone", "ed25519", "0")
	for _, name := range []string{"alice", "bob"} {
		sign(name)
		k := keyring(t, signature.Signer{Name: name, OpenPGPKeys: []string{public(name)}})
		if got, err := w.verify(k, "", ""); err != nil || got.Signer != name {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	_, err := w.verify(keyring(t, signature.Signer{Name: "alice", OpenPGPKeys: []string{public("alice")}}), "", "")
	refused(t, err, signature.UnknownSigner) // bob
	raw := w.Git("cat-file", "commit", "HEAD") + "\n"
	id := w.GitIn([]byte(strings.Replace(raw, "\n\nchange", "\n\nchanged", 1)), "hash-object", "-t", "commit", "-w", "--stdin")
	w.Git("reset", "-q", "--soft", id)
	w.Push()
	_, err = w.verify(keyring(t, signature.Signer{Name: "bob", OpenPGPKeys: []string{public("bob")}}), "", "")
	refused(t, err, signature.BadSignature)

	sign("old") // within its two seconds
	old := keyring(t, signature.Signer{Name: "old", OpenPGPKeys: []string{public("old")}})
	time.Sleep(3 * time.Second)
	_, err = w.verify(old, "", "")
	refused(t, err, signature.ExpiredKey)

	sign("gone")
	home := strings.TrimPrefix(w.Env[len(w.Env)-1], "GNUPGHOME=")
	revocations, err := filepath.Glob(filepath.Join(home, "openpgp-revocs.d", "*.rev"))
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := strings.Fields(w.gpg("", "--with-colons", "--list-keys", "gone@example.org"))[0]
	for line := range strings.Lines(w.gpg("", "--with-colons", "--list-keys", "gone@example.org")) {
		if strings.HasPrefix(line, "fpr:") {
			fingerprint = strings.Split(line, ":")[9]
		}
	}
	for _, name := range revocations {
		if strings.Contains(name, fingerprint) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			w.gpg(strings.Replace(string(text), ":-----BEGIN", "-----BEGIN", 1), "--import")
		}
	}
	_, err = w.verify(keyring(t, signature.Signer{Name: "gone", OpenPGPKeys: []string{public("gone")}}), "", "")
	refused(t, err, signature.ExpiredKey)
	if _, err := signature.NewKeyring([]signature.Signer{{Name: "alice", OpenPGPKeys: []string{w.gpg("", "--armor", "--export-secret-keys", "alice@example.org")}}}); err == nil {
		t.Error("a private key is taken")
	}
}

// TestValidity bounds when the keys of a signer count.
func TestValidity(t *testing.T) {
	w := newWorld(t)
	key := w.ssh("alice")
	w.as("alice").Pushed(map[string]string{"a": "1"})
	now := time.Now()
	for name, c := range map[string]struct {
		after, before time.Time
		good          bool
	}{
		"within":       {now.Add(-time.Hour), now.Add(time.Hour), true},
		"not yet":      {now.Add(time.Hour), time.Time{}, false},
		"not any more": {time.Time{}, now.Add(-time.Second), false},
	} {
		s := signer("alice", key)
		s.ValidAfter, s.ValidBefore = c.after, c.before
		_, err := w.verify(keyring(t, s), "", "")
		if c.good && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !c.good {
			refused(t, err, signature.ExpiredKey)
		}
	}
	// A commit that says it was made while the key counted does not help.
	w.Env = append(w.Env, "GIT_COMMITTER_DATE=2020-01-01T00:00:00Z")
	w.Pushed(map[string]string{"a": "2"})
	s := signer("alice", key)
	s.ValidBefore = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := w.verify(keyring(t, s), "", "")
	refused(t, err, signature.ExpiredKey)
}

// TestPaths limits signers to paths, through merges as well.
func TestPaths(t *testing.T) {
	w := newWorld(t)
	k := keyring(t, signer("alice", w.ssh("alice")), signer("bob", w.ssh("bob"), "deckies/bob", "shared/*/bob.hcl"))
	base := w.as("alice").Pushed(map[string]string{"main.hcl": "1", "deckies/bob/a": "1", "deckies/bobby/a": "1"})
	check := func(last string, want signature.Reason, path string) {
		t.Helper()
		w.Push()
		_, err := w.verify(k, last, "")
		if want == "" {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if e := refused(t, err, want); e.Path != path || e.Signer != "bob" {
			t.Fatalf("got %v", err)
		}
	}
	w.as("bob").Commit(map[string]string{"deckies/bob/a": "2", "deckies/bob/b/c": "1", "shared/x/bob.hcl": "1"})
	check(base, "", "")
	check("", "", "") // alice answers for what lies before
	w.Commit(map[string]string{"deckies/bobby/a": "2"})
	check(base, signature.OutsidePath, "deckies/bobby/a")
	w.Commit(map[string]string{"deckies/bobby/a": "1"}) // taken back: still each commit counts
	check(base, signature.OutsidePath, "deckies/bobby/a")

	w.Git("reset", "-q", "--hard", base)
	w.Git("checkout", "-q", "-b", "side")
	w.Commit(map[string]string{"deckies/bob/a": "side"})
	w.Git("checkout", "-q", "main")
	fixed := w.as("alice").Commit(map[string]string{"main.hcl": "fixed"})
	w.as("bob").Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	check(fixed, "", "") // nothing of alice's changed
	for name, evil := range map[string]func(){
		"a third version":   func() { w.Write(map[string]string{"main.hcl": "evil"}) },
		"the older version": func() { w.Write(map[string]string{"main.hcl": "1"}) }, // as side has it
		"a further file":    func() { w.Write(map[string]string{"evil.hcl": "evil"}) },
		"a file removed":    func() { w.Write(map[string]string{"main.hcl": ""}) },
	} {
		for _, order := range []string{"fixed first", "side first"} {
			t.Run(name+", "+order, func(t *testing.T) {
				first, second := fixed, "side"
				if order == "side first" {
					first, second = "side", fixed
				}
				w.Git("checkout", "-q", "-B", "main", first)
				w.as("bob").Git("merge", "-q", "--no-ff", "--no-commit", second)
				evil()
				w.Commit(nil)
				path := map[bool]string{true: "evil.hcl", false: "main.hcl"}[name == "a further file"]
				check(fixed, signature.OutsidePath, path)
			})
		}
	}
}

// TestRewritten refuses a tip that does not come after what was applied.
func TestRewritten(t *testing.T) {
	w := newWorld(t)
	k := keyring(t, signer("alice", w.ssh("alice")))
	first := w.as("alice").Commit(map[string]string{"a": "1"})
	second := w.Pushed(map[string]string{"a": "2"})
	if _, err := w.verify(k, first, signature.Every); err != nil {
		t.Fatal(err)
	}
	w.Git("reset", "-q", "--hard", first)
	w.Push()
	for _, mode := range []signature.Mode{signature.Tip, signature.Every} {
		_, err := w.verify(k, second, mode)
		refused(t, err, signature.RewrittenHistory)
	}
	// The operator may pin an older one.
	if _, err := w.verifyRef(k, repository.Follow{Commit: first}, second, signature.Every); err != nil {
		t.Error(err)
	}
}
