package server

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// Apache is Debian's apache2 with Debian's configuration and modules that serves
// files, Debian's own page where there are none. It is called name where a
// client names no host.
func Apache(name string, files Files) Kind {
	return program{binary: "/usr/sbin/apache2", remedy: "apache2", port: 80, prepare: func(ctx context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		etc, html := filepath.Join(dir, "etc"), filepath.Join(dir, "html")
		if out, err := exec.CommandContext(ctx, "cp", "-a", "/etc/apache2", etc).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("copy apache's configuration: %w: %s", err, out)
		}
		if files == nil {
			debian, err := os.ReadFile("/usr/share/apache2/default-site/index.html")
			if err != nil {
				return nil, fmt.Errorf("read apache's page: %w", err)
			}
			files = Files{"/index.html": debian}
		}
		if err := files.write(html); err != nil {
			return nil, err
		}
		if err := write(etc, "ports.conf", "Listen %s\n", address); err != nil {
			return nil, err
		}
		site := filepath.Join(etc, "sites-available")
		if err := write(site, "000-default.conf", "<VirtualHost *:80>\n\tServerAdmin webmaster@localhost\n\tDocumentRoot %s\n</VirtualHost>\n<Directory %s>\n\tOptions Indexes FollowSymLinks\n\tRequire all granted\n</Directory>\n", html, html); err != nil {
			return nil, err
		}
		defines := ""
		for name, value := range map[string]string{"APACHE_RUN_USER": "www-data", "APACHE_RUN_GROUP": "www-data", "APACHE_PID_FILE": dir + "/pid", "APACHE_RUN_DIR": dir, "APACHE_LOCK_DIR": dir, "APACHE_LOG_DIR": dir} {
			defines += fmt.Sprintf("Define %s %s\n", name, value)
		}
		if err := write(dir, "judge.conf", "%sServerName %s\nInclude %s/apache2.conf\n", defines, name, etc); err != nil {
			return nil, err
		}
		return []string{"-D", "FOREGROUND", "-d", etc, "-f", filepath.Join(dir, "judge.conf")}, nil
	}}
}
