// Package software holds the package managers and the interpreters.
package software

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"apt": apt, "apt-get": apt, "apt-cache": aptCache, "dpkg": dpkg, "dpkg-query": dpkg, "perl": perl, "python3": python, "python3.11": python, "perl5.36.0": perl,
	}
}
