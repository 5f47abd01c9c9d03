package image

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Page is a file of the host's web site: it has the time that the web server
// tells of it.
type Page struct {
	Path string // as clients ask for it
	Body []byte
}

// Root is where a program of the host keeps what it serves, "" for one that
// serves no files.
func Root(r release, program string) string {
	family := r.Family
	switch program {
	case site.Nginx:
		return map[string]string{"debian": "/var/www/html", "rhel": "/usr/share/nginx/html", "arch": "/usr/share/nginx/html", "alpine": "/var/lib/nginx/html"}[family]
	case site.Apache:
		return map[string]string{"debian": "/var/www/html", "rhel": "/var/www/html", "arch": "/srv/http", "alpine": "/var/www/localhost/htdocs"}[family]
	case site.Lighttpd:
		return map[string]string{"debian": "/var/www/html", "rhel": "/var/www/lighttpd", "arch": "/srv/http", "alpine": "/var/www/localhost/htdocs"}[family]
	}
	return ""
}

// noIndex is where Red Hat's Apache has the page that it shows for want of
// another.
const noIndex = "/usr/share/httpd/noindex/index.html"

// Index is the file that a web server of the host answers "/" with, and the
// status that it does so with.
func Index(r release, program string) (path string, status int) {
	e := fresh(r, program).Find("/").Index
	if e.Status != 0 {
		return noIndex, e.Status
	}
	return Root(r, program) + e.Path, 200
}

// fresh is the site of a web server that was just installed.
func fresh(r release, product string) *site.Site {
	return site.Fresh(site.Options{Product: product, Distro: r.Slug, At: func(string) time.Time { return time.Time{} }})
}

// serve puts what a program of the host's services has beside its packages'
// programs: configuration, pages, logs.
func (b *builder) serve(s service) {
	for _, f := range files("serving/" + s.program + "-" + b.r.Family) {
		f.text = strings.ReplaceAll(f.text, "{worker}", b.worker(s.program))
		b.configured(f)
	}
	switch s.program {
	case site.Nginx, site.Apache, site.Lighttpd:
		b.pages(s.program)
		b.webLogs(s)
	case "tomcat", "jenkins":
		b.executable("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", 14_568, 0o755)
		b.link("/usr/bin/java", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java")
		path := "/usr/share/tomcat9/bin/bootstrap.jar"
		size := int64(34_699)
		if s.program == "jenkins" {
			path, size = "/usr/share/java/jenkins.war", 91_212_774
		}
		b.file(path, 0o644, &Blob{Bytes: size, Magic: "PK\x03\x04", seed: path})
	case "redis", "inetutils", "netkit", "busybox", "dropbear":
	default: // it came without a package
		b.executable(b.sbin+"/"+s.program, 12_480+int64(hash(s.program)%4000)*512, 0o755)
	}
}

// worker is whom the distribution's web server runs as.
func (b *builder) worker(program string) string {
	switch b.r.Family {
	case "debian":
		return "www-data"
	case "arch":
		return "http"
	}
	return program
}

// pages puts the site of a web server.
func (b *builder) pages(program string) {
	root := Root(b.r, program)
	b.dir(root, 0o755)
	tree := fresh(b.r, program)
	index, status := Index(b.r, program)
	for _, e := range tree.All() {
		path := root + e.Path
		icon, isIcon := strings.CutPrefix(e.Path, "/icons/")
		switch {
		case e.Dir:
			continue
		case isIcon:
			path = map[string]string{"debian": "/usr/share/apache2/icons/", "rhel": "/usr/share/httpd/icons/", "arch": "/usr/share/httpd/icons/", "alpine": "/usr/share/apache2/icons/"}[b.r.Family] + icon
		case e == tree.Find("/").Index && status != 200:
			path = index
		}
		b.file(path, 0o644, Page{e.Path, e.Body})
	}
}

// webLogs puts a web server's logs.
func (b *builder) webLogs(s service) {
	dir, mode, access, errors := "/var/log/"+s.program, uint32(0o755), "access.log", "error.log"
	if s.program == site.Apache {
		dir = map[string]string{"debian": "/var/log/apache2", "alpine": "/var/log/apache2"}[b.r.Family]
		if dir == "" {
			dir, mode, access, errors = "/var/log/httpd", 0o700, "access_log", "error_log"
		}
	}
	owner, group, perm := 0, 0, uint32(0o644)
	if b.r.Family == "debian" {
		group, perm = 4, 0o640
		if s.program != site.Apache {
			owner = 33
		}
		mode = map[string]uint32{site.Nginx: 0o755, site.Apache: 0o750, site.Lighttpd: 0o750}[s.program]
	}
	b.image.Add(vfs.Entry{Path: dir, Mode: vfs.TypeDir | mode, GID: group})
	put := func(name string) {
		e := b.file(dir+"/"+name, perm, WebLog{s.program, s.banner, name})
		e.UID, e.GID = owner, group
	}
	if s.program != site.Lighttpd {
		put(access)
	}
	put(errors)
	if s.program == site.Apache && b.r.Family == "debian" {
		e := b.file(dir+"/other_vhosts_access.log", perm, Text(""))
		e.UID, e.GID = owner, group
	}
}

// WebLog is a log of a web server: its program, what it announces and the name
// of the file.
type WebLog [3]string

// webLog is the content of one: the start, and what the administrator looked at
// since the last rotation.
func (f *Facts) webLog(l WebLog) []byte {
	var b strings.Builder
	since := f.rotated()
	if strings.HasPrefix(l[2], "error") {
		at := f.Boot.Add(5 * time.Second)
		if at.Before(since) {
			at = since.Add(2 * time.Second)
		}
		at = at.In(f.Zone.Location)
		pid := f.PIDAt(f.Boot) - 90
		switch l[0] {
		case site.Apache:
			mpm := "mpm_event"
			if f.Release.Slug == "centos7" {
				mpm = "mpm_prefork"
			}
			stamp := at.Format("Mon Jan 02 15:04:05.000000 2006")
			fmt.Fprintf(&b, "[%s] [%s:notice] [pid %d] AH00489: %s configured -- resuming normal operations\n[%s] [core:notice] [pid %d] AH00094: Command line: '%s'\n", stamp, mpm, pid, l[1], stamp, pid, map[bool]string{true: "/usr/sbin/apache2", false: "/usr/sbin/httpd"}[f.Release.Family == "debian"])
		case site.Lighttpd:
			fmt.Fprintf(&b, "%s: (server.c.1909) server started (%s)\n", at.Format("2006-01-02 15:04:05"), l[1])
		}
		return []byte(b.String())
	}
	page, status := Index(f.Release, l[0])
	size := 0
	if e := Of(f.Release).Lookup(page); e != nil {
		size = int(e.Size)
	}
	for _, v := range f.Visits() {
		if v.In.Before(since) {
			continue
		}
		at := v.In.Add(40 * time.Second).In(f.Zone.Location)
		fmt.Fprintf(&b, "%s - - [%s] \"GET / HTTP/1.1\" %d %d \"-\" \"curl/%s\"\n", v.From, at.Format("02/Jan/2006:15:04:05 -0700"), status, size, "7.88.1")
	}
	return []byte(b.String())
}
