package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// httpShare is how many requests a second ours answers, as a share of nginx's,
// both with keep-alive, a log of every request, and the default page.
const httpShare = 0.5

const (
	httpConns  = 32
	httpRound  = 2 * time.Second
	httpRounds = 3 // of each, in turn
)

// httpConfiguration is Debian's, with its access log.
const httpConfiguration = `daemon off;
worker_processes auto;
pid %[1]s/pid;
events { worker_connections 768; }
http {
	sendfile on; tcp_nopush on; types_hash_max_size 2048;
	include /etc/nginx/mime.types; default_type application/octet-stream;
	access_log %[1]s/access.log;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	gzip on;
	server { listen %[2]s default_server; root %[1]s/html; index index.html index.nginx-debian.html; server_name _; location / { try_files $uri $uri/ =404; } }
}
`

// http loads nginx and ours by turns, each with the same page.
func (b *bench) http(ctx context.Context) error {
	dir := filepath.Join(b.scratch, "http")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ours, err := startOurs(ctx, filepath.Join(b.bin, "decky"), dir)
	if err != nil {
		return err
	}
	defer ours.stop()
	page, err := fetch(ctx, ours.address)
	if err != nil {
		return err
	}
	nginx, err := startNginx(ctx, dir, page)
	if err != nil {
		return err
	}
	defer nginx.stop()
	var rates [2]float64
	var answered int64
	for range httpRounds {
		for i, address := range []string{nginx.address, ours.address} {
			n, err := load(ctx, address, len(page))
			if err != nil {
				return fmt.Errorf("load %s: %w", address, err)
			}
			rates[i] += float64(n) / httpRound.Seconds() / httpRounds
			if i == 1 {
				answered += n
			}
		}
	}
	ours.stop()
	stored, err := countRequests(filepath.Join(dir, "journal"))
	if err != nil {
		return err
	}
	if stored < answered {
		return fmt.Errorf("%d requests were answered and %d are stored", answered, stored)
	}
	share := rates[1] / rates[0]
	b.report(figure{
		name: "HTTP requests of the default page, every one stored", measured: fmt.Sprintf("%.0f of nginx's %.0f /s: %.2f", rates[1], rates[0], share),
		goal: fmt.Sprintf(">= %.2f of nginx's", httpShare/b.size.slack), ok: share >= httpShare/b.size.slack,
	})
	return nil
}

// webProcess is a web server on loopback.
type webProcess struct {
	address string
	command *exec.Cmd
	once    sync.Once
}

func (p *webProcess) stop() {
	p.once.Do(func() {
		_ = p.command.Process.Signal(os.Interrupt)
		_ = p.command.Wait() // how it ended says nothing
	})
}

// startWeb starts a server and waits until it listens.
func startWeb(ctx context.Context, address, binary string, args ...string) (*webProcess, error) {
	p := &webProcess{address: address, command: exec.CommandContext(ctx, binary, args...)}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", address); err == nil {
			return p, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.stop()
	return nil, fmt.Errorf("%s does not listen on %s", binary, address)
}

// freeAddress is one on loopback that nobody has.
func freeAddress() (string, uint16, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, err
	}
	address := l.Addr().(*net.TCPAddr)
	return address.String(), uint16(address.Port), l.Close()
}

func startOurs(ctx context.Context, binary, dir string) (*webProcess, error) {
	address, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	spec := decky.Spec{
		Host: decky.Host{
			Address: "decky.bench", Hostname: "srv-bench", IP: "127.0.0.1", OS: "linux", Distro: "debian", Packages: map[string]string{"nginx": "1.22.1"},
			Boot: time.Now().Add(-40 * 24 * time.Hour).UTC(), Key: []byte("a key of the bench's: no secret!"),
		},
		Journal: filepath.Join(dir, "journal"), Store: filepath.Join(dir, "store"), Limits: decky.Limits{ConnsPerSource: 512},
		Services: []decky.ServiceSpec{{Name: "http", Slug: "http", Ports: []decky.Port{{Number: port, Transport: "tcp"}}}},
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	return startWeb(ctx, address, binary, "serve", "--spec", file)
}

func startNginx(ctx context.Context, dir string, page []byte) (*webProcess, error) {
	address, _, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// Its workers are another user and need the way down to their files.
	root, err := os.MkdirTemp("", "decnet-nginx-")
	if err != nil {
		return nil, err
	}
	html := filepath.Join(root, "html")
	if err := errors.Join(os.Chmod(root, 0o755), os.Mkdir(html, 0o755), os.WriteFile(filepath.Join(html, "index.html"), page, 0o644),
		os.WriteFile(filepath.Join(root, "nginx.conf"), fmt.Appendf(nil, httpConfiguration, root, address), 0o644), os.Symlink(root, filepath.Join(dir, "nginx"))); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = os.RemoveAll(root) })
	return startWeb(ctx, address, "nginx", "-c", filepath.Join(root, "nginx.conf"), "-e", filepath.Join(root, "error.log"))
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// load asks for the page on many connections for a while and counts answers.
func load(ctx context.Context, address string, size int) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, httpRound)
	defer cancel()
	var answered atomic.Int64
	errs := make(chan error, httpConns)
	for range httpConns {
		go func() { errs <- ask(ctx, address, size, &answered) }()
	}
	var failed error
	for range httpConns {
		failed = errors.Join(failed, <-errs)
	}
	return answered.Load(), failed
}

const httpRequest = "GET / HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"

func ask(ctx context.Context, address string, size int, answered *atomic.Int64) error {
	var conn net.Conn
	var reader *bufio.Reader
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for ctx.Err() == nil {
		if conn == nil {
			var err error
			if conn, err = net.Dial("tcp", address); err != nil {
				return err
			}
			reader = bufio.NewReaderSize(conn, 8192)
		}
		if _, err := io.WriteString(conn, httpRequest); err != nil {
			return err
		}
		last := false
		for {
			line, err := reader.ReadSlice('\n')
			if err != nil {
				return err
			}
			last = last || bytes.HasPrefix(line, []byte("Connection: close"))
			if len(line) == 2 {
				break
			}
		}
		if _, err := reader.Discard(size); err != nil {
			return err
		}
		answered.Add(1)
		if last {
			_ = conn.Close() // the server is done with it
			conn = nil
		}
	}
	return nil
}

// countRequests counts the requests in a journal.
func countRequests(dir string) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return 0, err
		}
		n += int64(strings.Count(string(data), `"kind":"request"`))
	}
	return n, nil
}
