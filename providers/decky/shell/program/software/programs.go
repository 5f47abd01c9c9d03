// Package software holds the package managers.
package software

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"apt": apt, "apt-get": apt, "apt-cache": aptCache, "dpkg": dpkg, "dpkg-query": dpkg,
	}
}
