package telnet

import (
	"strings"

	"github.com/decnet/decnet/providers/decky"
)

// Whose telnetd it is.
const (
	faceInetutils = "inetutils"
	faceNetkit    = "netkit"
	faceBusybox   = "busybox"
)

// face is a telnetd with its login.
type face struct {
	server string
	login  *loginProgram
}

// distroFaces are the telnetd and the login that each distribution ships: a
// source package name and a login program.
var distroFaces = map[string][2]string{
	"":         {faceInetutils, "shadow"},
	"debian":   {faceInetutils, "shadow"},
	"kali":     {faceInetutils, "shadow"},
	"ubuntu20": {faceNetkit, "shadow"},
	"ubuntu22": {faceNetkit, "shadow"},
	"centos7":  {faceNetkit, "util-linux"},
	"rocky9":   {faceNetkit, "util-linux"},
	"fedora":   {faceNetkit, "util-linux"},
	"arch":     {faceInetutils, "util-linux"},
	"alpine":   {faceBusybox, "busybox"},
}

// faceOf is what a host shows; server, where given, chooses another telnetd.
func faceOf(server string, host decky.Host) face {
	names, ok := distroFaces[host.Distro]
	if !ok {
		names = distroFaces[""]
		if host.OS == "embedded" {
			names = distroFaces["alpine"]
		}
	}
	if server != "" && server != names[0] {
		names[0] = server
		switch {
		case server == faceBusybox:
			names[1] = "busybox"
		case names[1] == "busybox":
			names[1] = "shadow"
		}
	}
	return face{server: names[0], login: programs[names[1]]}
}

// Program is whose telnetd the configuration shows on a host.
func (c *Config) Program(host decky.Host) string { return faceOf(c.Server, host).server }

// issue is the distribution's issue.net.
func (f face) issue(host decky.Host) string {
	title, _, _ := strings.Cut(host.Title, " (")
	switch {
	case host.Distro == "alpine":
		return "Welcome to " + title + "\nKernel \\r on an \\m (\\l)\n\n"
	case title == "":
		return "Debian GNU/Linux 12\n"
	case host.Distro == "rocky9" || host.Distro == "centos7" || host.Distro == "fedora":
		return "\\S\nKernel \\r on an \\m\n"
	}
	return title + "\n"
}
