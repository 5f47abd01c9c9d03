package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// webName is what a server without ServerName calls itself on a Debian machine.
const webName = "127.0.1.1"

// webSite is a site of a few files, as both sides serve it: what a decky with a
// page of its own shows.
func webSite(product string) (page []byte, files server.Files) {
	at := func(string) time.Time { return time.Time{} }
	fresh := site.Fresh(site.Options{Product: product, At: at})
	page = fresh.Find("/").Index.Body
	files = server.Files{}
	for _, e := range site.Fresh(site.Options{Product: product, Index: string(page), At: at}).All() {
		if !e.Dir && e.Path != "/icons/"+e.Name() { // the package brings its icons
			files[e.Path] = e.Body
		}
	}
	return page, files
}

// webContest is one product with a site, on every probe of web servers.
func webContest(name, product, header string, host decky.Host, reference func(server.Files) server.Kind) contest {
	page, files := webSite(product)
	arguments, err := json.Marshal(map[string]string{"server_header": header, "index": string(page)})
	if err != nil {
		panic("judge: " + err.Error()) // strings marshal
	}
	return contest{
		name: name, service: "http", probes: []string{"data/http/site.probes.json"}, workers: 12,
		reference: reference(files), foreign: server.NetHTTP{Product: header, Page: page, Port: 80},
		ours: func(binary string) server.Kind {
			return server.Decky{Binary: binary, Host: host, Slug: "http", Port: 80, Arguments: string(arguments)}
		},
	}
}

// webTLS is nginx behind TLS, with the certificate of the judged host on both
// sides: what is compared is the handshake and what comes after it.
func webTLS(host decky.Host) (contest, error) {
	own, err := persona.New(host).Certificate()
	if err != nil {
		return contest{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(own.Key)
	if err != nil {
		return contest{}, fmt.Errorf("write the judged host's key: %w", err)
	}
	var chain []byte
	for _, der := range own.Chain {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	page, files := webSite(site.Nginx)
	arguments, err := json.Marshal(map[string]string{"server_header": "nginx/" + host.Packages["nginx"], "index": string(page)})
	if err != nil {
		return contest{}, err
	}
	return contest{
		name: "nginx-tls", service: "https", probes: []string{"data/https/*.probes.json"}, workers: 8, reference: server.NginxWith(chain, key, files),
		ours: func(binary string) server.Kind {
			return server.Decky{Binary: binary, Host: host, Slug: "https", Port: 443, Arguments: string(arguments)}
		},
	}, nil
}

// webContests are the products that Debian has.
func webContests(host decky.Host, packages map[string]string) []contest {
	secured, err := webTLS(host)
	if err != nil {
		panic("judge: " + err.Error()) // the key of the judged host is a constant
	}
	fresh := site.Fresh(site.Options{Product: site.Nginx, At: func(string) time.Time { return time.Time{} }}).Find("/").Index
	return []contest{
		secured,
		{
			name: "nginx", service: "http", probes: []string{"data/http/common.probes.json"},
			reference: server.Nginx(server.Files{fresh.Path: fresh.Body}), foreign: server.NetHTTP{Product: "nginx/" + packages["nginx"], Page: fresh.Body, Port: 80},
			ours: func(binary string) server.Kind {
				return server.Decky{Binary: binary, Host: host, Slug: "http", Port: 80}
			},
		},
		webContest("nginx-site", site.Nginx, "nginx/"+packages["nginx"], host, server.Nginx),
		webContest("apache-site", site.Apache, "Apache/"+packages["apache2"]+" (Debian)", host, func(f server.Files) server.Kind { return server.Apache(webName, f) }),
		webContest("lighttpd-site", site.Lighttpd, "lighttpd/"+packages["lighttpd"], host, server.Lighttpd),
	}
}
