// Package software holds the package managers. What is
// installed stands in each manager's own database on the machine; what can be
// installed is a table of the archives' facts; nothing is fetched.
package software

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"apt": apt, "apt-get": apt, "apt-cache": aptCache, "apt-mark": aptMark, "apt-config": aptConfig, "apt-key": aptKey, "dpkg": dpkg, "dpkg-query": dpkg, "dpkg-deb": dpkgDeb,
		"rpm": rpm, "rpmquery": rpm, "yum": yum, "dnf": yum, "dnf-3": yum, "microdnf": yum, "apk": apk,
		"update-alternatives": alternatives, "dpkg-statoverride": override, "dpkg-realpath": realpath, "dpkg-reconfigure": reconfigure,
		"dpkg-divert": helper("dpkg-divert: warning: please specify --no-rename explicitly, the default will change to --rename in 1.20.x\ndpkg-divert: error: --add needs a single argument\n\nUse --help for help about diverting files.\n", 2), "dpkg-split": helper("dpkg-split: error: need an action option\n\nType dpkg-split --help for help.\n", 2), "dpkg-trigger": helper("dpkg-trigger: error: takes one argument, the trigger name\n\nType dpkg-trigger --help for help about this utility.\n", 2),
		"dpkg-maintscript-helper": helper("dpkg-maintscript-helper: error: missing command\n", 1), "dpkg-preconfigure": helper("Usage: dpkg-preconfigure [options] [package.deb]\n", 1), "debconf": helper("debconf: Usage: debconf [options] command [args]\n", 1), "debconf-show": helper("Usage: \n    debconf-show packagename [...] [--db=dbname]\n    debconf-show --listowners [--db=dbname]\n    debconf-show --listdbs\n", 1), "debconf-set-selections": quietly, "debconf-communicate": quietly, "debconf-escape": quietly,
		"apt-cdrom": helper("E: No CD-ROM could be auto-detected or found using the default mount point.\n", 100),
	}
}
