package site

import (
	"embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
)

// pages are the pages of fresh installations, of our own making, with what the
// products' browsers call the title.
//
//go:embed data
var pages embed.FS

// Product names whose page of a fresh installation there is.
const (
	Nginx    = "nginx"
	Apache   = "apache"
	Lighttpd = "lighttpd"
	IIS      = "iis"
)

// Options of a tree.
type Options struct {
	Product string // one of the constants
	Distro  string // slug; "" is Debian's family
	// Index is HTML that the first page shows instead of the product's.
	Index string
	// Title replaces the title and heading of the product's page.
	Title string
	// Status is what the first page is answered with, 0 for the product's.
	Status int
	// At is the modification time of a file, by its path.
	At func(path string) time.Time
}

// Fresh is the tree of an installation: the index where the distribution has
// it, its icons, and, once the operator gave it a page of its own, what such a
// site has besides.
func Fresh(o Options) *Site {
	var all []*Entry
	add := func(path string, body []byte) *Entry {
		e := &Entry{Path: path, Body: body, Modified: o.At(path), Inode: inode(path)}
		all = append(all, e)
		return e
	}
	index := add(indexPath(o), []byte(o.Index))
	if o.Index == "" {
		page := read(defaultPage(o))
		if o.Title != "" {
			page = retitle(page, o.Title)
		}
		index.Body = page
	}
	index.Status = o.Status
	if index.Status == 0 && o.Index == "" && o.Title == "" && o.Product == Apache && rhel(o.Distro) {
		index.Status = 403
	}
	root := &Entry{Path: "/", Dir: true, Index: index, Modified: o.At("/")}
	all = append(all, root)
	if o.Index != "" || o.Title != "" {
		add("/robots.txt", []byte("User-agent: *\nDisallow: /assets/\n"))
		add("/favicon.ico", binary("favicon.ico"))
		add("/assets/style.css", read("style.css"))
		add("/assets/logo.png", binary("logo.png"))
	}
	switch o.Product {
	case Apache:
		for _, name := range []string{"apache_pb.png", "back.gif", "blank.gif", "folder.gif", "text.gif", "unknown.gif"} {
			add("/icons/"+name, binary(name))
		}
	case IIS:
		add("/iisstart.png", binary("logo.png"))
	}
	return New(all...)
}

// Installed is when a file came to the host: with an installation some time
// before the last boot, the parts of a site some days apart.
func Installed(p *persona.Persona, now time.Time, path string) time.Time {
	at := p.Boot(now).Add(-time.Duration(p.Number("http/installed", 20*24*3600, 400*24*3600)) * time.Second)
	switch {
	case strings.HasPrefix(path, "/icons/"):
		// The package's files have the time of its build.
		at = at.Add(-time.Duration(p.Number("http/built", 10*24*3600, 90*24*3600)) * time.Second)
	case path == "/robots.txt" || path == "/favicon.ico" || strings.HasPrefix(path, "/assets/"):
		at = at.Add(time.Duration(p.Number("http/file"+path, 60, 15*24*3600)) * time.Second)
	}
	return at.UTC().Truncate(time.Second)
}

// rhel tells the distributions of Red Hat's family.
func rhel(distro string) bool {
	switch distro {
	case "centos7", "rocky9", "fedora":
		return true
	}
	return false
}

func debian(distro string) bool {
	switch distro {
	case "", "debian", "ubuntu", "ubuntu20", "ubuntu22", "ubuntu24", "kali":
		return true
	}
	return false
}

func indexPath(o Options) string {
	switch {
	case o.Product == IIS:
		return "/iisstart.htm"
	case o.Index != "" || !debian(o.Distro):
		return "/index.html"
	case o.Product == Nginx:
		return "/index.nginx-debian.html"
	case o.Product == Lighttpd:
		return "/index.lighttpd.html"
	default:
		return "/index.html"
	}
}

func defaultPage(o Options) string {
	if o.Product == Apache && rhel(o.Distro) {
		return "apache-rhel.html"
	}
	if o.Product == Apache && (o.Distro == "ubuntu20" || o.Distro == "ubuntu22") {
		return "apache-ubuntu.html"
	}
	return o.Product + ".html"
}

func read(name string) []byte {
	data, err := pages.ReadFile("data/" + name)
	if err != nil {
		panic("site: no page " + name) // the names are constants of this package
	}
	return data
}

func binary(name string) []byte {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(read(name + ".b64"))))
	if err != nil {
		panic("site: " + name + ": " + err.Error())
	}
	return data
}

// retitle puts title into the page's title and first heading.
func retitle(page []byte, title string) []byte {
	text, safe := string(page), html.EscapeString(title)
	for _, tag := range []string{"title", "h1"} {
		before, rest, ok := strings.Cut(text, "<"+tag+">")
		_, after, closed := strings.Cut(rest, "</"+tag+">")
		if ok && closed {
			text = fmt.Sprintf("%s<%s>%s</%s>%s", before, tag, safe, tag, after)
		}
	}
	return []byte(text)
}

// inode is a plausible number of a file that a package brought.
func inode(path string) uint64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(path))
	return 131072 + uint64(h.Sum32()%500000)
}
