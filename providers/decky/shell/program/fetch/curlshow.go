package fetch

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// curlHelp are the options that --help lists first, in words of ours.
const curlHelp = "Usage: curl [options...] <url>\n -d, --data <data>          Data of an HTTP POST\n -f, --fail                 Fail without output on HTTP errors\n -h, --help <category>      Help on a group of options\n -i, --include              Show the headers of the response too\n -o, --output <file>        Write to a file\n -O, --remote-name          Write to a file named as the remote one\n -s, --silent               Silent mode\n -T, --upload-file <file>   Send a local FILE\n -u, --user <user:password> User and password for the server\n -A, --user-agent <name>    Name to send as User-Agent\n -v, --verbose              Say more\n -V, --version              Show the version and quit\n\nThis is not the full help, this menu is stripped into categories.\nUse \"--help category\" to get an overview of all categories.\nFor all options use the manual or \"--help all\".\n"

// version says what curl -V says; the libraries are Debian's where nothing else
// is known.
func (q *curlCall) version() {
	v := release(q.c, curlVersions)
	libraries := map[string]string{
		"debian":   "OpenSSL/3.0.15 zlib/1.2.13 brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 libpsl/0.21.2 (+libidn2/2.3.3) libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13\nRelease-Date: 2023-02-20, security patched: 7.88.1-10+deb12u8",
		"debian11": "OpenSSL/1.1.1w zlib/1.2.11 brotli/1.0.9 libidn2/2.3.0 libpsl/0.21.0 (+libidn2/2.3.0) libssh2/1.9.0 nghttp2/1.43.0 librtmp/2.3\nRelease-Date: 2020-12-09",
		"ubuntu22": "OpenSSL/3.0.2 zlib/1.2.11 brotli/1.0.9 zstd/1.4.8 libidn2/2.3.2 libpsl/0.21.0 (+libidn2/2.3.2) libssh/0.9.6/openssl/zlib nghttp2/1.43.0 librtmp/2.3 OpenLDAP/2.5.18\nRelease-Date: 2022-01-05",
		"ubuntu20": "OpenSSL/1.1.1f zlib/1.2.11 brotli/1.0.7 libidn2/2.2.0 libpsl/0.21.0 (+libidn2/2.2.0) libssh/0.9.3/openssl/zlib nghttp2/1.40.0 librtmp/2.3\nRelease-Date: 2020-01-08",
		"centos7":  "NSS/3.53.1 zlib/1.2.7 libidn/1.28 libssh2/1.8.0",
		"rocky9":   "OpenSSL/3.0.7 zlib/1.2.11 brotli/1.0.9 libidn2/2.3.0 libpsl/0.21.1 (+libidn2/2.3.0) libssh/0.10.4/openssl/zlib nghttp2/1.43.0\nRelease-Date: 2021-04-14",
	}
	text, ok := libraries[q.c.Machine.Release.Slug]
	if !ok {
		text = "OpenSSL/3.1.4 zlib/1.3.1 brotli/1.1.0 libidn2/2.3.4 nghttp2/1.58.0"
	}
	build := "x86_64-pc-linux-gnu"
	switch q.c.Machine.Release.Family {
	case "rhel":
		build = "x86_64-redhat-linux-gnu"
	case "alpine":
		build = "x86_64-alpine-linux-musl"
	}
	q.c.Print(fmt.Sprintf("curl %s (%s) libcurl/%s %s\nProtocols: dict file ftp ftps gopher gophers http https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp smtps telnet tftp\nFeatures: alt-svc AsynchDNS brotli GSS-API HSTS HTTP2 HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM NTLM_WB PSL SPNEGO SSL threadsafe TLS-SRP UnixSockets zstd\n", v, build, v, text))
}

// request shows what is sent.
func (q *curlCall) request(u *url.URL) {
	method := "GET"
	switch {
	case q.has["X"]:
		method = q.value["X"]
	case q.has["I"]:
		method = "HEAD"
	case q.has["T"]:
		method = "PUT"
	case len(q.data) > 0 && !q.has["G"]:
		method = "POST"
	}
	if !q.has["v"] {
		return
	}
	target := u.EscapedPath()
	if target == "" {
		target = "/"
	}
	if u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	if user, _, _ := strings.Cut(q.value["u"], ":"); q.has["u"] {
		q.verbose("* Server auth using Basic with user '" + user + "'")
	}
	lines := []string{method + " " + target + " HTTP/1.1", "Host: " + u.Host}
	if q.has["u"] {
		lines = append(lines, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(q.value["u"])))
	}
	agent := "curl/" + release(q.c, curlVersions)
	if q.has["A"] {
		agent = q.value["A"]
	}
	if agent != "" {
		lines = append(lines, "User-Agent: "+agent)
	}
	lines = append(lines, "Accept: */*")
	if q.has["e"] {
		lines = append(lines, "Referer: "+q.value["e"])
	}
	if q.has["b"] {
		lines = append(lines, "Cookie: "+q.value["b"])
	}
	lines = append(lines, q.headers...)
	data := strings.Join(q.data, "&")
	if method == "POST" {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(data)), "Content-Type: application/x-www-form-urlencoded")
	}
	for _, l := range lines {
		q.c.Err.Print("> " + l + "\n")
	}
	q.c.Err.Print("> \n")
	if method == "POST" && !q.c.Out.TTY {
		q.c.Err.Print(fmt.Sprintf("} [%d bytes data]\n", len(data)))
	}
}

// head is the answer's as -i shows it.
func (q *curlCall) head(page peer.Page) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\n", page.Status, page.Reason) + strings.Join(header(q.c, page, len(page.Body)), "\r\n") + "\r\n\r\n"
}

// answer shows what came back.
func (q *curlCall) answer(u *url.URL, page peer.Page, _ string) {
	if !q.has["v"] || u.Scheme != "http" && u.Scheme != "https" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(q.head(page), "\r\n"), "\r\n") {
		q.c.Err.Print("< " + line + "\n")
	}
}

// written is what -w asks for.
func (q *curlCall) written(u *url.URL, page peer.Page) {
	format, ok := q.value["w"]
	if !ok {
		return
	}
	w := peer.Of(q.c.Machine)
	a, _ := w.Lookup(u.Hostname())
	rtt := 0.0
	remote := ""
	if a.IsValid() && page.Status > 0 {
		rtt, remote = w.RTT(a).Seconds(), a.String()
	}
	port, _ := portOf(u)
	full := u.String()
	if u.Path == "" {
		full += "/"
	}
	took := rtt*2 + page.Took.Seconds()
	values := map[string]string{
		"http_code": fmt.Sprintf("%03d", page.Status), "response_code": fmt.Sprintf("%03d", page.Status), "size_download": itoa(len(page.Body)), "url_effective": full, "url": full, "content_type": page.Type, "remote_ip": remote, "remote_port": itoa(port),
		"local_ip": q.c.Machine.IP(), "time_total": fmt.Sprintf("%.6f", took), "time_connect": fmt.Sprintf("%.6f", rtt), "time_namelookup": "0.000031", "time_starttransfer": fmt.Sprintf("%.6f", rtt*2), "time_pretransfer": fmt.Sprintf("%.6f", rtt+0.0001), "speed_download": itoa(int(float64(len(page.Body)) / max(took, 0.001))),
		"num_connects": "1", "num_redirects": "0", "http_version": "1.1", "scheme": strings.ToUpper(u.Scheme), "filename_effective": path.Base(u.Path), "redirect_url": page.Location, "method": "GET", "exitcode": "0", "errormsg": "", "ssl_verify_result": "0", "size_header": itoa(len(q.head(page))), "size_request": "82", "size_upload": "0", "stderr": "",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		rest := format[i:]
		end := strings.IndexByte(rest, '}')
		switch {
		case strings.HasPrefix(rest, "%{") && end > 0:
			value, ok := values[rest[2:end]]
			if !ok {
				q.c.Err.Print("curl: unknown --write-out variable: '" + rest[2:end] + "'\n")
			}
			b.WriteString(value)
			i += end
		case strings.HasPrefix(rest, "%%"):
			b.WriteByte('%')
			i++
		case len(rest) > 1 && rest[0] == '\\' && strings.IndexByte("nrt", rest[1]) >= 0:
			b.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[rest[1]])
			i++
		default:
			b.WriteByte(rest[0])
		}
	}
	q.c.Print(b.String())
}

// meter is curl's progress: a line that is written over.
type meter struct {
	c    *program.Call
	on   bool
	bar  bool
	open bool // its line has no end yet
}

// meter is shown unless the body goes to the terminal.
func (q *curlCall) meter(output string) *meter {
	on := !q.has["s"] && !q.has["~p"] && !(q.c.Out.TTY && (output == "" || output == "-"))
	return &meter{c: q.c, on: on, bar: on && q.has["#"]}
}

const meterHead = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n"

func (m *meter) start() {
	if m.on && !m.bar {
		m.c.Err.Print(meterHead)
		m.line(0, 0, 0, 0)
	}
}

// amount is a number in five places as curl has it.
func amount(n int64) string {
	const k = int64(1) << 10
	switch {
	case n < 100_000:
		return fmt.Sprintf("%5d", n)
	case n < 10_000*k:
		return fmt.Sprintf("%4dk", n/k)
	case n < 100*k*k:
		return fmt.Sprintf("%2d.%0dM", n/k/k, n%(k*k)/(k*k/10))
	}
	return fmt.Sprintf("%4dM", n/k/k)
}

// clockOf is a time as the meter has it.
func clockOf(d time.Duration) string {
	s := int(d.Seconds())
	if s <= 0 {
		return "--:--:--"
	}
	return fmt.Sprintf("%2d:%02d:%02d", s/3600, s/60%60, s%60)
}

// line is one state: bytes of the whole, after which time, of which whole time.
func (m *meter) line(done, size int, at, whole time.Duration) {
	percent, pace := 0, int64(0)
	if size > 0 {
		percent = int(int64(done) * 100 / int64(size))
	}
	if at > 0 {
		pace = int64(float64(done) / at.Seconds())
	}
	left := time.Duration(0)
	if size > done {
		left = whole - at
	}
	m.c.Err.Print(fmt.Sprintf("\r%3d %s  %3d %s    0     0  %s      0 %s %s %s %s", percent, amount(int64(size)), percent, amount(int64(done)), amount(pace), clockOf(whole), clockOf(at), clockOf(left), amount(pace)))
	m.open = true
}

// run shows a transfer in the time that it takes.
func (m *meter) run(size int, took time.Duration) bool {
	for at := time.Second; at < took; at += time.Second {
		if !m.c.Wait(time.Second) {
			return false
		}
		if m.on && !m.bar {
			m.line(int(float64(size)*at.Seconds()/took.Seconds()), size, at, took)
		}
	}
	return m.c.Wait(took % time.Second)
}

// end is the last line.
func (m *meter) end(size int, took time.Duration) {
	switch {
	case m.bar:
		width := 79
		if m.c.Cols > 10 && m.c.Err.TTY {
			width = m.c.Cols
		}
		m.c.Err.Print("\r" + strings.Repeat("#", width-7) + " 100.0%\n")
	case m.on:
		if size == 0 {
			m.c.Err.Print("\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n")
			break
		}
		m.line(size, size, max(took, time.Millisecond), 0)
		m.c.Err.Print("\n")
	}
	m.on = false
}

// waited shows the seconds that nothing came in.
func (m *meter) waited(r reach, late bool) {
	if m.on && !m.bar {
		end := "\n"
		if r.fail != peer.Found {
			end = ""
		}
		m.c.Err.Print("\r  0     0    0     0    0     0      0      0 --:--:-- " + slices.Max([]string{clockOf(0), waitedClock(r, late)}) + " --:--:--     0" + end)
	}
	m.on = false
}

func waitedClock(r reach, late bool) string {
	if r.link.Answer == peer.Silent && !late {
		return clockOf(r.link.Delay)
	}
	return ""
}
