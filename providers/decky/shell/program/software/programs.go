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
	}
}
