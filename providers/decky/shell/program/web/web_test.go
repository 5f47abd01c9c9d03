package web_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// on types a line as root on a host of a distribution that serves a program on
// port 80, with telnet beside it.
func on(t *testing.T, distro, program, line string) string {
	t.Helper()
	h := servicetest.Host()
	r := persona.Known(distro)
	h.Distro, h.Title, h.Kernel, h.Build, h.Packages = distro, r.Pretty, r.Kernel, r.Build, nil
	m := machine.NewServing(h, nil, time.Now, func() []decky.Listening {
		return []decky.Listening{
			{Name: "http", Slug: "http", Program: program, Ports: []decky.Port{{Number: 80, Transport: "tcp"}}},
			{Name: "telnet", Slug: "telnet", Program: "inetutils", Ports: []decky.Port{{Number: 23, Transport: "tcp"}}},
		}
	})
	s := shell.New(shell.Options{Machine: m, User: "root", Limits: shell.Limits{Time: 30 * time.Second}})
	var out bytes.Buffer
	if _, err := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader(""), &out, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestServersAnswerOnTheCommandLine(t *testing.T) {
	for _, c := range []struct{ distro, program, line, want string }{
		{"debian", "nginx", "nginx -v", "nginx version: nginx/1.22.1\n"},
		{"rocky9", "nginx", "nginx -v", "nginx version: nginx/1.22.1\n"},
		{"debian", "nginx", "nginx -t", "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n"},
		{"debian", "nginx", "nginx -x", "nginx: invalid option: \"x\"\n"},
		{"debian", "nginx", "rm /etc/nginx/nginx.conf; nginx -t", "nginx: [emerg] open() \"/etc/nginx/nginx.conf\" failed (2: No such file or directory)\nnginx: configuration file /etc/nginx/nginx.conf test failed\n"},
		{"debian", "nginx", "which apache2 httpd lighttpd; apache2 -v", "bash: line 1: apache2: command not found\n"},
		{"debian", "apache", "apache2 -v | head -1; apachectl -v | head -1", "Server version: Apache/2.4.62 (Debian)\nServer version: Apache/2.4.62 (Debian)\n"},
		{"centos7", "apache", "httpd -v | head -1", "Server version: Apache/2.4.6 (CentOS)\n"},
		{"debian", "apache", "a2dissite 000-default", "Site 000-default disabled.\nTo activate the new configuration, you need to run:\n  systemctl reload apache2\n"},
		{"debian", "apache", "a2enmod rewrite; a2enmod rewrite; ls -l /etc/apache2/mods-enabled/rewrite.load | cut -d'>' -f2", "Enabling module rewrite.\nTo activate the new configuration, you need to run:\n  systemctl restart apache2\nModule rewrite already enabled\n ../mods-available/rewrite.load\n"},
		{"alpine", "lighttpd", "lighttpd -v", "lighttpd/1.4.69 (ssl) - a light and fast webserver\n"},
		{"debian", "nginx", "dpkg -l | awk '/nginx|telnetd|inetd/ {print $2, $3}'", "inetutils-inetd 2:2.4-2+deb12u1\ninetutils-telnetd 2:2.4-2+deb12u1\nnginx 1.22.1-9+deb12u1\nnginx-common 1.22.1-9+deb12u1\nupdate-inetd 4.53\n"},
		{"debian", "nginx", "dpkg -S /usr/sbin/nginx", "nginx: /usr/sbin/nginx\n"},
		{"rocky9", "apache", "rpm -q httpd telnet-server", "httpd-2.4.62-1.el9_5.2.x86_64\ntelnet-server-0.17-85.el9.x86_64\n"},
		{"rocky9", "apache", "rpm -qf /usr/sbin/httpd", "httpd-2.4.62-1.el9_5.2.x86_64\n"},
		{"alpine", "apache", "apk info -e apache2", "apache2\n"},
		{"arch", "apache", "sed -n 5p /var/lib/pacman/local/apache-2.4.62-1/desc", "2.4.62-1\n"},
		{"debian", "nginx", "curl -s http://127.0.0.1/ | cmp - /var/www/html/index.nginx-debian.html && curl -sI localhost | grep -i ^server", "Server: nginx/1.22.1\r\n"},
		{"debian", "nginx", "echo owned > /var/www/html/x.txt; curl -s localhost/x.txt; curl -s -o /dev/null -w '%{http_code}\\n' localhost/none", "owned\n404\n"},
		{"debian", "nginx", "curl -s -o /dev/null -w '%{size_download}\\n' localhost; stat -c %s /var/www/html/index.nginx-debian.html", "SAME"},
		{"debian", "nginx", "ls /var/log/nginx /etc/nginx/sites-enabled; readlink /proc/$(cat /run/nginx.pid)/exe", "/etc/nginx/sites-enabled:\ndefault\n\n/var/log/nginx:\naccess.log\nerror.log\n/usr/sbin/nginx\n"},
	} {
		got := on(t, c.distro, c.program, c.line)
		if c.want == "SAME" {
			f := strings.Fields(got)
			if len(f) != 2 || f[0] != f[1] {
				t.Errorf("%s: %q", c.line, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s with %s: %s\n%q, want\n%q", c.distro, c.program, c.line, got, c.want)
		}
	}
}
