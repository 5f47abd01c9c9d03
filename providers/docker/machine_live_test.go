//go:build live

package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

// manned is a network and a decky with ssh and telnet, served by cmd/decky in
// two containers.
func (b *bench) manned(persist string) []object {
	want := b.wanted(1)[:2]
	d := b.host(0)
	d.Personality, d.Host.OS, d.Host.Distro = "linux", "linux", "debian"
	d.Host.Persist = persist
	want[1].config = b.encode(d)
	for _, slug := range []string{"ssh", "telnet"} {
		port := map[string]uint16{"ssh": 22, "telnet": 23}[slug]
		s := schema.Service{Name: slug, Slug: slug, Decky: d.Name, Ports: []schema.Port{{Number: port, Transport: "tcp"}}, Host: d.Host, Arguments: json.RawMessage(`{"users":{"root":"r"}}`)}
		want = append(want, object{b.service, d.Host.Address + ".service." + slug, b.encode(s)})
	}
	return want
}

// ssh runs a command line on decky 0 as an attacker does.
func (b *bench) ssh(line, password string) string {
	b.t.Helper()
	var out string
	var err error
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if out, err = b.trySSH(line, password); err == nil {
			return out
		}
	}
	b.t.Fatalf("ssh %q: %v\n%s", line, err, b.logs(b.host(0).Name+"-ssh"))
	return ""
}

func (b *bench) trySSH(line, password string) (string, error) {
	var conn net.Conn
	err := b.lab.Do(lab.Attacker, func() (err error) {
		conn, err = net.DialTimeout("tcp4", b.host(0).Host.IP+":22", time.Second)
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	c, channels, requests, err := gossh.NewClientConn(conn, "decky", &gossh.ClientConfig{
		User: "root", Auth: []gossh.AuthMethod{gossh.Password(password)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return "", err
	}
	client := gossh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	out, err := session.CombinedOutput(line)
	return string(out), err
}

// telnet types lines into telnet's client on the attacker's side, and returns
// what it showed.
func (b *bench) telnet(lines ...string) string {
	b.t.Helper()
	if _, err := exec.LookPath("telnet"); err != nil {
		b.t.Fatal("no telnet on this machine: apt-get install inetutils-telnet")
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	cmd := b.lab.Command(ctx, lab.Attacker, "telnet", b.host(0).Host.IP)
	in, err := cmd.StdinPipe()
	b.must(err)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	b.must(cmd.Start())
	for _, line := range append(lines, "exit") {
		time.Sleep(700 * time.Millisecond)
		if _, err := fmt.Fprintln(in, line); err != nil {
			break
		}
	}
	time.Sleep(700 * time.Millisecond)
	in.Close()
	_ = cmd.Wait() // it says with 1 that the other side closed
	return out.String()
}

// TestContainersOfADeckyAreOneMachine writes by ssh and reads by telnet: the two
// are containers of their own, and one machine.
func TestContainersOfADeckyAreOneMachine(t *testing.T) {
	b := newBenchWith(t, os.Getenv(envReal))
	want := b.manned("")
	b.mustApply(want)

	b.ssh("echo by-ssh > /tmp/.x && chmod 711 /tmp/.x", "r")
	sees := func(when, out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", when, text, out)
			}
		}
	}
	sees("by telnet", b.telnet("root", "r", "cat /tmp/.x; ls -l /tmp/.x", "echo by-telnet > /root/.y", "ss -ltn"), "by-ssh", "-rwx--x--x", ":22 ", ":23 ")
	sees("by ssh", b.ssh("cat /root/.y; cat /proc/net/tcp; ps ax", "r"), "by-telnet", ":0016 ", ":0017 ", "inetd", "/usr/sbin/sshd")

	// A password that is set here counts there, and after every restart.
	b.ssh("echo root:changed | chpasswd", "r")
	sees("with the new password", b.telnet("root", "changed", "cat /tmp/.x"), "by-ssh")
	for _, name := range []string{"-ssh", "-telnet"} {
		b.must(b.api.ContainerKill(t.Context(), b.host(0).Name+name, "KILL"))
		b.must(b.api.ContainerStart(t.Context(), b.host(0).Name+name, container.StartOptions{}))
	}
	sees("after a restart, by ssh", b.ssh("cat /tmp/.x /root/.y", "changed"), "by-ssh", "by-telnet")
	sees("after a restart, by telnet", b.telnet("root", "changed", "cat /tmp/.x /root/.y"), "by-ssh", "by-telnet")
	if _, err := b.trySSH("true", "r"); err == nil {
		t.Error("the old password opens ssh")
	}

	shared := filepath.Join(b.env.DataDir, b.lineage, "shared", b.host(0).Name)
	info, err := os.Stat(shared)
	b.must(err)
	if info.Mode() != 0o700|os.ModeDir {
		t.Errorf("the shared directory has mode %v", info.Mode())
	}
	if plan := b.plan(want); len(plan) != 0 {
		t.Errorf("what clients wrote is drift: %v", plan)
	}
	// A service that goes is no longer seen.
	have, err := b.find(want[3])
	b.must(err)
	b.must(b.service.Delete(t.Context(), have))
	if out := b.ssh("sleep 3; cat /proc/net/tcp", "changed"); strings.Contains(out, ":0017 ") {
		t.Errorf("telnet is gone and yet listens:\n%s", out)
	}
	b.clean()
	if _, err := os.Stat(shared); err == nil {
		t.Error("the shared directory is left")
	}
}
