package site_test

import (
	"bytes"
	"image/gif"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/web/site"
)

func at(path string) time.Time { return time.Unix(1_700_000_000+int64(len(path)), 0) }

func paths(s *site.Site) []string {
	var all []string
	for _, e := range s.All() {
		all = append(all, e.Path)
	}
	return all
}

func TestEveryProductHasItsTree(t *testing.T) {
	icons := []string{"/icons/", "/icons/apache_pb.png", "/icons/back.gif", "/icons/blank.gif", "/icons/folder.gif", "/icons/text.gif", "/icons/unknown.gif"}
	for name, c := range map[string]struct {
		options site.Options
		want    []string
		title   string
	}{
		"nginx":           {site.Options{Product: site.Nginx}, []string{"/", "/index.nginx-debian.html"}, "Welcome to nginx!"},
		"nginx elsewhere": {site.Options{Product: site.Nginx, Distro: "rocky9"}, []string{"/", "/index.html"}, "Welcome to nginx!"},
		"apache":          {site.Options{Product: site.Apache}, append(append([]string{"/"}, icons...), "/index.html"), "Apache2 Debian Default Page: It works"},
		"ubuntu":          {site.Options{Product: site.Apache, Distro: "ubuntu22"}, append(append([]string{"/"}, icons...), "/index.html"), "Apache2 Ubuntu Default Page: It works"},
		"lighttpd":        {site.Options{Product: site.Lighttpd}, []string{"/", "/index.lighttpd.html"}, "Welcome page"},
		"iis":             {site.Options{Product: site.IIS}, []string{"/", "/iisstart.htm", "/iisstart.png"}, "IIS Windows Server"},
		"of its own":      {site.Options{Product: site.Nginx, Index: "<title>Own</title>"}, []string{"/", "/assets/", "/assets/logo.png", "/assets/style.css", "/favicon.ico", "/index.html", "/robots.txt"}, "Own"},
		"retitled":        {site.Options{Product: site.Nginx, Title: "A<b"}, []string{"/", "/assets/", "/assets/logo.png", "/assets/style.css", "/favicon.ico", "/index.nginx-debian.html", "/robots.txt"}, "A&lt;b"},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.At = at
			s := site.Fresh(c.options)
			if diff := cmp.Diff(c.want, paths(s)); diff != "" {
				t.Error(diff)
			}
			if page := string(s.Find("/").Index.Body); !strings.Contains(page, "<title>"+c.title+"</title>") {
				t.Errorf("no title %q in %s", c.title, page)
			}
		})
	}
	if index := site.Fresh(site.Options{Product: site.Apache, Distro: "centos7", At: at}).Find("/").Index; index.Status != 403 {
		t.Errorf("the test page of CentOS is answered with %d", index.Status)
	}
}

func TestImagesAreImages(t *testing.T) {
	for _, e := range append(site.Fresh(site.Options{Product: site.Apache, Title: "x", At: at}).All(), site.Fresh(site.Options{Product: site.IIS, At: at}).All()...) {
		var err error
		switch e.Type() {
		case "png":
			_, err = png.Decode(bytes.NewReader(e.Body))
		case "gif":
			_, err = gif.Decode(bytes.NewReader(e.Body))
		}
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
		}
	}
}

func TestFindingEntries(t *testing.T) {
	s := site.Fresh(site.Options{Product: site.Nginx, Title: "x", At: at})
	if e := s.Find("/assets"); e == nil || !e.Dir || e.Path != "/assets/" {
		t.Errorf("a directory without its slash: %+v", e)
	}
	if e, rest := s.Below("/robots.txt/a/b"); e == nil || e.Path != "/robots.txt" || rest != "/a/b" {
		t.Errorf("below a file: %+v %q", e, rest)
	}
	if s.Find("/none") != nil {
		t.Error("an entry that is not there is found")
	}
	var names []string
	for _, e := range s.Members("/") {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"assets", "favicon.ico", "index.nginx-debian.html", "robots.txt"}, names); diff != "" {
		t.Error(diff)
	}
}
