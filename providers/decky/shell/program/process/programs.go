// Package process holds the programs that start, show and stop others: env, timeout, nohup, ps,
// top, kill and the shells as programs. It refuses to start what the machine
// has not.
package process

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"env": env, "printenv": printenv, "nohup": wrapper(0), "nice": niceProgram, "renice": renice, "chrt": chrt, "taskset": taskset, "choom": choom, "uclampset": uclampset, "prlimit": prlimit, "setsid": wrapper(0), "flock": flock, "stdbuf": stdbuf, "setarch": setarch, "linux32": setarch, "linux64": setarch, "i386": setarch, "ionice": ionice, "chroot": wrapper(1), "timeout": timeout, "which": which,
		"ps": ps, "top": top, "kill": killProgram, "pkill": pgrep, "killall": killall, "pgrep": pgrep, "pidof": pidof, "watch": watch, "usleep": usleep, "pidwait": pgrep, "skill": skill, "snice": skill, "pstree": pstree, "pmap": pmap, "pwdx": pwdx, "prtstat": prtstat, "fuser": fuser, "pslog": pslog,
		"sh": shellCommand, "bash": shellCommand, "dash": shellCommand, "rbash": shellCommand, "ash": shellCommand,
	}
}
