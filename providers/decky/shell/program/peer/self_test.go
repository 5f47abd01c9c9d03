package peer_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/web/face"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// TestTheHostServesItsFiles asks the host's own web server, of every product on
// every distribution: it says what the network hears of it, and its pages are
// the files of its root, as clients left them.
func TestTheHostServesItsFiles(t *testing.T) {
	for _, distro := range persona.Distros() {
		for _, product := range []string{site.Nginx, site.Apache, site.Lighttpd} {
			host := decky.Host{Hostname: "s", IP: "10.4.0.23", Subnet: "10.4.0.0/24", OS: "linux", Distro: distro, Key: make([]byte, 32)}
			m := machine.NewServing(host, nil, time.Now, func() []decky.Listening {
				return []decky.Listening{{Name: "http", Slug: "http", Program: product, Ports: []decky.Port{{Number: 80, Transport: "tcp"}}}}
			})
			get := func(path string) peer.Page {
				return peer.Of(m).Get(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: path}, time.Now())
			}
			fresh := site.Fresh(site.Options{Product: product, Distro: distro, At: func(string) time.Time { return time.Time{} }}).Find("/").Index
			index, status := image.Index(m.Release, product)
			root := m.FS.As(0, 0)
			file, err := root.ReadFile(index)
			if p := get("/"); p.Server != face.Choose(host, "", product).Server || p.Status != status || err != nil || !bytes.Equal(p.Body, file) || !bytes.Equal(file, fresh.Body) {
				t.Errorf("%s of %s: %d %s, %d bytes, of the file %s %d (%v)", product, distro, p.Status, p.Server, len(p.Body), index, len(file), err)
			}
			if p := get("/none"); p.Status != 404 {
				t.Errorf("%s of %s answers %d for nothing", product, distro, p.Status)
			}
			if err := root.WriteFile(image.Root(m.Release, product)+"/index.html", []byte("owned\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if p := get("/index.html"); p.Status != 200 || string(p.Body) != "owned\n" {
				t.Errorf("%s of %s does not serve what a client wrote: %d %q", product, distro, p.Status, p.Body)
			}
			if p := get("/"); p.Status != 200 || !strings.HasPrefix(string(p.Body), "owned") {
				t.Errorf("%s of %s has another index: %d", product, distro, p.Status)
			}
		}
	}
}
