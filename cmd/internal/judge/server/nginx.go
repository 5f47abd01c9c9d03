package server

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// nginxConfig is Debian's nginx.conf and its site "default", with the paths of
// the lab.
const nginxConfig = `daemon off;
user www-data;
worker_processes 1;
pid %[1]s/pid;
events { worker_connections 768; }
http {
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	gzip on;
	server {
		listen %[2]s default_server%[3]s;
		%[4]s
		root %[1]s/html;
		index index.html index.htm index.nginx-debian.html;
		server_name _;
		location / { try_files $uri $uri/ =404; }
	}
}
`

// Nginx is Debian's nginx that serves files, the page that the package
// nginx-common brings where there are none.
func Nginx(files Files) Kind { return nginx(80, "", files, nil) }

func nginx(port uint16, listen string, files Files, more func(ctx context.Context, dir string) (string, error)) Kind {
	return program{binary: "nginx", remedy: "nginx-light", port: port, prepare: func(ctx context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		if files == nil {
			data, err := os.ReadFile("/usr/share/nginx/html/index.html")
			if err != nil {
				return nil, fmt.Errorf("read nginx's page: %w", err)
			}
			files = Files{"/index.nginx-debian.html": data}
		}
		if err := files.write(filepath.Join(dir, "html")); err != nil {
			return nil, err
		}
		lines, err := "", error(nil)
		if more != nil {
			if lines, err = more(ctx, dir); err != nil {
				return nil, err
			}
		}
		if err := write(dir, "nginx.conf", nginxConfig, dir, address, listen, lines); err != nil {
			return nil, err
		}
		return []string{"-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log")}, nil
	}}
}
