package main

import (
	"encoding/json"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/providers/decky"
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

// webContests are the products that Debian has.
func webContests(host decky.Host, packages map[string]string) []contest {
	return []contest{
		webContest("nginx-site", site.Nginx, "nginx/"+packages["nginx"], host, server.Nginx),
		webContest("apache-site", site.Apache, "Apache/"+packages["apache2"]+" (Debian)", host, func(f server.Files) server.Kind { return server.Apache(webName, f) }),
		webContest("lighttpd-site", site.Lighttpd, "lighttpd/"+packages["lighttpd"], host, server.Lighttpd),
	}
}
