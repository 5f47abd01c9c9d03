package client_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/cmd/internal/judge/client"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

var padding = regexp.MustCompile(`pad=\d+`)

// serve answers every connection on loopback with handle until the test ends.
func serve(t *testing.T, handle func(*net.TCPConn)) *client.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wait.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wait.Go(func() { handle(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	return &client.Client{Address: listener.Addr().String(), Values: map[string]string{"account": "alice", "password": "secret"}}
}

func steps(t *testing.T, list string) probe.Probe {
	t.Helper()
	file, err := probe.Parse([]byte(`{"about": "x", "probes": [{"name": "a", "patience": "300ms", "steps": ` + list + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return file.Probes[0]
}

func heard(log *transcript.Transcript) string {
	var lines []string
	for _, e := range log.Heard() {
		lines = append(lines, string(e.Data))
	}
	return strings.Join(lines, "|")
}

func TestEndsAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(*net.TCPConn)
		end    transcript.End
	}{
		"fin": {func(c *net.TCPConn) { _, _ = io.WriteString(c, "x"); _ = c.Close() }, transcript.FIN},
		"rst": {func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "x")
			time.Sleep(50 * time.Millisecond)
			_ = c.SetLinger(0)
			_ = c.Close()
		}, transcript.RST},
		"open": {func(c *net.TCPConn) { _, _ = io.WriteString(c, "x"); _, _ = io.Copy(io.Discard, c) }, transcript.Open},
	} {
		log := serve(t, c.handle).Play(t.Context(), steps(t, `[{"read": {"bytes": 1}}]`))
		if log.End != c.end || heard(log) != "x" {
			t.Errorf("%s: %s", name, log)
		}
	}
	gone := serve(t, func(*net.TCPConn) {})
	gone.Address = "127.0.0.1:1"
	if log := gone.Play(t.Context(), steps(t, `[{"half_close": true}]`)); log.End != transcript.Refused {
		t.Errorf("refused: %s", log)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if log := gone.Play(ended, steps(t, `[{"half_close": true}]`)); log.End != transcript.Failed {
		t.Errorf("cancelled: %s", log)
	}
}

// echo answers every line with itself, in two writes.
func echo(c *net.TCPConn) {
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			_ = c.Close()
			return
		}
		_, _ = io.WriteString(c, "you said ")
		time.Sleep(5 * time.Millisecond)
		_, _ = io.WriteString(c, line)
	}
}

func TestStepsOnBytes(t *testing.T) {
	c := serve(t, echo)
	for list, want := range map[string]string{
		`[{"send": "a\n"}, {"read": {"until": "\n"}}, {"send": "b\n"}, {"read": {"bytes": 11}}]`:                                                  "you said a\n|you said b\n",
		`[{"send": "a\nb\n"}, {"read": {"quiet": "100ms"}}, {"half_close": true}]`:                                                                "you said a\nyou said b\n",
		`[{"send": "abcdef\n", "pace": {"bytes": 2, "every": "5ms"}}]`:                                                                            "you said abcdef\n",
		`[{"send": "id=7.\n"}, {"read": {"until": "\n"}}, {"capture": {"name": "id", "pattern": "id=([0-9]+)"}}, {"send": "${id} ${account}\n"}]`: "you said id=7.\n|you said 7 alice\n",
		`[{"send": "a\n"}, {"read": {"until": "\n"}}, {"reconnect": true}, {"send": "b\n"}]`:                                                      "you said a\n|you said b\n",
		`[{"parallel": {"connections": 3, "steps": [{"send": "a\n"}], "patience": "100ms", "tolerance": 5}}]`:                                     "COUNTS of=3 within=5\topen: 3",
		`[{"parallel": {"connections": 2, "steps": [{"half_close": true}], "patience": "2s", "outcome": "class"}}]`:                               "COUNTS of=2 within=0\tfin: 2",
		`[{"parallel": {"connections": 2, "steps": [{"send": "a\n"}], "patience": "100ms", "outcome": "bytes"}}]`:                                 "COUNTS of=2 within=0\tyou said a\\n open: 2",
		`[{"ssh": {"hello": "hello\n"}}, {"ssh": {"kexinit": {}}}]`:                                                                               "you said hello\n|no-ssh",
	} {
		if got := heard(c.Play(t.Context(), steps(t, list))); got != want {
			t.Errorf("%s:\n got %q\nwant %q", list, got, want)
		}
	}
}

// library is a server of Go's library with one account.
func library(t *testing.T) *client.Client {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{MaxAuthTries: 3, PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == "alice" && string(password) == "secret" {
			return nil, nil
		}
		return nil, errors.New("wrong")
	}, PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, nil
	}}
	config.AddHostKey(signer)
	return serve(t, func(c *net.TCPConn) {
		conn, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			_ = c.Close()
			return
		}
		go ssh.DiscardRequests(requests)
		for offered := range channels {
			channel, requests, err := offered.Accept()
			if err != nil {
				return
			}
			for r := range requests {
				_ = r.Reply(true, nil)
				_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, 3})
				_ = channel.Close()
			}
		}
		_ = conn.Close()
	})
}

// The client's own transport speaks with a library that it shares nothing with.
func TestSSHAgainstALibrary(t *testing.T) {
	c := library(t)
	const open = `{"ssh": {"packet": ["CHANNEL_OPEN", "session", 4, 1000, 1000], "read": 1, "quiet": true}}`
	for name, p := range map[string]struct{ list, want string }{
		"login and exec": {
			`[{"ssh": {"login": {}}}, ` + open + `, {"ssh": {"packet": ["CHANNEL_REQUEST", 0, "exec", true, "x"]}}, {"ssh": {"expect": {"until": ["CHANNEL_CLOSE"]}}}]`,
			`CHANNEL_SUCCESS recipient=4 pad=*|CHANNEL_REQUEST recipient=4 name="exit-status" want_reply=0 status=3 pad=*|CHANNEL_CLOSE recipient=4 pad=*`,
		},
		"key": {
			`[{"ssh": {"login": {"method": "publickey", "key": "known", "sign": "good"}}}, {"ssh": {"packet": ["GLOBAL_REQUEST", "x", true]}}]`,
			"REQUEST_FAILURE pad=*",
		},
		"bad signature ends it": {`[{"ssh": {"login": {"method": "publickey", "key": "known", "sign": "bad"}}}]`, "login-failed"},
		"strict and ext-info": {
			`[{"ssh": {"handshake": {"with": ["ext-info-c", "kex-strict-c-v00@openssh.com"]}}}, {"ssh": {"packet": ["SERVICE_REQUEST", "ssh-userauth"], "read": 1}}]`,
			`SERVICE_ACCEPT service="ssh-userauth" pad=*`,
		},
		"rekey": {
			`[{"ssh": {"login": {}}}, {"ssh": {"kexinit": {}, "quiet": true}}, {"ssh": {"ecdh": true}}, {"ssh": {"expect": {"until": ["NEWKEYS"]}, "quiet": true}}, {"ssh": {"newkeys": true}}, {"ssh": {"packet": ["GLOBAL_REQUEST", "x", true]}}]`,
			"REQUEST_FAILURE pad=*",
		},
		"bad MAC ends it":        {`[{"ssh": {"handshake": {}}}, {"ssh": {"packet": ["SERVICE_REQUEST", "ssh-userauth"], "frame": {"bad_mac": true}}}]`, ""},
		"wrong sequence ends it": {`[{"ssh": {"handshake": {}}}, {"ssh": {"packet": ["SERVICE_REQUEST", "ssh-userauth"], "frame": {"sequence": 1}}}]`, ""},
		"wrong password":         {`[{"ssh": {"handshake": {}}}, {"ssh": {"packet": ["SERVICE_REQUEST", "ssh-userauth"], "read": 1, "quiet": true}}, {"ssh": {"auth": {"password": "no"}, "read": 1}}]`, `USERAUTH_FAILURE methods="password,publickey" partial=0 pad=*`},
	} {
		t.Run(name, func(t *testing.T) {
			log := c.Play(t.Context(), steps(t, p.list))
			if got := padding.ReplaceAllString(heard(log), "pad=*"); got != p.want {
				t.Errorf("got %s\nwant %s\n%s", got, p.want, log)
			}
			if ended := strings.Contains(name, "ends it"); ended != (log.End != transcript.Open) {
				t.Errorf("ends %s", log.End)
			}
		})
	}
}
