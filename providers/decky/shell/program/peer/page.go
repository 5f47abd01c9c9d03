package peer

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/image"
)

// Page is what a web server answers.
type Page struct {
	Status   int
	Reason   string
	Server   string // the Server field
	Type     string // the media type
	Location string // of a redirection
	Body     []byte
	Modified time.Time     // zero where the server does not say
	Took     time.Duration // of the body's transfer
	// Plain says that no HTTP came back, but the greeting of another service.
	Plain bool
}

// servers are Server fields of what strangers' files are served by.
var servers = [...]string{"nginx/1.18.0 (Ubuntu)", "Apache/2.4.41 (Ubuntu)", "nginx", "Apache/2.4.52 (Ubuntu)", "nginx/1.14.0 (Ubuntu)", "Apache/2.4.6 (CentOS)", "Apache", "nginx/1.24.0"}

// Reason is the phrase of a status (RFC 9110 section 15).
func Reason(status int) string {
	return map[int]string{200: "OK", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}[status]
}

// Get is the page at an URL whose server listens; now is the host's time.
func (w World) Get(u *url.URL, now time.Time) Page {
	host := strings.ToLower(u.Hostname())
	p := Page{Status: 200, Server: servers[hash("server/"+host)%uint64(len(servers))]}
	defer func() { p.Reason = Reason(p.Status) }()
	a, _ := Numeric(host)
	if a.IsValid() && w.Own(a) || host == "localhost" {
		return w.self(u)
	}
	switch {
	case w.mirror(&p, host, u):
	case Known(host):
		w.stranger(&p, host, u)
	default:
		w.sample(&p, u, now)
	}
	p.Took = time.Duration(float64(len(p.Body)) / float64(Number("rate/"+host, 180_000, 5_200_000)) * float64(Number("pace/"+u.String(), 80, 125)) / 100 * float64(time.Second))
	p.Reason = Reason(p.Status)
	return p
}

// self is what the host's own port says: its web server the files that it
// serves, another service its greeting.
func (w World) self(u *url.URL) Page {
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"https": 443}[u.Scheme]
		if port == 0 {
			port = 80
		}
	}
	for _, s := range w.m.Services() {
		if !slices.ContainsFunc(s.Ports, func(p decky.Port) bool { return int(p.Number) == port }) {
			continue
		}
		if s.Program == "openssh" || s.Program == "dropbear" {
			return Page{Status: 200, Plain: true, Body: []byte("SSH-2.0-" + w.ssh() + "\r\n")}
		}
		if image.Root(w.m.Release, s.Program) != "" {
			return w.served(s.Program, u)
		}
		if server := image.Banner(w.m.Release, s.Program); strings.Contains(server, "/") {
			return Page{Status: 404, Reason: Reason(404), Server: server, Type: "text/html", Body: notFound(server, 404)}
		}
	}
	return Page{Status: 200, Plain: true}
}

// served is what the host's web server answers: a file below its root.
func (w World) served(program string, u *url.URL) Page {
	server := image.Banner(w.m.Release, program)
	p := Page{Status: 404, Server: server, Type: "text/html"}
	name := path.Clean("/" + u.Path)
	file := image.Root(w.m.Release, program) + name
	view := w.m.FS.As(0, 0)
	if name == "/" {
		index, status := image.Index(w.m.Release, program)
		p.Status, file = status, index
		for _, own := range []string{"index.html", "index.htm"} {
			candidate := image.Root(w.m.Release, program) + "/" + own
			if info, err := view.Stat(candidate); err == nil && !info.IsDir() {
				p.Status, file = 200, candidate
				break
			}
		}
	}
	if info, err := view.Stat(file); err == nil && !info.IsDir() {
		if data, err := view.ReadFile(file); err == nil {
			if p.Status == 404 {
				p.Status = 200
			}
			p.Body, p.Modified = data, info.MTime
			if kind := types[strings.TrimPrefix(path.Ext(file), ".")]; kind != "" {
				p.Type = kind
			} else {
				p.Type = "application/octet-stream"
			}
		}
	}
	if p.Body == nil {
		p.Status, p.Body = 404, notFound(server, 404)
	}
	p.Reason = Reason(p.Status)
	return p
}

// types are media types by the last part of a name.
var types = map[string]string{"html": "text/html", "htm": "text/html", "css": "text/css", "txt": "text/plain", "png": "image/png", "gif": "image/gif", "js": "application/javascript", "json": "application/json", "ico": "image/x-icon", "jpg": "image/jpeg", "xml": "text/xml", "svg": "image/svg+xml"}

// ssh is the software version of the host's own SSH server.
func (w World) ssh() string {
	if v := w.m.Host.Packages["openssh-server"]; v != "" {
		return v
	}
	return map[string]string{"debian": "OpenSSH_9.2p1 Debian-2+deb12u3", "ubuntu22": "OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", "ubuntu20": "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11", "centos7": "OpenSSH_7.4", "rocky9": "OpenSSH_8.7"}[w.m.Release.Slug]
}

// mirror answers for those that say what address a client comes from.
func (w World) mirror(p *Page, host string, u *url.URL) bool {
	ip := w.Outside().String()
	p.Type = "text/plain; charset=utf-8"
	switch host {
	case "ifconfig.me", "api.ipify.org", "ident.me", "ipecho.net":
		p.Body = []byte(ip)
	case "icanhazip.com", "checkip.amazonaws.com", "myip.dnsomatic.com":
		p.Body = []byte(ip + "\n")
	case "ipinfo.io":
		p.Body = []byte(ip)
		if u.Path == "" || u.Path == "/" || u.Path == "/json" {
			p.Type = "application/json; charset=utf-8"
			p.Body = fmt.Appendf(nil, "{\n  \"ip\": \"%s\",\n  \"readme\": \"https://ipinfo.io/missingauth\"\n}", ip)
		}
	case "ip-api.com":
		p.Type = "application/json; charset=utf-8"
		p.Body = fmt.Appendf(nil, "{\"status\":\"success\",\"query\":\"%s\"}", ip)
		if strings.HasPrefix(u.Path, "/line") {
			p.Body = []byte("success\n" + ip + "\n")
		}
	default:
		return false
	}
	p.Server = "Google Frontend"
	return true
}

// stranger is a site that everybody knows: its front page, and nothing else but
// where files of anybody lie.
func (w World) stranger(p *Page, host string, u *url.URL) {
	p.Type = "text/html; charset=UTF-8"
	p.Server = "cloudflare"
	if strings.Contains(host, "google") {
		p.Server = "gws"
	}
	switch {
	case u.Path == "" || u.Path == "/":
		if u.Scheme == "http" && !strings.HasPrefix(host, "www.") && strings.Count(host, ".") == 1 && host != "example.com" {
			p.Status, p.Location = 301, "https://"+host+"/"
			if strings.Contains(host, "google") {
				p.Location = "http://www." + host + "/"
			}
			p.Body = notFound("", 301)
			return
		}
		p.Body = index(host)
	case strings.HasPrefix(host, "raw.github"), strings.HasPrefix(host, "gist."), host == "transfer.sh", strings.HasPrefix(host, "objects."), host == "pastebin.com" && strings.HasPrefix(u.Path, "/raw/"):
		body, media := w.content(u)
		p.Type, p.Body = media, body
		if strings.HasSuffix(host, "githubusercontent.com") || host == "pastebin.com" {
			p.Type = "text/plain; charset=utf-8"
		}
	default:
		p.Status, p.Body = 404, notFound("", 404)
	}
}

// sample is a file on a server of a stranger.
func (w World) sample(p *Page, u *url.URL, now time.Time) {
	base := strings.ToLower(path.Base("/" + u.Path))
	if missing(base) {
		p.Status, p.Type, p.Body = 404, "text/html", notFound(p.Server, 404)
		return
	}
	p.Body, p.Type = w.content(u)
	host := u.Hostname()
	days := Number("age/"+host+u.Path, 1, 40)
	p.Modified = now.Add(-time.Duration(days)*24*time.Hour - time.Duration(Number("second/"+host+u.Path, 0, 86399))*time.Second).Truncate(24 * time.Hour).Add(time.Duration(Number("second/"+host+u.Path, 0, 86399)) * time.Second)
}

// missing tells a file name that is asked for to see whether everything is
// there.
func missing(base string) bool {
	for _, word := range append([]string{"404", "notfound", "not-found", "not_found", "missing", "nope"}, unlikely...) {
		if strings.Contains(base, word) {
			return true
		}
	}
	return gibberish(base) && !strings.Contains(base, ".") && len(base) > 14
}

// notFound is the page of a status as a product words it, in markup of ours.
func notFound(server string, status int) []byte {
	title := fmt.Sprintf("%d %s", status, Reason(status))
	if strings.HasPrefix(server, "nginx") {
		return []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n<hr><center>" + server + "</center>\r\n</body>\r\n</html>\r\n")
	}
	return []byte("<!DOCTYPE html>\n<html><head>\n<title>" + title + "</title>\n</head><body>\n<h1>" + Reason(status) + "</h1>\n</body></html>\n")
}

// index is the front page of a site.
func index(host string) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + host + "</title>\n</head>\n<body>\n<h1>" + host + "</h1>\n")
	for i := range Number("index/"+host, 3, 9) {
		fmt.Fprintf(&b, "<p><a href=\"/%08x\">%08x</a></p>\n", uint32(hash(fmt.Sprint("link", i, host))), uint32(hash(fmt.Sprint("text", i, host))))
	}
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

// listing is a directory of files as Apache shows it, without icons.
func listing(dir string) []byte {
	return []byte("<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of " + dir + "</title>\n </head>\n <body>\n<h1>Index of " + dir + "</h1>\n<ul></ul>\n</body></html>\n")
}
