package software

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// packages are those of a small installation of Debian 12 with their versions.
var packages = [][3]string{
	{"adduser", "3.134", "add and remove users and groups"}, {"apt", "2.6.1", "commandline package manager"}, {"base-files", "12.4+deb12u8", "Debian base system miscellaneous files"},
	{"bash", "5.2.15-2+b7", "GNU Bourne Again SHell"}, {"bsdutils", "1:2.38.1-5+deb12u1", "basic utilities from 4.4BSD-Lite"}, {"busybox", "1:1.35.0-4+b3", "Tiny utilities for small and embedded systems"},
	{"coreutils", "9.1-1", "GNU core utilities"}, {"cron", "3.0pl1-162", "process scheduling daemon"}, {"dash", "0.5.12-2", "POSIX-compliant shell"}, {"debianutils", "5.7-0.5~deb12u1", "Miscellaneous utilities specific to Debian"},
	{"diffutils", "1:3.8-4", "File comparison utilities"}, {"dpkg", "1.21.22", "Debian package management system"}, {"findutils", "4.9.0-4", "utilities for finding files--find, xargs"}, {"grep", "3.8-5", "GNU grep, egrep and fgrep"},
	{"gzip", "1.12-1", "GNU compression utilities"}, {"hostname", "3.23+nmu1", "utility to set/show the host name or domain name"}, {"ifupdown", "0.8.41", "high level tools to configure network interfaces"}, {"init", "1.65.2", "metapackage ensuring an init system is installed"},
	{"iproute2", "6.1.0-3", "networking and traffic control tools"}, {"iptables", "1.8.9-2", "administration tools for packet filtering and NAT"}, {"iputils-ping", "3:20221126-1", "Tools to test the reachability of network hosts"}, {"less", "590-2.1~deb12u2", "pager program similar to more"},
	{"libc6", "2.36-9+deb12u9", "GNU C Library: Shared libraries"}, {"login", "1:4.13+dfsg1-1+b1", "system login tools"}, {"mawk", "1.3.4.20200120-3.1", "Pattern scanning and text processing language"}, {"mount", "2.38.1-5+deb12u1", "tools for mounting and manipulating filesystems"},
	{"nano", "7.2-1+deb12u1", "small, friendly text editor inspired by Pico"}, {"net-tools", "2.10-0.1", "NET-3 networking toolkit"}, {"openssh-server", "1:9.2p1-2+deb12u3", "secure shell (SSH) server, for secure access from remote machines"}, {"passwd", "1:4.13+dfsg1-1+b1", "change and administer password and group data"},
	{"perl-base", "5.36.0-7+deb12u1", "minimal Perl system"}, {"procps", "2:4.0.2-3", "/proc file system utilities"}, {"python3", "3.11.2-1+b1", "interactive high-level object-oriented language (default python3 version)"}, {"sed", "4.9-1", "GNU stream editor for filtering/transforming text"},
	{"sudo", "1.9.13p3-1+deb12u1", "Provide limited super user privileges to specific users"}, {"systemd", "252.31-1~deb12u1", "system and service manager"}, {"tar", "1.34+dfsg-1.2+deb12u1", "GNU version of the tar archiving utility"}, {"util-linux", "2.38.1-5+deb12u1", "miscellaneous system utilities"},
	{"vim-tiny", "2:9.0.1378-2", "Vi IMproved - enhanced vi editor - compact version"}, {"wget", "1.21.3-1+b2", "retrieves files from the web"}, {"xz-utils", "5.4.1-0.2", "XZ-format compression utilities"}, {"zlib1g", "1:1.2.13.dfsg-1", "compression library - runtime"},
}

func find(name string) (p [3]string, ok bool) {
	i := slices.IndexFunc(packages, func(p [3]string) bool { return p[0] == name })
	if i < 0 {
		return p, false
	}
	return packages[i], true
}

// dpkg lists and describes packages; it installs none.
func dpkg(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Err.Print("dpkg: error: need an action option\n\nType dpkg --help for help about installing and deinstalling packages [*];\nUse 'apt' or 'aptitude' for user-friendly package management;\n")
		return 2
	}
	verb, names := c.Args[0], c.Args[1:]
	status := 0
	switch verb {
	case "--version":
		c.Print("Debian 'dpkg' package management program version 1.21.22 (amd64).\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n")
	case "--print-architecture":
		c.Print("amd64\n")
	case "-l", "--list":
		c.Print("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n||/ Name           Version                 Architecture Description\n+++-==============-=======================-============-==================================================================\n")
		for _, p := range packages {
			if len(names) == 0 || slices.Contains(names, p[0]) {
				c.Printf("ii  %-14s %-23s %-12s %s\n", p[0], p[1], "amd64", p[2])
			}
		}
		for _, n := range names {
			if _, ok := find(n); !ok {
				c.Err.Print("dpkg-query: no packages found matching " + n + "\n")
				status = 1
			}
		}
	case "-s", "--status":
		for _, n := range names {
			p, ok := find(n)
			if !ok {
				c.Err.Print("dpkg-query: package '" + n + "' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n")
				status = 1
				continue
			}
			c.Printf("Package: %s\nStatus: install ok installed\nPriority: important\nArchitecture: amd64\nVersion: %s\nDescription: %s\n", p[0], p[1], p[2])
		}
	case "-S", "--search":
		for _, n := range names {
			if p, ok := find(program.Base("/" + n)); ok {
				c.Print(p[0] + ": " + n + "\n")
				continue
			}
			c.Err.Print("dpkg-query: no path found matching pattern " + n + "\n")
			status = 1
		}
	case "--get-selections":
		for _, p := range packages {
			c.Printf("%-47s install\n", p[0]+strings.Repeat("\t", 1))
		}
	case "-i", "--install", "-r", "--remove", "-P", "--purge":
		if c.User.UID != 0 {
			c.Err.Print("dpkg: error: requested operation requires superuser privilege\n")
			return 2
		}
		for _, n := range names {
			if _, err := c.View().Stat(c.Path(n)); err != nil && strings.HasPrefix(verb, "-i") {
				c.Err.Print("dpkg: error: cannot access archive '" + n + "': No such file or directory\n")
			} else if strings.HasPrefix(verb, "-i") {
				c.Err.Print("dpkg-deb: error: '" + n + "' is not a Debian format archive\ndpkg: error processing archive " + n + " (--install):\n dpkg-deb --control subprocess returned error exit status 2\nErrors were encountered while processing:\n " + n + "\n")
			} else {
				c.Err.Print("dpkg: warning: ignoring request to remove " + n + " which isn't installed\n")
				continue
			}
			status = 1
		}
	default:
		c.Err.Print("dpkg: error: unknown option " + verb + "\n\nType dpkg --help for help about installing and deinstalling packages [*];\nUse 'apt' or 'aptitude' for user-friendly package management;\n")
		return 2
	}
	return status
}

// aptCache looks into what is known of packages.
func aptCache(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Print("apt 2.6.1 (amd64)\nUsage: apt-cache [options] command\n       apt-cache [options] show pkg1 [pkg2 ...]\n")
		return 0
	}
	status := 0
	for _, n := range c.Args[1:] {
		p, ok := find(n)
		switch {
		case c.Args[0] == "policy" && ok:
			c.Print(n + ":\n  Installed: " + p[1] + "\n  Candidate: " + p[1] + "\n  Version table:\n *** " + p[1] + " 500\n        500 http://deb.debian.org/debian bookworm/main amd64 Packages\n        100 /var/lib/dpkg/status\n")
		case c.Args[0] == "search":
			for _, p := range packages {
				if strings.Contains(p[0], n) || strings.Contains(p[2], n) {
					c.Print(p[0] + " - " + p[2] + "\n")
				}
			}
		case c.Args[0] == "show" && ok:
			c.Print(fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nDescription: %s\n", p[0], p[1], p[2]))
		case c.Args[0] == "policy":
			c.Err.Print("N: Unable to locate package " + n + "\n")
		default:
			c.Err.Print("N: Unable to locate package " + n + "\nE: No packages found\n")
			status = 100
		}
	}
	return status
}
