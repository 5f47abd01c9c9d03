package image_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/web/face"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// TestVersionsAreThoseAnnounced holds the packages of web servers to what the
// network hears of them, and the page to the time that it tells.
func TestVersionsAreThoseAnnounced(t *testing.T) {
	for _, distro := range persona.Distros() {
		for _, product := range []string{site.Nginx, site.Apache, site.Lighttpd} {
			host := decky.Host{OS: "linux", Distro: distro, Packages: map[string]string{"nginx": "1.18.0 (Ubuntu)"}, Key: make([]byte, 32)}
			r := image.Serving(persona.Known(distro), host, []string{product, product, "openssh", "../x"})
			server := face.Choose(host, "", product).Server
			if r.Serving != product+"="+server || image.Banner(r, product) != server {
				t.Errorf("%s on %s is %q", product, distro, r.Serving)
			}
			want, _, _ := strings.Cut(server[strings.IndexByte(server, '/')+1:], " ")
			names := map[string]bool{"nginx": true, "apache": true, "apache2": true, "httpd": true, "lighttpd": true}
			for _, p := range image.Packages(r) {
				if names[p.Name] && image.Upstream(p.Version) != want {
					t.Errorf("%s %s on %s announces %s", p.Name, p.Version, distro, server)
				}
			}
			index, _ := image.Index(r, product)
			e := image.Of(r).Lookup(index)
			if e == nil || e.Size == 0 {
				t.Errorf("%s on %s has no %s", product, distro, index)
				continue
			}
			f := image.NewFacts(servicetest.Host(), nil, time.Now)
			mtime, _ := f.Times(e)
			if at := site.Installed(f.Persona, time.Now(), "/index.html"); !mtime.Equal(at) {
				t.Errorf("%s on %s is of %s and served as of %s", index, distro, mtime, at)
			}
		}
	}
}

// TestServicesLeaveTheBaseAlone checks that an image with services shares the
// release's, which holds nothing of them.
func TestServicesLeaveTheBaseAlone(t *testing.T) {
	r := persona.Known("debian")
	before := image.Of(r).Len()
	with := image.Serving(r, servicetest.Host(), []string{"nginx", "inetutils"})
	if first := image.Of(with); image.Of(with) != first {
		t.Error("the image is made twice")
	}
	for _, path := range []string{"/usr/sbin/nginx", "/etc/nginx/nginx.conf", "/var/www/html", "/etc/inetd.conf"} {
		if image.Of(r).Lookup(path) != nil || image.Of(with).Lookup(path) == nil {
			t.Errorf("%s is in the wrong image", path)
		}
	}
	if image.Of(r).Len() != before || image.Of(r).Lookup("/bin/sh") != image.Of(with).Lookup("/bin/sh") {
		t.Error("the two share nothing, or too much")
	}
	root := vfs.Of(image.Of(with), nil, 1<<20, time.Now).As(0, 0)
	for _, e := range image.Of(with).Entries() {
		if _, err := root.Lstat(e.Path); err != nil {
			t.Errorf("%s cannot be found: %v", e.Path, err)
		}
		if e.Mode&vfs.TypeMask == vfs.TypeLink && (strings.HasPrefix(e.Path, "/etc/nginx/") || strings.HasPrefix(e.Path, "/etc/apache2/")) {
			if _, err := root.Stat(e.Path); err != nil {
				t.Errorf("%s -> %s: %v", e.Path, e.Target, err)
			}
		}
	}
}

// TestMemoryOfServices bounds what one more set of services costs a process.
func TestMemoryOfServices(t *testing.T) {
	r := persona.Known("debian")
	image.Of(image.Serving(r, servicetest.Host(), []string{"nginx", "apache", "lighttpd"}))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const sets = 20
	for i := range sets {
		host := servicetest.Host()
		host.Packages = map[string]string{"nginx": fmt.Sprintf("1.22.%d", 10+i)}
		image.Of(image.Serving(r, host, []string{"nginx", "inetutils"}))
	}
	each := int64(heap()-before) / sets
	t.Logf("%d bytes for a set of services", each)
	if each > 200<<10 {
		t.Errorf("a set of services takes %d bytes", each)
	}
}
