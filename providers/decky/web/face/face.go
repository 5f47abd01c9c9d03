// Package face chooses the product that a fake web server passes for: by what
// the configuration says it is called, by what an application wants, or by the
// packages of the host's distribution. It holds the table of products and no
// behaviour.
package face

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/face/apache"
	"github.com/decnet/decnet/providers/decky/web/face/lighttpd"
	"github.com/decnet/decnet/providers/decky/web/face/nginx"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// Choice is a product with its Server header.
type Choice struct {
	Product string // one of site's names of products
	Server  string
}

// products by how a Server header begins.
var products = []struct{ prefix, product string }{
	{"nginx", site.Nginx},
	{"Apache", site.Apache},
	{"lighttpd", site.Lighttpd},
}

// Choose picks the product: server is the configured Server header, wanted is
// what an application asks for; both may be empty.
func Choose(host decky.Host, server, wanted string) Choice {
	if server != "" {
		for _, p := range products {
			if strings.HasPrefix(strings.ToLower(server), strings.ToLower(p.prefix)) {
				return Choice{p.product, server}
			}
		}
		// An unknown name is shown by the product that the host would have.
		return Choice{Choose(host, "", wanted).Product, server}
	}
	return Choice{site.Nginx, nginxServer(host)}
}

// nginxServer is the Server header of the host's nginx: distributions differ in
// whether it names them.
func nginxServer(host decky.Host) string {
	version := host.Packages["nginx"]
	switch {
	case version == "":
		version = "1.22.1"
	case strings.Contains(version, "/"):
		return version
	}
	return "nginx/" + version
}

// Options of New.
type Options struct {
	Choice Choice
	Host   decky.Host
	Site   *site.Site
	Extra  []app.Field
}

// New is the face of a choice.
func New(o Options) (web.Face, error) {
	switch o.Choice.Product {
	case site.Nginx:
		return nginx.New(nginx.Options{Server: o.Choice.Server, Site: o.Site, Extra: o.Extra}), nil
	case site.Apache:
		options := apache.Options{Server: o.Choice.Server, Site: o.Site, Extra: o.Extra}
		switch o.Host.Distro {
		case "centos7", "rocky9", "fedora":
			options.Charset, options.Name = "UTF-8", o.Host.Hostname
		}
		return apache.New(options), nil
	case site.Lighttpd:
		return lighttpd.New(lighttpd.Options{Server: o.Choice.Server, Site: o.Site, Extra: o.Extra}), nil
	}
	return nil, fmt.Errorf("no web server %q", o.Choice.Product)
}
