package secure

import (
	"crypto/tls"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// profile is what a product's TLS is on a distribution.
type profile struct {
	min, max  uint16
	tickets   bool
	protocols []string // ALPN
}

// oldest is the lowest version by distribution: that of its OpenSSL's own
// configuration (Debian's since buster, Ubuntu's since focal and Red Hat's
// crypto policies refuse all below 1.2; OpenSSL 1.0.2 of CentOS 7 knows no 1.3).
var oldest = map[string]uint16{"centos7": tls.VersionTLS10}

var newest = map[string]uint16{"centos7": tls.VersionTLS12}

func profileOf(host decky.Host, product string) profile {
	p := profile{min: tls.VersionTLS12, max: tls.VersionTLS13, tickets: true}
	if v, ok := oldest[host.Distro]; ok {
		p.min = v
	}
	if v, ok := newest[host.Distro]; ok {
		p.max = v
	}
	switch product {
	case site.Nginx:
		p.protocols = []string{"http/1.1", "http/1.0", "http/0.9"}
	case site.Apache, site.Lighttpd:
		p.protocols = []string{"http/1.1"}
	case site.IIS:
		// Schannel of Windows Server 2019.
		p.min, p.max, p.tickets, p.protocols = tls.VersionTLS10, tls.VersionTLS12, false, []string{"http/1.1"}
	}
	return p
}
