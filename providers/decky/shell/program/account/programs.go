// Package account holds the programs that tell and change who is who: id, passwd, useradd, sudo,
// su. Secrets that are typed are recorded.
package account

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"id": id, "whoami": whoami, "groups": groupsCommand, "sudo": sudo, "su": su, "passwd": passwdCommand, "chpasswd": chpasswd, "useradd": useradd, "adduser": useradd,
	}
}
