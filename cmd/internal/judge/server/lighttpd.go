package server

import (
	"context"
	"net/netip"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// lighttpdConfig says what Debian's lighttpd.conf says, with the lab's paths.
const lighttpdConfig = `server.modules = ("mod_indexfile", "mod_access", "mod_alias", "mod_redirect")
server.document-root = "%[1]s/html"
server.upload-dirs = ("%[1]s")
server.errorlog = "%[1]s/error.log"
server.pid-file = "%[1]s/pid"
server.bind = "%[2]s"
server.port = %[3]d
server.http-parseopts = (
  "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
  "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable", "url-ctrls-reject" => "enable",
  "url-path-2f-decode" => "enable", "url-path-dotseg-remove" => "enable"
)
index-file.names = ("index.php", "index.html")
url.access-deny = ("~", ".inc")
static-file.exclude-extensions = (".php", ".pl", ".fcgi")
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
server.modules += ("mod_dirlisting", "mod_staticfile")
`

// Lighttpd is Debian's lighttpd with Debian's settings that serves files.
func Lighttpd(files Files) Kind {
	return program{binary: "/usr/sbin/lighttpd", remedy: "lighttpd", port: 80, prepare: func(_ context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		if err := files.write(filepath.Join(dir, "html")); err != nil {
			return nil, err
		}
		if err := write(dir, "lighttpd.conf", lighttpdConfig, dir, address.Addr(), address.Port()); err != nil {
			return nil, err
		}
		return []string{"-D", "-f", filepath.Join(dir, "lighttpd.conf")}, nil
	}}
}
