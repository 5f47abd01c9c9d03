package http_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/services/http"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// Servers that have no reference on the machine are held against facts: the
// order of headers and the texts of published captures. Those marked unverified
// were seen in one place only.
func TestFacesWithoutAReference(t *testing.T) {
	const iis = `{"server_header":"Microsoft-IIS/10.0"}`
	const centos = `{"server_header":"Apache/2.4.6 (CentOS)"}`
	const old = `{"server_header":"nginx/1.18.0 (Ubuntu)"}`
	for name, c := range map[string]struct {
		arguments, send string
		want            []string
		contains        string
	}{
		"iis page":         {iis, get("/"), []string{"HTTP/1.1 200 OK", "Content-Type", "Last-Modified", "Accept-Ranges", "ETag", "Server", "Date", "Content-Length"}, `:0"`},
		"iis verb":         {iis, "\x16\x03\x01", []string{"HTTP/1.1 400 Bad Request", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "Content-Length: 326\r\n"},
		"iis url":          {iis, get("/%zz"), []string{"HTTP/1.1 400 Bad Request", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "Content-Length: 324\r\n"},
		"iis host":         {iis, "GET / HTTP/1.1\r\n\r\n", []string{"HTTP/1.1 400 Bad Request", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "Content-Length: 334\r\n"},
		"iis header":       {iis, get("/", "Bad Name: x"), []string{"HTTP/1.1 400 Bad Request", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "Microsoft-HTTPAPI/2.0"},
		"iis length":       {iis, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", []string{"HTTP/1.1 411 Length Required", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "Content-Length: 344\r\n"},
		"iis missing":      {iis, get("/x"), []string{"HTTP/1.1 404 Not Found", "Content-Type", "Server", "Date", "Content-Length"}, "Content-Length: 1245\r\n"},
		"iis post":         {iis, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", []string{"HTTP/1.1 405 Method Not Allowed", "Allow", "Content-Type", "Server", "Date", "Content-Length"}, "Content-Length: 1293\r\n"},
		"iis options":      {iis, "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", []string{"HTTP/1.1 200 OK", "Allow", "Server", "Public", "Date", "Content-Length"}, "OPTIONS, TRACE, GET, HEAD, POST"},
		"iis version":      {iis, "GET / HTTP/3.0\r\n\r\n", []string{"HTTP/1.1 505 HTTP Version Not Supported", "Content-Type", "Server", "Date", "Connection", "Content-Length"}, "505"},
		"centos missing":   {centos, get("/x"), []string{"HTTP/1.1 404 Not Found", "Date", "Server", "Content-Length", "Content-Type"}, "<p>The requested URL /x was not found on this server.</p>"},
		"centos document":  {centos, get("/x"), []string{"HTTP/1.1 404 Not Found", "Date", "Server", "Content-Length", "Content-Type"}, `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">`},
		"centos bare lf":   {centos, "GET /x HTTP/1.1\nHost: a\n\n", []string{"HTTP/1.1 404 Not Found", "Date", "Server", "Content-Length", "Content-Type"}, "404"},
		"nginx old both":   {old, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", []string{"HTTP/1.1 405 Not Allowed", "Server", "Date", "Content-Type", "Content-Length", "Connection"}, "nginx/1.18.0 (Ubuntu)"},
		"nginx old space":  {old, get("/a b"), []string{"HTTP/1.1 404 Not Found", "Server", "Date", "Content-Type", "Content-Length", "Connection"}, "404"},
		"nginx old tab":    {old, get("/a\tb"), []string{"HTTP/1.1 404 Not Found", "Server", "Date", "Content-Type", "Content-Length", "Connection"}, "404"},
		"nginx new space":  {"", get("/a b"), []string{"HTTP/1.1 400 Bad Request", "Server", "Date", "Content-Type", "Content-Length", "Connection"}, "400"},
		"lighttpd missing": {`{"server_header":"lighttpd/1.4.69"}`, get("/x"), []string{"HTTP/1.1 404 Not Found", "Content-Type", "Content-Length", "Date", "Server"}, "Content-Length: 341\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := servicetest.Start(t, http.New(), servicetest.Options{Arguments: c.arguments})
			answer := exchange(t, s, c.send)
			if diff := cmp.Diff(c.want, head(answer)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(answer, c.contains) {
				t.Errorf("no %q in %q", c.contains, answer)
			}
		})
	}
}

func TestTheHostsPackagesChooseTheProduct(t *testing.T) {
	for name, c := range map[string]struct {
		os, distro string
		packages   map[string]string
		want       string
	}{
		"nginx":    {"linux", "debian", map[string]string{"nginx": "1.22.1", "apache2": "2.4.62"}, "nginx/1.22.1"},
		"named":    {"linux", "ubuntu22", map[string]string{"nginx": "nginx/1.18.0 (Ubuntu)"}, "nginx/1.18.0 (Ubuntu)"},
		"apache":   {"linux", "debian", map[string]string{"apache2": "2.4.62"}, "Apache/2.4.62 (Debian)"},
		"httpd":    {"linux", "centos7", map[string]string{"httpd": "2.4.6"}, "Apache/2.4.6 (CentOS)"},
		"lighttpd": {"linux", "debian", map[string]string{"lighttpd": "1.4.69"}, "lighttpd/1.4.69"},
		"windows":  {"windows", "", nil, "Microsoft-IIS/10.0"},
		"nothing":  {"linux", "debian", nil, "nginx/1.22.1"},
	} {
		t.Run(name, func(t *testing.T) {
			host := servicetest.Host()
			host.OS, host.Distro, host.Packages = c.os, c.distro, c.packages
			s := servicetest.Start(t, http.New(), servicetest.Options{Host: host})
			if answer := exchange(t, s, get("/")); !strings.Contains(answer, "\r\nServer: "+c.want+"\r\n") {
				t.Errorf("want %s in\n%s", c.want, answer)
			}
		})
	}
}

func TestTheFirstPageTakesTheConfiguredStatus(t *testing.T) {
	for _, header := range []string{"nginx/1.22.1", "Apache/2.4.62 (Debian)", "lighttpd/1.4.69", "Microsoft-IIS/10.0"} {
		s := servicetest.Start(t, http.New(), servicetest.Options{Arguments: fmt.Sprintf(`{"server_header":%q,"response_code":403,"extra_headers":{"X-Robots-Tag":"none"}}`, header)})
		if answer := exchange(t, s, get("/")); !strings.HasPrefix(answer, "HTTP/1.1 403 Forbidden\r\n") {
			t.Errorf("%s: %.100q", header, answer)
		}
		s = servicetest.Start(t, http.New(), servicetest.Options{Arguments: fmt.Sprintf(`{"server_header":%q,"custom_body":"<p>own</p>","extra_headers":{"X-Robots-Tag":"none"}}`, header)})
		answer := exchange(t, s, get("/"))
		if !strings.Contains(answer, "X-Robots-Tag: none\r\n") || !strings.HasSuffix(answer, "<p>own</p>") {
			t.Errorf("%s: %q", header, answer)
		}
		if robots := exchange(t, s, get("/robots.txt")); !strings.HasPrefix(robots, "HTTP/1.1 200 OK") {
			t.Errorf("%s: a site of its own has no robots.txt: %.60q", header, robots)
		}
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, arguments := range []string{
		`{"server_header":"a\r\nb"}`, `{"response_code":302}`, `{"response_code":99}`, `{"index":"a","custom_body":"b"}`, `{"extra_headers":{"a b":"c"}}`, `{"extra_headers":{"a":"b\nc"}}`,
		`{"fake_app":"nothing"}`, `{"fake_app":"router","index":"x"}`, `{"extra_headers":{"ä":"b"}}`,
	} {
		if err := http.New().Check([]byte(arguments)); err == nil {
			t.Errorf("%s is accepted", arguments)
		}
	}
}

func TestUploadsAndLargeBodiesAreKept(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{Arguments: `{"fake_app":"router","users":{"admin":"x"}}`})
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", "../fw.bin")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, strings.Repeat("firmware", 10000))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	send := fmt.Sprintf("POST /firmware.html HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46eA==\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", w.FormDataContentType(), form.Len(), form.String())
	if answer := exchange(t, s, send); !strings.Contains(answer, "does not belong to this device") {
		t.Errorf("%q", answer)
	}
	transfers := servicetest.Of[*event.Transfer](s)
	if len(transfers) != 2 {
		t.Fatalf("%d transfers, want the body and the file", len(transfers))
	}
	if file := transfers[1]; file.Name != "../fw.bin" || file.Size != 80000 || !file.Stored {
		t.Errorf("%+v", file)
	} else if data, err := s.Store().Load("artifact-" + file.SHA256); err != nil || len(data) != 80000 {
		t.Errorf("%d bytes of the artifact, %v", len(data), err)
	}
	attempts := servicetest.Of[*event.AuthAttempt](s)
	if len(attempts) != 1 || !attempts[0].Success {
		t.Errorf("attempts %+v", attempts)
	}
	wrong := exchange(t, s, get("/", "Authorization: Basic YWRtaW46eQ=="))
	if !strings.HasPrefix(wrong, "HTTP/1.1 401 ") || !strings.Contains(wrong, "WWW-Authenticate: Basic realm=") {
		t.Errorf("%q", wrong)
	}
}

// A decky's store that is full costs the artifact, never the answer.
func TestAFullStoreIsSaid(t *testing.T) {
	s := servicetest.Start(t, http.New(), servicetest.Options{Store: servicetest.NewStore(1024)})
	exchange(t, s, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"+strings.Repeat("b", 40000))
	transfers := servicetest.Of[*event.Transfer](s)
	if len(transfers) != 1 || transfers[0].Stored || transfers[0].Size != 40000 {
		t.Errorf("%+v", transfers)
	}
}

func FuzzFaces(f *testing.F) {
	for _, p := range probes("Thu, 01 Jan 2026 00:00:00 GMT", `"6950a000-267"`, "index.nginx-debian.html") {
		f.Add([]byte(p.data), uint8(len(p.data)))
	}
	var handlers []decky.Handler
	for _, header := range []string{"nginx/1.18.0", "Apache/2.4.62 (Debian)", "Apache/2.4.6 (CentOS)", "lighttpd/1.4.69", "Microsoft-IIS/10.0"} {
		h, err := http.New().Open([]byte(fmt.Sprintf(`{"server_header":%q,"title":"x"}`, header)), servicetestEnv())
		if err != nil {
			f.Fatal(err)
		}
		handlers = append(handlers, h)
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) { fuzzOne(t, handlers[int(which)%len(handlers)], data) })
}
