//go:build live

package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// TestRealClientsOfWebServers holds the web services against the clients that
// judge them, all in a namespace that leads nowhere.
func TestRealClientsOfWebServers(t *testing.T) {
	for _, tool := range []string{"curl", "wget", "chromium", "nmap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", tool, tool)
		}
	}
	s := newSpace(t)
	s.ip("-n", s.name, "addr", "add", "192.0.2.7/24", "dev", "d0")
	dir := t.TempDir()
	tcp := func(port uint16) []decky.Port { return []decky.Port{{Number: port, Transport: "tcp"}} }
	spec := decky.Spec{Host: servicetest.Host(), Journal: dir + "/journal", Store: dir + "/store", Limits: decky.Limits{ConnsPerSource: 512}}
	spec.Host.IP = "192.0.2.7"
	spec.Services = []decky.ServiceSpec{
		{Name: "http", Slug: "http", Ports: tcp(80), Arguments: json.RawMessage(`{"title":"Intranet"}`)},
		{Name: "http.apache", Slug: "http", Ports: tcp(8081), Arguments: json.RawMessage(`{"server_header":"Apache/2.4.62 (Debian)"}`)},
		{Name: "http.lighttpd", Slug: "http", Ports: tcp(8082), Arguments: json.RawMessage(`{"server_header":"lighttpd/1.4.69"}`)},
		{Name: "http.iis", Slug: "http", Ports: tcp(8083), Arguments: json.RawMessage(`{"server_header":"Microsoft-IIS/10.0"}`)},
		{Name: "http.router", Slug: "http", Ports: tcp(8080), Arguments: json.RawMessage(`{"fake_app":"router","users":{"admin":"right"}}`)},
		{Name: "https", Slug: "https", Ports: tcp(443)},
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
	eventually(t, "the web server answers", func() bool {
		return s.inside("curl", "-sf", "-o", "/dev/null", "http://192.0.2.7/").Run() == nil && s.inside("curl", "-skf", "-o", "/dev/null", "https://192.0.2.7/").Run() == nil
	})
	profile := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"curl": {[]string{"curl", "-sS", "-i", "--compressed", "http://192.0.2.7/"}, []string{"Server: nginx/1.22.1", "Content-Encoding: gzip", "<title>Intranet</title>"}},
		"curl with ranges, redirects and TLS": {[]string{"curl", "-ksSL", "-i", "-r", "0-4", "http://192.0.2.7/assets/style.css", "https://192.0.2.7/"},
			[]string{"206 Partial Content", "Content-Range: bytes 0-4/"}},
		"curl's login":   {[]string{"curl", "-sS", "-u", "admin:right", "http://192.0.2.7:8080/"}, []string{"<title>Status</title>"}},
		"curl's upload":  {[]string{"curl", "-sS", "-u", "admin:right", "-F", "image=@" + file, "http://192.0.2.7:8080/firmware.html"}, []string{"does not belong to this device"}},
		"curl's refusal": {[]string{"curl", "-sS", "-i", "-u", "admin:wrong", "http://192.0.2.7:8080/"}, []string{"401", "WWW-Authenticate: Basic realm="}},
		"wget":           {[]string{"wget", "-S", "-O", "-", "http://192.0.2.7:8081/"}, []string{"Server: Apache/2.4.62 (Debian)", "It works!"}},
		"wget's mirror":  {[]string{"wget", "-nv", "--no-check-certificate", "-S", "-O", "-", "https://192.0.2.7/"}, []string{"200 OK", "Welcome to nginx!"}},
		"chromium": {[]string{"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + profile, "--dump-dom", "http://192.0.2.7/"},
			[]string{"<title>Intranet</title>", "<h1>Intranet</h1>"}},
		"chromium with TLS": {[]string{"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors", "--user-data-dir=" + profile + "-tls", "--dump-dom", "https://192.0.2.7/"},
			[]string{"<title>Welcome to nginx!</title>"}},
		"nmap": {[]string{"nmap", "-Pn", "-n", "-sT", "-sV", "-p", "80,443,8080-8083", "--script", "http-title,http-server-header,http-methods,http-headers,http-robots.txt,http-auth,ssl-cert,ssl-enum-ciphers", "192.0.2.7"},
			[]string{"80/tcp   open  http     nginx 1.22.1", "443/tcp  open  ssl/http nginx 1.22.1", "8080/tcp open  http     lighttpd 1.4.39", "8081/tcp open  http     Apache httpd 2.4.62 ((Debian))",
				"8082/tcp open  http     lighttpd 1.4.69", "8083/tcp open  http     Microsoft IIS httpd 10.0", "|_http-title: Intranet", "Subject: commonName=srv-atlas-17.corp.example", "TLSv1.3", "Supported Methods"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := s.inside(c.args...).CombinedOutput()
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in (%v)\n%s", want, err, out)
				}
			}
		})
	}
}
