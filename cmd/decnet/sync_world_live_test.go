//go:build live

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler/gitsync/repository/repositorytest"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// Secrets that nobody may ever say.
const (
	gitToken    = "tok-9f31c2b7e5d84a60"
	statusToken = "sts-40c1d29ab7e6f853"
	hookSecret  = "hook-72be19f04dc3a586"
	sinkSecret  = "sink-c8d1e7f2a3b40596"
)

// followed is a daemon that follows repositories of real servers in a lab.
type followed struct {
	*stage
	whole     *testing.T // what servers end with
	prod, web *repositorytest.Origin
	file      string
	daemon    func(syscall.Signal)
	log       func() string
	heard     *receiver
	https     *frontend
	ssh       sshServer
	git       *lab.Cmd // the git daemon; nil: it is stopped
	good      string   // the commit of prod that is live
	round     int
	ids       map[string]uint64
	healed    int
	blocks    string // of the daemon's file, which tests replace
}

// decoysOf is a configuration of n deckies that says what round it is, with more.
func decoysOf(n, round int, more string) string {
	return fmt.Sprintf(`decnet {
  name    = "kept"
  seed    = "calm"
  runtime = "native"
}

network "lan" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
  pool    = "10.77.0.20-10.77.0.60"
}

decky "web" {
  count   = %d
  network = network.lan
  ip      = "10.77.0.${20 + count.index}"
  service "ssh" {}
}

output "round" { value = %d }
%s`, n, round, more)
}

const fleet = 6

// newFollowed starts servers, makes keys, and lets the daemon apply the first
// commits.
func newFollowed(t *testing.T) *followed {
	t.Helper()
	f := &followed{whole: t, stage: newStage(t, providers.RuntimeNative, decoysOf(1, 0, "")), prod: repositorytest.New(t), web: repositorytest.New(t), ids: map[string]uint64{}}
	f.file = f.at("sync.hcl")
	for _, key := range []string{"ops", "team", "expired", "stranger"} {
		f.prod.Keygen(f.at(key), "-t", "ed25519", "-N", "")
	}
	f.write("allowed", `ops@example.com namespaces="git" `+f.read("ops.pub")+`old@example.com namespaces="git",valid-before="20200101" `+f.read("expired.pub"))
	for name, secret := range map[string]string{"git-token": gitToken, "status-token": statusToken, "hook-secret": hookSecret, "secrets/sink": sinkSecret} {
		f.write(name, secret+"\n")
	}
	f.gpg()
	f.heard = f.receive()
	f.serveGit()
	f.https = f.serveHTTPS()
	f.serveSSH()
	f.as("ops")
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, 0, ""), "team/note.txt": "x"})
	f.web.Pushed(map[string]string{"main.hcl": `output "greeting" { value = "first" }` + "\n"})
	f.blocks = "max_destroy = 1\n  rollback = true\n  var_files = []\n"
	f.configured()
	f.daemon, f.log = f.reconcile("--file", f.file)
	for _, name := range []string{"prod", "web", "keyed"} {
		f.becomes(name, "Applied", "", 40*time.Second)
	}
	for i := range fleet {
		f.ids[deckyName(i)] = f.namespaceID(deckyName(i))
	}
	return f
}

func deckyName(i int) string { return fmt.Sprintf("kept-web-%d", i) }

func (f *followed) at(name string) string { return filepath.Join(f.lab.Dir, name) }

func (f *followed) write(name, content string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.at(name)), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.at(name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) read(name string) string {
	f.t.Helper()
	data, err := os.ReadFile(f.at(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}

// configured writes the daemon's own file.
func (f *followed) configured() {
	f.write("sync.hcl", fmt.Sprintf(`sync "prod" {
  repository = "git://127.0.0.1:9418/net/decoys.git"
  path       = "site"
  branch     = "main"
  interval   = "1h"
  jitter     = "0s"
  timeout    = "20s"
  secrets    = %[1]q
  %[2]s
  verify {
    allowed_signers_file = "allowed"
    signer "team" {
      ssh_key_files = ["team.pub"]
      paths         = ["team"]
    }
    signer "release" {
      openpgp_key_files = ["release.asc"]
    }
  }
}

sync "web" {
  repository = %[3]q
  branch     = "main"
  interval   = "1h"
  jitter     = "0s"
  timeout    = "2m"
  max_size   = "64MB"
  ca_file    = "ca.pem"
  auth {
    username   = "deploy"
    token_file = "git-token"
  }
  verify { mode = "none" }
}

sync "keyed" {
  repository = %[4]q
  branch     = "main"
  interval   = "1h"
  jitter     = "0s"
  depends_on = [sync.web]
  auth {
    ssh_key_file     = %[5]q
    known_hosts_file = "known_hosts"
  }
  verify { mode = "none" }
}

webhook {
  listen      = "127.0.0.1:9443"
  provider    = "github"
  secret_file = "hook-secret"
  syncs       = [sync.prod]
}

sink "all" {
  type = "webhook"
  url  = "http://127.0.0.1:9500/all"
}

sink "commits" {
  type       = "commit_status"
  provider   = "github"
  repository = "net/decoys"
  api_url    = "http://127.0.0.1:9500/api"
  token_file = "status-token"
}
`, f.at("secrets"), f.blocks, f.https.url, f.ssh.URL, f.ssh.Key))
}

// reload lets the daemon read its file again, with other lines in sync prod.
func (f *followed) reload(blocks string) {
	f.t.Helper()
	f.blocks = blocks
	f.configured()
	pid, err := strconv.Atoi(strings.TrimSpace(f.read("data/sync/prod/state.db.reconcile")))
	if err != nil {
		f.t.Fatal(err)
	}
	before := strings.Count(f.log(), "level=")
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		f.t.Fatal(err)
	}
	within(f.t, 20*time.Second, "the daemon has read its file again", func() bool {
		return strings.Count(f.log(), "level=") > before && f.sync(f.file, "prod").Name == "prod"
	})
}

// as lets git sign with a key; "" does not sign.
func (f *followed) as(key string) {
	f.t.Helper()
	for _, o := range []*repositorytest.Origin{f.prod} {
		o.Git("config", "gpg.format", "ssh")
		o.Git("config", "user.signingKey", f.at(key))
		o.Git("config", "commit.gpgSign", fmt.Sprint(key != ""))
	}
}

// gpg makes an OpenPGP key in a home of its own.
func (f *followed) gpg() {
	f.t.Helper()
	home, err := os.MkdirTemp("", "g") // short: the agent's socket lies in it
	if err != nil {
		f.t.Fatal(err)
	}
	f.prod.Env = append(f.prod.Env, "GNUPGHOME="+home)
	run := func(args ...string) []byte {
		cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		out, err := cmd.Output()
		if err != nil {
			f.t.Fatalf("gpg is the judge here: apt-get install gnupg (%v)", err)
		}
		return out
	}
	f.t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--kill", "all") // of this home
		kill.Env = append(os.Environ(), "GNUPGHOME="+home)
		_ = kill.Run()
		os.RemoveAll(home)
	})
	run("--quick-generate-key", "Release <release@example.com>", "ed25519", "sign", "never")
	f.write("release.asc", string(run("--armor", "--export", "release@example.com")))
}

// operatorListen listens on the operator's side.
func (f *followed) operatorListen(address string) net.Listener {
	f.t.Helper()
	var l net.Listener
	if err := f.lab.Do(lab.Operator, func() (err error) { l, err = net.Listen("tcp", address); return err }); err != nil {
		f.t.Fatal(err)
	}
	return l
}

// serveGit starts git daemon.
func (f *followed) serveGit() {
	f.t.Helper()
	base := f.at("git/net")
	if err := os.MkdirAll(base, 0o755); err != nil {
		f.t.Fatal(err)
	}
	if _, err := os.Lstat(base + "/decoys.git"); err != nil {
		if err := os.Symlink(f.prod.Dir, base+"/decoys.git"); err != nil {
			f.t.Fatal(err)
		}
	}
	f.git = f.serve("git", "daemon", "--listen=127.0.0.1", "--port=9418", "--export-all", "--reuseaddr", "--base-path="+f.at("git"))
	f.reachable("127.0.0.1:9418")
}

func (f *followed) serve(argv ...string) *lab.Cmd {
	f.t.Helper()
	cmd := f.command(context.WithoutCancel(f.t.Context()), lab.Operator, argv...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.whole.Cleanup(func() { end(cmd) })
	return cmd
}

// end kills a server with its children, once.
func end(cmd *lab.Cmd) {
	if cmd.ProcessState == nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
}

func (f *followed) reachable(address string) {
	f.t.Helper()
	within(f.t, 10*time.Second, address+" is served", func() bool {
		return f.lab.Do(lab.Operator, func() error {
			c, err := net.DialTimeout("tcp", address, time.Second)
			if err != nil {
				return err
			}
			return c.Close()
		}) == nil
	})
}

// frontend is the smart-HTTP server of web, with TLS and a token.
type frontend struct {
	url    string
	mu     sync.Mutex
	hooked http.HandlerFunc // instead of git's own server; nil: that
}

func (h *frontend) set(hooked http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooked = hooked
}

func (f *followed) serveHTTPS() *frontend {
	f.t.Helper()
	front, backend := &frontend{}, f.web.Backend()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "deploy" || p != gitToken {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintln(w, "no access for", u, p, r.Header.Get("Authorization")) // a careless server shows what it was sent
			return
		}
		front.mu.Lock()
		hooked := front.hooked
		front.mu.Unlock()
		if hooked != nil {
			hooked(w, r)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = f.operatorListen("127.0.0.1:9600")
	server.StartTLS()
	f.t.Cleanup(server.Close)
	f.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	front.url = "https://127.0.0.1:9600/origin.git"
	return front
}

type sshServer struct{ URL, Key, host string }

// serveSSH starts sshd for the repository web.
func (f *followed) serveSSH() {
	f.t.Helper()
	for _, name := range []string{"host", "client"} {
		f.web.Keygen(f.at(name), "-t", "ed25519", "-N", "")
	}
	f.write("authorized", f.read("client.pub"))
	f.ssh = sshServer{URL: "ssh://root@127.0.0.1:9622" + f.web.Dir, Key: f.at("client"), host: "[127.0.0.1]:9622 " + f.read("host.pub")}
	f.write("known_hosts", f.ssh.host)
	f.write("sshd_config", strings.Join([]string{
		"ListenAddress 127.0.0.1:9622", "HostKey " + f.at("host"), "AuthorizedKeysFile " + f.at("authorized"), "PidFile none", "StrictModes no", "UsePAM no",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "AllowTcpForwarding no", "X11Forwarding no", "",
	}, "\n"))
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // as Debian makes it at its start
		f.t.Fatal(err)
	}
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
		f.t.Fatalf("sshd is the judge here: apt-get install openssh-server (%v)", err)
	}
	f.serve("/usr/sbin/sshd", "-D", "-e", "-f", f.at("sshd_config"))
	f.reachable("127.0.0.1:9622")
}

// receiver hears what sinks are told.
type receiver struct {
	mu       sync.Mutex
	news     map[string][]notification.Notification // by path
	headers  map[string]http.Header                 // the last, by path
	bodies   map[string][]byte
	statuses []map[string]string // of the API of commits
	tokens   map[string]bool     // that the API was shown
}

func (f *followed) receive() *receiver {
	f.t.Helper()
	r := &receiver{news: map[string][]notification.Notification{}, headers: map[string]http.Header{}, bodies: map[string][]byte{}, tokens: map[string]bool{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil && strings.HasPrefix(q.URL.Path, "/api/") {
			one := map[string]string{}
			_ = json.Unmarshal(body, &one) // what is no object has no state
			one["path"] = q.URL.Path
			r.statuses = append(r.statuses, one)
			r.tokens[q.Header.Get("Authorization")] = true
			w.WriteHeader(http.StatusCreated)
			return
		}
		var n notification.Notification
		if err := json.Unmarshal(body, &n); err == nil {
			r.news[q.URL.Path] = append(r.news[q.URL.Path], n)
			r.headers[q.URL.Path], r.bodies[q.URL.Path] = q.Header.Clone(), body
		}
	}))
	server.Listener.Close()
	server.Listener = f.operatorListen("127.0.0.1:9500")
	server.Start()
	f.t.Cleanup(server.Close)
	return r
}

// of are the news at a path that are of a kind and a revision.
func (r *receiver) of(path string, kind notification.Kind, revision string) (out []notification.Notification) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.news[path] {
		if n.Kind == kind && (revision == "" || n.Revision == revision) {
			out = append(out, n)
		}
	}
	return out
}

// status is the last state that the API has of a commit.
func (r *receiver) status(commit string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := ""
	for _, one := range r.statuses {
		if strings.HasSuffix(one["path"], commit) {
			state = one["state"]
		}
	}
	return state
}

// becomes waits until a sync's Ready has a reason, and a message with some text.
func (f *followed) becomes(name, reason, text string, patience time.Duration) status.Sync {
	f.t.Helper()
	var one status.Sync
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		one = f.sync(f.file, name)
		c := one.Conditions.Get(status.Ready)
		if c.Reason == reason && strings.Contains(c.Message, text) {
			return one
		}
	}
	f.t.Fatalf("sync %s does not become %s with %q in its message within %s: %+v", name, reason, text, patience, one.Conditions)
	return one
}

// now asks a sync to look, and waits for what it says.
func (f *followed) now(name, reason, text string) status.Sync {
	f.t.Helper()
	f.must("sync", "now", name, "--file", f.file)
	return f.becomes(name, reason, text, 20*time.Second)
}

func (f *followed) namespaceID(decky string) uint64 {
	f.t.Helper()
	info, err := os.Stat(f.netns(decky))
	if err != nil {
		f.t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// intact fails unless the fleet is as it was: the same namespaces and no other,
// every service answering.
func (f *followed) intact() {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.lab.Dir, "run", "*", "netns", "kept-*"))
	if err != nil || len(found) != fleet {
		f.t.Errorf("namespaces: %v %v", found, err)
	}
	for i := range fleet {
		if id := f.namespaceID(deckyName(i)); id != f.ids[deckyName(i)] {
			f.t.Errorf("%s has namespace %d, it had %d", deckyName(i), id, f.ids[deckyName(i)])
		}
		if banner := f.banner(fmt.Sprintf("10.77.0.%d:22", 20+i)); !strings.HasPrefix(banner, "SSH-") {
			f.t.Errorf("%s answers %q", deckyName(i), banner)
		}
	}
}

func (f *followed) banner(address string) string {
	out := make([]byte, 16)
	n := 0
	_ = f.lab.Do(lab.Attacker, func() error { // without an answer it is empty
		c, err := net.DialTimeout("tcp", address, 3*time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
			return err
		}
		n, err = c.Read(out)
		return err
	})
	return string(out[:n])
}

// heals takes a link away, each time another decky's, and waits for it.
func (f *followed) heals() {
	f.t.Helper()
	decky := deckyName(f.healed % fleet)
	f.healed++
	if out, err := exec.Command("nsenter", "--net="+f.netns(decky), "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
		f.t.Fatalf("%v %s", err, out)
	}
	within(f.t, 20*time.Second, "the link of "+decky+" is back", func() bool { return f.hasLink(decky) })
}

// goodAgain pushes a good commit after the last good one; it must be applied.
func (f *followed) goodAgain() {
	f.t.Helper()
	f.as("ops")
	f.reset()
	f.round++
	f.good = f.prod.Pushed(map[string]string{"site/main.hcl": decoysOf(fleet, f.round, "")})
	f.must("sync", "now", "prod", "--file", f.file)
	within(f.t, 40*time.Second, "a good commit is applied", func() bool {
		one := f.sync(f.file, "prod")
		return one.Applied != nil && one.Applied.Commit == f.good && one.Conditions.Get(status.Ready).Status == status.True
	})
}

// reset leads the branch back to the last good commit.
func (f *followed) reset() {
	f.t.Helper()
	f.prod.Git("checkout", "-q", "-f", "-B", "main", f.good)
	f.prod.Git("clean", "-q", "-f", "-d")
}

// silent fails where a secret stands in what the daemon says or keeps.
func (f *followed) silent() {
	f.t.Helper()
	key := strings.Split(f.read("client"), "\n")[1]
	said := map[string]string{"log": f.log()}
	for _, args := range [][]string{{"status"}, {"history", "prod"}, {"events", "prod"}, {"history", "web"}, {"events", "web"}, {"history", "keyed"}, {"events", "keyed"}} {
		said[strings.Join(args, " ")] = f.must(append(append([]string{"sync"}, args...), "--file", f.file, "--json")...)
	}
	f.heard.mu.Lock()
	for path, body := range f.heard.bodies {
		said[path] = string(body)
	}
	f.heard.mu.Unlock()
	err := filepath.WalkDir(f.at("data"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if data, failed := os.ReadFile(path); failed == nil {
				said[path] = string(data)
			}
		}
		return nil // files come and go
	})
	if err != nil {
		f.t.Fatal(err)
	}
	for where, text := range said {
		for _, secret := range []string{gitToken, statusToken, hookSecret, sinkSecret, key} {
			if strings.Contains(text, secret) {
				f.t.Errorf("%s: a secret stands in it", where)
			}
		}
	}
}

// usage is what the daemon has on disk, in bytes.
func (f *followed) usage() (size int64) {
	_ = filepath.WalkDir(f.at("data"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			if info, err := d.Info(); err == nil && d.Type().IsRegular() {
				size += info.Size()
			}
		}
		return nil // files come and go
	})
	return size
}

// peak runs something and returns the most memory and disk that the daemon had
// meanwhile, in bytes.
func (f *followed) peak(do func()) (memory, disk int64) {
	f.t.Helper()
	process := "/proc/" + strings.TrimSpace(f.read("data/sync/prod/state.db.reconcile"))
	if err := os.WriteFile(process+"/clear_refs", []byte("5"), 0); err != nil {
		f.t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			disk = max(disk, f.usage())
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	do()
	close(stop)
	<-ended
	text, err := os.ReadFile(process + "/status")
	_, rest, ok := bytes.Cut(text, []byte("VmHWM:"))
	if _, scanned := fmt.Sscan(string(rest), &memory); err != nil || !ok || scanned != nil {
		f.t.Fatalf("%v %s", err, text)
	}
	return memory << 10, disk
}

// clear takes away what prod left.
func (f *followed) clear() {
	f.t.Helper()
	f.configure(decoysOf(fleet, 0, ""))
	f.must("destroy", "--auto-approve", "--state", f.at("data/sync/prod/state.db"))
}
