//go:build live

package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// whole is a decky with everything that an intruder of a Linux server meets, in
// a namespace that leads nowhere.
func whole(t *testing.T) *space {
	t.Helper()
	for tool, pkg := range map[string]string{"sshpass": "sshpass", "ssh": "openssh-client", "telnet": "inetutils-telnet", "curl": "curl", "nmap": "nmap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
		}
	}
	s := newSpace(t)
	s.ip("-n", s.name, "addr", "add", "192.0.2.7/24", "dev", "d0")
	dir := t.TempDir()
	spec := decky.Spec{Host: servicetest.Host(), Journal: dir + "/journal", Store: dir + "/store", Limits: decky.Limits{ConnsPerSource: 512}}
	spec.Host.IP, spec.Host.Subnet, spec.Host.Zone = "192.0.2.7", "192.0.2.0/24", "Asia/Kolkata"
	for slug, port := range map[string]uint16{"ssh": 22, "telnet": 23, "http": 80, "https": 443} {
		arguments := `{}`
		if port < 80 {
			arguments = `{"users":{"root":"r"}}`
		}
		spec.Services = append(spec.Services, decky.ServiceSpec{Name: slug, Slug: slug, Ports: []decky.Port{{Number: port, Transport: "tcp"}}, Arguments: json.RawMessage(arguments)})
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(binary, "serve", "--spec", file)
	eventually(t, "the decky answers", func() bool {
		return s.inside("curl", "-sf", "-o", "/dev/null", "http://192.0.2.7/").Run() == nil && s.inside("curl", "-skf", "-o", "/dev/null", "https://192.0.2.7/").Run() == nil
	})
	return s
}

// ssh runs a line as root.
func (s *space) ssh(password, line string) (string, error) {
	s.t.Helper()
	out, err := s.inside("sshpass", "-p", password, "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "PreferredAuthentications=password", "root@192.0.2.7", line).CombinedOutput()
	return string(out), err
}

// telnet types lines and returns what was shown.
func (s *space) telnet(lines ...string) string {
	s.t.Helper()
	typed := "sleep 1"
	for _, line := range append(lines, "exit") {
		typed += "; echo '" + line + "'; sleep 1"
	}
	out, _ := s.inside("sh", "-c", "("+typed+") | timeout 30 telnet 192.0.2.7").CombinedOutput() // it says with 1 that the other side closed
	return string(out)
}

// TestServicesOfADeckyAgree holds what the services of one decky tell of it to
// each other: its name, its clock and zone, its release, its services, its
// accounts.
func TestServicesOfADeckyAgree(t *testing.T) {
	s := whole(t)
	ask := func(line string) string {
		t.Helper()
		out, err := s.ssh("r", line)
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return strings.TrimSpace(out)
	}
	curl := func(args ...string) string {
		out, _ := s.inside(append([]string{"curl", "-svk", "-o", "/dev/null", "-D", "-"}, args...)...).CombinedOutput() // what it heard counts
		return string(out)
	}
	plain, secure := curl("http://192.0.2.7/"), curl("https://192.0.2.7/")
	shown := s.telnet("root", "r", "uname -a")
	has := func(what, text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", what, w, text)
			}
		}
	}

	name, fqdn := ask("cat /etc/hostname"), ask("hostname -f")
	kernel, build := ask("uname -r"), ask("uname -v")
	if got := ask("uname -n; hostname; echo $HOSTNAME"); got != strings.Repeat(name+"\n", 2)+name || !strings.HasPrefix(fqdn, name+".") {
		t.Errorf("/etc/hostname is %q, the others say %q and %q", name, got, fqdn)
	}
	has("telnet", shown, name+" login: ", "root@"+name+":~# ", "Linux "+name+" "+kernel+" "+build)
	has("the certificate", secure, "CN="+fqdn)

	release := ask("sed -n 's/^PRETTY_NAME=.\\(.*\\).$/\\1/p' /etc/os-release")
	has("the release", servicetest.Host().Title, release)
	for _, text := range []string{plain, secure} {
		has("the web server", text, "Server: nginx/"+servicetest.Host().Packages["nginx"])
	}
	has("the listening ports", ask("ss -ltn; cat /proc/net/tcp"), ":22", ":23", ":80", ":443", ":0016 ", ":0017 ", ":0050 ", ":01BB ")
	has("the processes", ask("ps ax"), "sshd", "inetutils-inetd", "nginx: master process", "nginx: worker process")

	// One clock, in one zone.
	date, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", regexp.MustCompile(`(?m)^Date: (.*?)\r?$`).FindStringSubmatch(plain)[1])
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(ask("date +%s"), 10, 64)
	if err != nil || time.Unix(seconds, 0).Sub(date).Abs() > 30*time.Second {
		t.Errorf("the web server says %s, date %d (%v)", date, seconds, err)
	}
	hour := time.Unix(seconds, 0).UTC().Add(5*time.Hour + 30*time.Minute).Format("2006-01-02 15:")
	has("the zone", ask("date '+%Z %z'; date '+%F %T'; ls -l /etc/localtime; date -u +%Z; TZ=Europe/Berlin date +%Z"), "IST +0530", hour, "zoneinfo/Asia/Kolkata", "UTC", "CE")
	has("the file's time", ask("touch /tmp/now; stat -c %y /tmp/now; ls -l --time-style=full-iso /tmp/now"), hour, "+0530")
	has("the last login", s.telnet("root", "r", "true"), "IST 20")

	// What is set by one counts at the other.
	ask("echo root:changed | chpasswd")
	has("the new password at telnet", s.telnet("root", "changed", "echo it''works"), "itworks")
	if out, err := s.ssh("r", "true"); err == nil {
		t.Errorf("the old password opens ssh: %s", out)
	}
	if out, err := s.ssh("changed", "echo ok"); err != nil {
		t.Errorf("the new password does not open ssh: %v %s", err, out)
	}
}

// TestNmapNamesEverythingOfADecky lets nmap look at all services at once: it
// names product and version on every port, and what its scripts print agrees
// with the persona.
func TestNmapNamesEverythingOfADecky(t *testing.T) {
	s := whole(t)
	data, err := s.inside("nmap", "-n", "-Pn", "-sT", "-sV", "-sC", "-p", "22,23,80,443", "--script", "default,ssh2-enum-algos,ssh-hostkey,ssh-auth-methods,http-title,http-server-header,http-methods,ssl-cert,telnet-encryption,telnet-ntlm-info", "192.0.2.7").CombinedOutput()
	out := string(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)
	host := servicetest.Host()
	for _, want := range []string{
		`22/tcp\s+open\s+ssh\s+OpenSSH 9\.2p1 Debian 2\+deb12u\d+ \(protocol 2\.0\)`,
		`23/tcp\s+open\s+telnet`, `80/tcp\s+open\s+http\s+nginx ` + regexp.QuoteMeta(host.Packages["nginx"]), `443/tcp\s+open\s+ssl/http\s+nginx ` + regexp.QuoteMeta(host.Packages["nginx"]),
		`ssh-hostkey:`, `256 [0-9a-f]{32} \(ECDSA\)`, `256 [0-9a-f]{32} \(ED25519\)`, `ssh2-enum-algos:`, `kex_algorithms: \(\d+\)`, `sntrup761x25519-sha512@openssh\.com`, `chacha20-poly1305@openssh\.com`, `umac-64-etm@openssh\.com`,
		`ssh-auth-methods:`, `\|\s+publickey`, `\|_?\s+password`,
		`http-title: Welcome to nginx!`, `http-server-header: nginx/`,
		`ssl-cert: Subject: commonName=` + regexp.QuoteMeta(strings.ToLower(host.Hostname)+"."+host.Domain), `Not valid before: `, `Not valid after: `,
		`telnet-encryption:`, `Service Info: OS: Linux; CPE: cpe:/o:linux:linux_kernel`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, unwanted := range []string{"tcpwrapped", "ERROR:", "telnet-ntlm-info"} {
		if strings.Contains(out, unwanted) {
			t.Errorf("%q in\n%s", unwanted, out)
		}
	}
}
