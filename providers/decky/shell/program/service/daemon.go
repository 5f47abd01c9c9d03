package service

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// cronDaemon is cron started by hand: one runs already.
func cronDaemon(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print("cron: can't open or create /var/run/crond.pid: Permission denied\n")
		return 1
	}
	pid := newManager(c).pidOf("cron")
	if pid == 0 {
		return ask(c, "start", "cron")
	}
	c.Err.Print("cron: can't lock /var/run/crond.pid, otherpid may be " + program.Decimal(int64(pid)) + ": Resource temporarily unavailable\n")
	return 1
}

// logrotate rotates nothing by itself: the logs are of this week.
func logrotate(c *program.Call) int {
	f, files, ok := c.Parse("dfm:s:vl:", "debug=d force=f mail=:m state=:s verbose=v log=:l version=V usage=u skip-state-lock=k")
	v := strings.SplitN(packageVersion(c, "logrotate"), "-", 2)[0]
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Err.Print("logrotate " + v + "\n\n    Default mail command:       /usr/bin/mail\n    Default compress command:   /bin/gzip\n    Default uncompress command: /bin/gunzip\n    Default compress extension: .gz\n    Default state file path:    /var/lib/logrotate/status\n    ACL support:                yes\n    SELinux support:            yes\n")
		return 0
	case len(files) == 0:
		c.Err.Print("logrotate " + v + " - Copyright (C) 1995-2001 Red Hat, Inc.\nThis may be freely redistributed under the terms of the GNU General Public License\n\nUsage: logrotate [-dfv?] [-d|--debug] [-f|--force] [-m|--mail=command] [-s|--state=statefile] [-v|--verbose] [-l|--log=logfile] [--version] [-?|--help] [--usage] [OPTION...] <configfile>\n")
		return 1
	}
	for _, name := range files {
		if _, err := c.View().ReadFile(c.Path(name)); err != nil {
			c.Err.Print("error: cannot stat " + name + ": " + vfs.Text(err) + "\n")
			return 1
		}
	}
	if c.User.UID != 0 && !f.Has("d") {
		c.Err.Print("error: error creating stub state file /var/lib/logrotate/status: Permission denied\n")
		return 3
	}
	return 0
}

// rsyslogd is the log daemon started by hand.
func rsyslogd(c *program.Call) int {
	v := strings.SplitN(strings.SplitN(packageVersion(c, "rsyslog"), "-", 2)[0], "+", 2)[0]
	for _, a := range c.Args {
		switch {
		case a == "-v":
			c.Print("rsyslogd  " + v + " (aka 20" + strings.SplitN(strings.TrimPrefix(v, "8."), ".", 2)[0][:2] + "." + (strings.SplitN(strings.TrimPrefix(v, "8."), ".", 2)[0] + "02")[2:4] + ") compiled with:\n\tPLATFORM:\t\t\t\tx86_64-pc-linux-gnu\n\tPLATFORM (lsb_release -d):\t\t\n\tFEATURE_REGEXP:\t\t\t\tYes\n\tGSSAPI Kerberos 5 support:\t\tYes\n\tFEATURE_DEBUG (debug build, slow code):\tNo\n\t32bit Atomic operations supported:\tYes\n\t64bit Atomic operations supported:\tYes\n\tmemory allocator:\t\t\tsystem default\n\tRuntime Instrumentation (slow code):\tNo\n\tuuid support:\t\t\t\tYes\n\tsystemd support:\t\t\tYes\n\tConfig file:\t\t\t\t/etc/rsyslog.conf\n\tPID file:\t\t\t\t/run/rsyslogd.pid\n\tNumber of Bits in RainerScript integers: 64\n\nSee https://www.rsyslog.com for more information.\n")
			return 0
		case strings.HasPrefix(a, "-N"):
			c.Err.Print("rsyslogd: version " + v + ", config validation run (level 1), master config /etc/rsyslog.conf\nrsyslogd: End of config validation run. Bye.\n")
			return 0
		}
	}
	if pid := newManager(c).pidOf("rsyslogd"); pid > 0 && c.User.UID == 0 {
		c.Err.Print("rsyslogd: pidfile '/run/rsyslogd.pid' and pid " + program.Decimal(int64(pid)) + " already exist.\nIf you want to run multiple instances of rsyslog, you need to specify\ndifferent pid files for them (-i option).\nrsyslogd: run failed with error -3000 (see rsyslog.h or try https://www.rsyslog.com/e/3000 to learn what that number means)\n")
	}
	return 1
}
