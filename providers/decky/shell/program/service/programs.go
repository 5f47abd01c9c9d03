// Package service holds what starts services and jobs, and what asks init of
// them: systemctl and its family, cron's and at's tables, the programs of System
// V and of OpenRC. Units are files of the machine and processes of its list;
// nothing that a unit names is executed but by the simulated shell.
package service

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"crontab": crontab, "systemctl": systemctl, "journalctl": journalctl, "service": service, "invoke-rc.d": invoke, "update-rc.d": updateRC, "chkconfig": chkconfig,
		"rc-service": rcService, "rc-update": rcUpdate, "rc-status": rcStatus,
		"shutdown": shutdown, "reboot": ending, "poweroff": ending, "halt": ending, "runlevel": runlevel, "init": initProgram, "telinit": initProgram,
	}
}
