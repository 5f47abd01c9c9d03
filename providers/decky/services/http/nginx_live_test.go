//go:build live

package http_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/http"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

const configuration = `daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 768; }
http {
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	gzip on;
	server {
		listen %[2]s default_server;
		root %[1]s/html;
		index index.html index.htm index.nginx-debian.html;
		server_name _;
		location / { try_files $uri $uri/ =404; }
	}
}
`

// ourPage is the page that both sides show.
func ourPage(t *testing.T) []byte {
	t.Helper()
	_, page, _ := strings.Cut(exchange(t, servicetest.Start(t, http.New(), servicetest.Options{}), get("/")), "\r\n\r\n")
	return []byte(page)
}

// startNginx runs the machine's nginx with Debian's configuration, all its
// paths in a folder of the test.
func startNginx(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("no nginx on this machine: apt-get install nginx-light")
	}
	page := ourPage(t)
	// The worker is another user: it needs the way down to its files.
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "html"), 0o755)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := errors.Join(listener.Close(), os.WriteFile(filepath.Join(dir, "html", "index.nginx-debian.html"), page, 0o644),
		os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, configuration, dir, addr), 0o644)); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return addr
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nginx does not listen")
	return ""
}

// reply is what a server did: its bytes and how the connection stood at the
// end.
type reply struct {
	data string
	end  string // "open", "fin", "rst"
}

func ask(t *testing.T, addr, data string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	sent := make(chan struct{})
	go func() { defer close(sent); _, _ = io.WriteString(conn, data) }()
	defer func() { _ = conn.Close(); <-sent }()
	var b bytes.Buffer
	buffer := make([]byte, 64<<10)
	for {
		wait := 400 * time.Millisecond
		if b.Len() > 0 {
			wait = 150 * time.Millisecond
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buffer)
		b.Write(buffer[:n])
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return reply{b.String(), "fin"}
		case errors.Is(err, syscall.ECONNRESET):
			return reply{b.String(), "rst"}
		default:
			return reply{b.String(), "open"}
		}
	}
}

// What differs between two real servers: the clock, the file's time and its
// ETag, and nginx's count of multipart answers.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\r\nDate: [^\r]+`), "\r\nDate: D"},
	{regexp.MustCompile(`\r\nLast-Modified: [^\r]+`), "\r\nLast-Modified: M"},
	{regexp.MustCompile(`"[0-9a-f]{8}-([0-9a-f]+)"`), `"E-$1"`},
	{regexp.MustCompile(`0000000000[0-9]{10}`), "BOUNDARY"},
}

func masked(r reply) reply {
	for _, m := range masks {
		r.data = m.pattern.ReplaceAllString(r.data, m.with)
	}
	return r
}

var (
	lastModified = regexp.MustCompile(`\r\nLast-Modified: ([^\r]+)`)
	entityTag    = regexp.MustCompile(`\r\nETag: ([^\r]+)`)
)

// workers is how many probes are under way at once.
const workers = 6

// answers sends every probe to addr.
func answers(t *testing.T, addr string) (names []string, all []reply) {
	t.Helper()
	first := ask(t, addr, get("/", "Connection: close")).data
	modified, etag := "Thu, 01 Jan 2026 00:00:00 GMT", `"6950a000-267"`
	if m, e := lastModified.FindStringSubmatch(first), entityTag.FindStringSubmatch(first); m != nil && e != nil {
		modified, etag = m[1], e[1]
	}
	list := probes(modified, etag, "index.nginx-debian.html")
	all = make([]reply, len(list))
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for i := worker; i < len(list); i += workers {
				all[i] = masked(ask(t, addr, list[i].data))
			}
		})
	}
	wait.Wait()
	for _, p := range list {
		names = append(names, p.name)
	}
	return names, all
}

func score(t *testing.T, what string, names []string, want, got []reply, show bool) float64 {
	same := 0
	for i := range want {
		if want[i] == got[i] {
			same++
		} else if show {
			t.Logf("%q\n nginx %s %.700q\n  ours %s %.700q", names[i], want[i].end, want[i].data, got[i].end, got[i].data)
		}
	}
	percent := 100 * float64(same) / float64(len(want))
	t.Logf("%s: %d of %d probes alike, %.1f %%", what, same, len(want), percent)
	return percent
}

func TestAnswersAsNginxDoes(t *testing.T) {
	addr := startNginx(t)
	names, want := answers(t, addr)
	if len(want) < 100 {
		t.Fatalf("only %d probes", len(want))
	}
	_, again := answers(t, addr)
	if p := score(t, "nginx against itself", names, want, again, true); p < 99.5 {
		t.Errorf("the yardstick agrees with itself on %.1f %% only", p)
	}
	server := servicetest.Start(t, http.New(), servicetest.Options{})
	_, ours := answers(t, server.Addr())
	if p := score(t, "ours", names, want, ours, true); p < 95 {
		t.Errorf("%.1f %% alike, want 95", p)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := ourPage(t)
	library := &nethttp.Server{Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Server", "nginx/1.22.1")
		if r.URL.Path != "/" {
			nethttp.NotFound(w, r)
			return
		}
		nethttp.ServeContent(w, r, "index.html", time.Unix(1.7e9, 0), bytes.NewReader(page))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = library.Serve(listener) }()
	t.Cleanup(func() { _ = library.Close(); <-done })
	_, foreign := answers(t, listener.Addr().String())
	if p := score(t, "net/http", names, want, foreign, false); p >= 60 {
		t.Errorf("net/http is %.1f %% alike: the probes do not tell servers apart", p)
	}
}

func TestCurlGetsThePage(t *testing.T) {
	server := servicetest.Start(t, http.New(), servicetest.Options{})
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("no curl on this machine: apt-get install curl")
	}
	out, err := exec.Command("curl", "-sS", "-i", "--compressed", "http://"+server.Addr()+"/").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Server: nginx/1.22.1") || !strings.Contains(string(out), "Welcome to nginx!") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestNmapNamesNginx(t *testing.T) {
	server := servicetest.Start(t, http.New(), servicetest.Options{})
	if _, err := exec.LookPath("nmap"); err != nil {
		t.Fatal("no nmap on this machine: apt-get install nmap")
	}
	_, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("nmap", "-sV", "-Pn", "-n", "-p", port, "127.0.0.1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "nginx 1.22.1") {
		t.Errorf("%v\n%s", err, out)
	}
}
