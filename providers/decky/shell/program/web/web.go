// Package web answers for the programs of web servers and of telnet's, and for
// daemons that have nothing to say on a command line: their versions, the test
// of their configuration, and why a second one does not start. Their versions
// are those that the host's services announce. It serves nothing.
package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{
		"nginx": nginx, "apache2": apache, "httpd": apache, "apache2ctl": control, "apachectl": control, "lighttpd": lighttpd,
		"a2query": quiet, "inetutils-inetd": inetd, "telnetd": inetd, "in.telnetd": inetd, "inetd": inetd,
	}
	for _, name := range strings.Fields("a2ensite a2dissite a2enmod a2dismod a2enconf a2disconf") {
		all[name] = switches
	}
	for _, name := range strings.Fields("dbus-broker dbus-broker-launch multipathd networkd-dispatcher update-inetd lighttpd-angel lighty-enable-mod nginx-upgrade tcpd tcpdchk tcpdmatch safe_finger try-from htcacheclean rotatelogs logresolve busybox-extras") {
		all[name] = quiet
	}
	return all
}

// quiet says nothing that the package knows.
func quiet(c *program.Call) int {
	c.Kernel.Unknown()
	return 1
}

// banner is what the host's server says that it is.
func banner(c *program.Call, name, otherwise string) string {
	if b := image.Banner(c.Machine.Release, name); b != "" {
		return b
	}
	return otherwise
}

// busy tells whether another process has a port.
func busy(c *program.Call, port int) bool {
	for _, l := range c.Machine.Listening() {
		if l.Port == port {
			return true
		}
	}
	return false
}

func nginx(c *program.Call) int {
	version, _, _ := strings.Cut(banner(c, "nginx", "nginx/1.22.1"), " (")
	if b := banner(c, "nginx", ""); strings.Contains(b, " (") {
		version = b
	}
	conf, test := "/etc/nginx/nginx.conf", false
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case a == "-v":
			c.Write(c.Err, "nginx version: "+version+"\n")
			return 0
		case a == "-V":
			c.Write(c.Err, "nginx version: "+version+"\nTLS SNI support enabled\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --http-log-path=/var/log/nginx/access.log --error-log-path=/var/log/nginx/error.log --lock-path=/var/lock/nginx.lock --pid-path=/run/nginx.pid --with-pcre-jit --with-http_ssl_module --with-http_stub_status_module --with-http_realip_module --with-http_v2_module --with-threads\n")
			return 0
		case a == "-h" || a == "-?":
			c.Write(c.Err, "nginx version: "+version+"\nUsage: nginx [-?hvVtTq] [-s signal] [-p prefix]\n             [-e filename] [-c filename] [-g directives]\n")
			return 0
		case a == "-t" || a == "-T":
			test = true
		case a == "-q":
		case (a == "-c" || a == "-g" || a == "-s" || a == "-p" || a == "-e") && i+1 < len(c.Args):
			i++
			if a == "-c" {
				conf = c.Path(c.Args[i])
			}
			if a == "-s" && !slices.Contains([]string{"stop", "quit", "reopen", "reload"}, c.Args[i]) {
				c.Write(c.Err, "nginx: invalid option: \"-s "+c.Args[i]+"\"\n")
				return 1
			}
			if a == "-s" && c.User.UID == 0 {
				return 0
			}
		default:
			c.Write(c.Err, "nginx: invalid option: \""+strings.TrimPrefix(a, "-")+"\"\n")
			return 1
		}
	}
	stamp := c.Now().In(c.Machine.Zone.Location).Format("2006/01/02 15:04:05")
	if c.User.UID != 0 {
		c.Write(c.Err, "nginx: [alert] could not open error log file: open() \"/var/log/nginx/error.log\" failed (13: Permission denied)\n")
		c.Write(c.Err, fmt.Sprintf("%s [warn] %d#%d: the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored in %s:1\n", stamp, c.Self, c.Self, conf))
	}
	if _, err := c.View().ReadFile(conf); err != nil {
		c.Write(c.Err, "nginx: [emerg] open() \""+conf+"\" failed (2: No such file or directory)\n")
		if test {
			c.Write(c.Err, "nginx: configuration file "+conf+" test failed\n")
		}
		return 1
	}
	switch {
	case test && c.User.UID == 0:
		c.Write(c.Err, "nginx: the configuration file "+conf+" syntax is ok\nnginx: configuration file "+conf+" test is successful\n")
		return 0
	case test:
		c.Write(c.Err, "nginx: the configuration file "+conf+" syntax is ok\n"+fmt.Sprintf("%s [emerg] %d#%d: open() \"/run/nginx.pid\" failed (13: Permission denied)\n", stamp, c.Self, c.Self)+"nginx: configuration file "+conf+" test failed\n")
		return 1
	case busy(c, 80):
		for range 5 {
			c.Write(c.Err, "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n")
			if !c.Wait(500 * time.Millisecond) {
				return 1
			}
		}
		c.Write(c.Err, "nginx: [emerg] still could not bind()\n")
		return 1
	}
	return 0
}

// control is apachectl, which gives most of its line to the server.
func control(c *program.Call) int {
	if len(c.Args) == 1 {
		switch c.Args[0] {
		case "configtest":
			c.Args = []string{"-t"}
		case "start":
			if busy(c, 80) {
				c.Print("httpd (pid " + pid(c) + ") already running\n")
				return 0
			}
		}
	}
	return apache(c)
}

func pid(c *program.Call) string {
	for _, s := range c.Machine.Services() {
		if s.Program == "apache" {
			return fmt.Sprint(s.PID)
		}
	}
	return "1"
}

func apache(c *program.Call) int {
	name := "httpd"
	if c.Machine.Release.Family == "debian" {
		name = "apache2"
	}
	version := banner(c, "apache", "Apache/2.4.62 (Unix)")
	built := c.Machine.Built.AddDate(0, 0, -40).UTC()
	stamp := built.Format("2006-01-02T15:04:05")
	if c.Machine.Release.Family != "debian" {
		stamp = built.Format("Jan _2 2006 15:04:05")
	}
	for _, a := range c.Args {
		switch a {
		case "-v":
			c.Print("Server version: " + version + "\nServer built:   " + stamp + "\n")
			return 0
		case "-V":
			c.Print("Server version: " + version + "\nServer built:   " + stamp + "\nServer's Module Magic Number: 20120211:131\nServer loaded:  APR 1.7.2, APR-UTIL 1.6.3\nCompiled using: APR 1.7.2, APR-UTIL 1.6.3\nArchitecture:   64-bit\nServer MPM:     event\n  threaded:     yes (fixed thread count)\n    forked:     yes (variable process count)\n")
			return 0
		case "-t":
			c.Write(c.Err, "AH00558: "+name+": Could not reliably determine the server's fully qualified domain name, using "+c.Machine.IP()+". Set the 'ServerName' directive globally to suppress this message\nSyntax OK\n")
			return 0
		}
		if strings.HasPrefix(a, "-") && !strings.Contains("DdfCckhlLtTSXvVM", a[1:min(len(a), 2)]) {
			c.Write(c.Err, name+": illegal option -- "+a[1:min(len(a), 2)]+"\n")
			return 1
		}
	}
	if busy(c, 80) && c.User.UID == 0 {
		c.Write(c.Err, "(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n")
		return 1
	}
	if c.User.UID != 0 {
		c.Write(c.Err, "(13)Permission denied: AH00072: make_sock: could not bind to address 0.0.0.0:80\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n")
		return 1
	}
	return 0
}

func lighttpd(c *program.Call) int {
	conf, test := "", false
	for i := 0; i < len(c.Args); i++ {
		switch c.Args[i] {
		case "-v", "-V":
			c.Print(banner(c, "lighttpd", "lighttpd/1.4.69") + " (ssl) - a light and fast webserver\n")
			return 0
		case "-t", "-tt":
			test = true
		case "-f":
			if i+1 < len(c.Args) {
				i++
				conf = c.Path(c.Args[i])
			}
		}
	}
	stamp := c.Now().In(c.Machine.Zone.Location).Format("2006-01-02 15:04:05")
	switch _, err := c.View().ReadFile(conf); {
	case conf == "":
		c.Write(c.Err, stamp+": (server.c.1317) No configuration available. Try using -f option.\n")
		return 255
	case err != nil:
		c.Write(c.Err, stamp+": (configfile.c.2070) opening configfile "+conf+" failed: No such file or directory\n")
		return 255
	case test:
		return 0
	case busy(c, 80):
		c.Write(c.Err, stamp+": (network.c.537) bind() 0.0.0.0:80: Address already in use\n")
		return 255
	}
	return 0
}

// switches are a2enmod and its names.
func switches(c *program.Call) int {
	verb, kind := "enabled", c.Name[len("a2en"):]
	if strings.HasPrefix(c.Name, "a2dis") {
		verb = "disabled"
	}
	if verb == "disabled" {
		kind = c.Name[len("a2dis"):]
	}
	dir := "/etc/apache2/" + kind + "s-available/"
	word, ending := map[string]string{"site": "Site", "mod": "Module", "conf": "Conf"}[kind], ".conf"
	if kind == "conf" {
		dir = "/etc/apache2/conf-available/"
	}
	if kind == "mod" {
		ending = ".load"
	}
	status := 0
	for _, name := range c.Args {
		name = strings.TrimSuffix(name, ".conf")
		source := dir + name + ending
		link := strings.Replace(source, "-available/", "-enabled/", 1)
		if _, err := c.View().Stat(source); err != nil {
			c.Write(c.Err, "ERROR: "+word+" "+name+" does not exist!\n")
			status = 1
			continue
		}
		_, err := c.View().Lstat(link)
		if (err == nil) == (verb == "enabled") {
			c.Print(word + " " + name + " already " + verb + "\n")
			continue
		}
		if verb == "enabled" {
			err = c.View().Symlink("../"+strings.TrimPrefix(source, "/etc/apache2/"), link)
		} else {
			err = c.View().Remove(link)
		}
		if err != nil {
			c.Write(c.Err, "Could not change "+link+": "+err.Error()+"\n")
			return 1
		}
		action := "Enabling "
		if verb == "disabled" {
			action = ""
		}
		if action != "" {
			c.Print(action + strings.ToLower(word) + " " + name + ".\n")
		} else {
			c.Print(word + " " + name + " disabled.\n")
		}
		next := "reload"
		if kind == "mod" {
			next = "restart"
		}
		c.Print("To activate the new configuration, you need to run:\n  systemctl " + next + " apache2\n")
	}
	return status
}

// inetd are programs that wait for connections or are started by one.
func inetd(c *program.Call) int {
	if slices.Contains(c.Args, "--version") && c.Machine.Release.Family == "debian" {
		c.Print(strings.TrimPrefix(c.Name, "inetutils-") + " (GNU inetutils) 2.4\n")
		return 0
	}
	if strings.Contains(c.Name, "telnetd") {
		c.Write(c.Err, c.Name+": getpeername: Socket operation on non-socket\n")
		return 1
	}
	return 0
}
