// Package process holds the programs that start, show and stop others: env, timeout, nohup, ps,
// top, kill and the shells as programs. It refuses to start what the machine
// has not.
package process

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"env": env, "printenv": printenv, "nohup": wrapper(0), "nice": wrapper(0), "setsid": wrapper(0), "ionice": wrapper(0), "chroot": wrapper(1), "timeout": timeout, "which": which,
		"ps": ps, "top": top, "kill": killProgram, "pkill": pgrep, "killall": killall, "pgrep": pgrep, "pidof": pidof, "watch": watch, "usleep": usleep,
		"sh": shellCommand, "bash": shellCommand, "dash": shellCommand, "rbash": shellCommand, "ash": shellCommand,
	}
}
