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
		"shutdown": shutdown, "reboot": ending, "poweroff": ending, "halt": ending, "runlevel": runlevel, "init": initProgram, "telinit": initProgram, "systemd": initProgram,
		"hostnamectl": hostnamectl, "timedatectl": timedatectl, "localectl": localectl, "loginctl": loginctl, "busctl": busctl, "udevadm": udevadm,
		"systemd-analyze": analyze, "systemd-detect-virt": detectVirt, "systemd-cgls": cgls, "systemd-cgtop": cgtop, "systemd-escape": escapeTool, "systemd-id128": id128, "systemd-run": transient, "systemd-cat": catTool, "systemd-path": pathTool, "systemd-inhibit": inhibit, "systemd-tmpfiles": tmpfiles, "systemd-delta": delta,
		"systemd-notify": simple("No status data could be sent: $NOTIFY_SOCKET was not set\n", 1), "systemd-creds": simple("No credentials passed. (i.e. $CREDENTIALS_DIRECTORY not set.)\n", 1), "systemd-mount": simple("At least one argument required.\n", 1), "systemd-umount": simple("At least one argument required.\n", 1),
		"systemd-machine-id-setup": simple("", 0), "systemd-firstboot": simple("", 0), "systemd-sysusers": simple("", 0), "systemd-tty-ask-password-agent": simple("", 0), "systemd-ask-password": simple("Too few arguments.\n", 1), "systemd-hwdb": simple("Command verb required.\n", 1), "systemd-socket-activate": simple("systemd-socket-activate: command line to execute is missing.\n", 1), "systemd-stdio-bridge": simple("", 0), "systemd-sysext": simple("", 0), "systemd-repart": simple("No partition definitions found.\n", 0), "systemd-cryptenroll": simple("No block device node specified, refusing.\n", 1),
		"cron": cronDaemon, "logrotate": logrotate, "rsyslogd": rsyslogd,
	}
}
