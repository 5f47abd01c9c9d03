// Package face chooses the product that a fake web server passes for: by what
// the configuration says it is called, by what an application wants, or by the
// packages of the host's distribution. It holds the table of products and no
// behaviour.
package face

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/face/apache"
	"github.com/decnet/decnet/providers/decky/web/face/iis"
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
	{"Microsoft-IIS", site.IIS},
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
	product := wanted
	if product == "" {
		product = usual(host)
	}
	switch product {
	case site.Apache:
		return Choice{site.Apache, apacheServer(host)}
	case site.Lighttpd:
		return Choice{site.Lighttpd, "lighttpd/" + version(host, "lighttpd", "1.4.69")}
	case site.IIS:
		return Choice{site.IIS, "Microsoft-IIS/10.0"}
	}
	return Choice{site.Nginx, nginxServer(host)}
}

// usual is the product that the host's packages name; nginx comes first, for
// every distribution has it.
func usual(host decky.Host) string {
	switch {
	case host.OS == "windows":
		return site.IIS
	case host.Packages["nginx"] != "":
		return site.Nginx
	case host.Packages["apache2"] != "" || host.Packages["httpd"] != "":
		return site.Apache
	case host.Packages["lighttpd"] != "":
		return site.Lighttpd
	}
	return site.Nginx
}

func version(host decky.Host, name, fallback string) string {
	if v := host.Packages[name]; v != "" {
		return v
	}
	return fallback
}

// apaches are the releases of the distributions where the host's packages do
// not say: ServerTokens OS names the distribution.
var apaches = map[string]string{
	"debian": "2.4.62 (Debian)", "ubuntu20": "2.4.41 (Ubuntu)", "ubuntu22": "2.4.52 (Ubuntu)", "centos7": "2.4.6 (CentOS)", "rocky9": "2.4.62 (Rocky Linux)",
	"fedora": "2.4.58 (Fedora Linux)", "kali": "2.4.62 (Debian)", "alpine": "2.4.58 (Unix)", "arch": "2.4.62 (Unix)",
}

// apacheServer is the Server header of the host's Apache.
func apacheServer(host decky.Host) string {
	text, ok := apaches[host.Distro]
	if !ok {
		text = apaches["debian"]
	}
	release, system, _ := strings.Cut(text, " ")
	for _, name := range []string{"apache2", "httpd"} {
		release = version(host, name, release)
	}
	if strings.Contains(release, " ") {
		return "Apache/" + release
	}
	return "Apache/" + release + " " + system
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
		p := persona.New(o.Host)
		options.Zone = p.Zone().Location
		if p.Domain() != "" {
			options.Name = strings.ToLower(p.FQDN())
		}
		switch o.Host.Distro {
		case "centos7", "rocky9", "fedora":
			options.Charset = "UTF-8"
		}
		return apache.New(options), nil
	case site.Lighttpd:
		return lighttpd.New(lighttpd.Options{Server: o.Choice.Server, Site: o.Site, Extra: o.Extra}), nil
	case site.IIS:
		return iis.New(iis.Options{Server: o.Choice.Server, Site: o.Site, Extra: o.Extra}), nil
	}
	return nil, fmt.Errorf("no web server %q", o.Choice.Product)
}
