package secure

import (
	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/tlsface"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// schannel are the suites of Windows Server 2019 in its order (Microsoft's
// documentation, "TLS Cipher Suites in Windows 10 v1809") as far as an ECDSA or
// RSA key and TLS 1.2 go; not verified against a server.
var schannel = []uint16{
	0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013,
	0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
}

// profileOf is what a product's TLS is on a distribution.
func profileOf(host decky.Host, product string) tlsface.Config {
	// Debian's since buster, Ubuntu's since focal and Red Hat's crypto policies
	// refuse all below 1.2.
	p := tlsface.Config{Min: tlsface.VersionTLS12, Max: tlsface.VersionTLS13, Tickets: true, Strict: true}
	if host.Distro == "centos7" {
		p.Min, p.Max, p.Build = tlsface.VersionTLS10, tlsface.VersionTLS12, tlsface.OpenSSL102
	}
	switch product {
	case site.Nginx:
		// Debian's nginx.conf says ssl_prefer_server_ciphers on.
		p.Protocols, p.ServerOrder = []string{"http/1.1", "http/1.0", "http/0.9"}, true
	case site.Apache:
		// Debian's ssl.conf says SSLSessionTickets off.
		p.Protocols, p.Tickets = []string{"http/1.1"}, false
	case site.Lighttpd:
		p.Protocols, p.ServerOrder = []string{"http/1.1"}, true
	case site.IIS:
		// Windows Server 2019.
		p.Build = tlsface.Schannel
		p.Min, p.Max, p.Tickets, p.Weak = tlsface.VersionTLS10, tlsface.VersionTLS12, false, true
		p.Protocols, p.ServerOrder, p.Ciphers = []string{"http/1.1"}, true, schannel
	}
	return p
}
