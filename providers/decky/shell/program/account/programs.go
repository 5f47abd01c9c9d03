// Package account holds the programs that tell and change who is who: id, passwd, useradd, sudo,
// su. Secrets that are typed are recorded, and what they change the next login
// is held to (machine.Password). It refuses to know a password that nobody set
// here.
package account

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{
		"id": id, "whoami": whoami, "logname": logname, "groups": groupsCommand, "getent": getent, "lastlog": lastlog, "faillog": faillog, "lslogins": lslogins, "chage": chage, "expiry": expiry,
		"passwd": passwdCommand, "chpasswd": chpasswd, "useradd": useradd, "adduser": adduser, "addgroup": adduser, "usermod": usermod, "userdel": userdel, "deluser": deluser, "delgroup": deluser,
		"groupadd": groupadd, "groupdel": groupdel, "groupmod": groupmod, "gpasswd": gpasswd, "groupmems": groupmems, "chsh": chsh, "chfn": chfn,
		"sudo": sudo, "su": su, "runuser": su, "newgrp": newgrp, "sg": newgrp, "nologin": nologin, "visudo": visudo, "setpriv": setpriv,
		"vipw": vipw, "vigr": vipw, "pwck": rooted(passwdFile, 4, pwck), "grpck": rooted(groupFile, 4, nothing), "pwconv": rooted(passwdFile, 5, nothing), "pwunconv": rooted(passwdFile, 5, pwunconv),
		"grpconv": rooted(groupFile, 5, nothing), "grpunconv": rooted(groupFile, 5, nothing), "newusers": rooted(passwdFile, 1, newusers), "chgpasswd": rooted(groupFile, 1, chgpasswd),
		"mesg": mesg, "wall": wall, "write": writeTo, "login": login, "sulogin": sulogin, "faillock": faillock,
	}
	watched := "This binary is not designed for running in this way\n-- the system administrator has been informed\n"
	for name, f := range map[string]program.Func{
		"unix_chkpwd": helper(watched, 4), "unix_update": helper(watched, 4), "pwhistory_helper": helper("This binary is not designed for running in this way.\n", 4), "pam_timestamp_check": helper("/usr/sbin/pam_timestamp_check must be setuid root\n", 2),
		"mkhomedir_helper": helper("Usage: /usr/sbin/mkhomedir_helper <username> [<umask> [<skeldir> [<home_mode>]]]\n", 14), "pam_getenv": helper("Usage: pam_getenv [-l] [-s] env_var\n", 255), "pam_namespace_helper": nothing,
		"sudoreplay": helper("usage: sudoreplay [-hnRS] [-d dir] [-m num] [-s num] ID\nusage: sudoreplay [-h] [-d dir] -l [search expression]\n", 1), "cvtsudoers": helper("cvtsudoers: the SUDOERS_BASE environment variable is not set and the -b option was not specified.\n", 1),
		"cppw": helper("cppw: wrong number of arguments, -h for usage\ncppw: no changes\n", 1), "cpgr": helper("cpgr: wrong number of arguments, -h for usage\ncpgr: no changes\n", 1), "agetty": helper("agetty: not enough arguments\n", 1), "getty": helper("getty: not enough arguments\n", 1),
		"update-passwd": rooted(passwdFile, 2, nothing), "pam-auth-update": rooted("/etc/pam.d", 1, nothing), "shadowconfig": rooted(passwdFile, 1, func(c *program.Call) int { c.Print("Shadow passwords are now on.\n"); return 0 }),
		"add-shell": rooted("/etc/shells", 1, nothing), "remove-shell": rooted("/etc/shells", 1, nothing), "update-shells": rooted("/etc/shells", 1, nothing),
	} {
		all[name] = f
	}
	return all
}
