// Package account holds the programs that tell and change who is who: id, passwd, useradd, sudo,
// su. Secrets that are typed are recorded.
package account

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"id": id, "whoami": whoami, "logname": logname, "groups": groupsCommand, "getent": getent, "lastlog": lastlog, "chage": chage,
		"passwd": passwdCommand, "chpasswd": chpasswd, "useradd": useradd, "adduser": adduser, "addgroup": adduser, "usermod": usermod, "userdel": userdel, "deluser": userdel,
		"groupadd": groupadd, "groupdel": groupdel, "delgroup": groupdel, "groupmod": groupmod, "gpasswd": gpasswd, "chsh": chsh, "chfn": chsh,
		"sudo": sudo, "su": su, "nologin": nologin, "visudo": visudo,
	}
}
