package service_test

import (
	"regexp"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// The words are systemd's 252, run on Debian 12 where no bus is needed.
func TestSystemdsTools(t *testing.T) {
	for _, c := range []struct {
		user, line, want string
		status           int
	}{
		{"root", "systemd-escape a/b-c; systemd-escape -p /tmp/x; systemd-escape -u a-b", "^a-b\\\\x2dc\ntmp-x\na/b\n$", 0},
		{"root", "systemd-escape", "^Not enough arguments.\n$", 1},
		{"root", "systemd-id128 new", "^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\n$", 0},
		{"root", "test $(systemd-id128 machine-id) = $(cat /etc/machine-id)", "^$", 0},
		{"root", "systemd-analyze calendar daily", "^  Original form: daily\nNormalized form: \\*-\\*-\\* 00:00:00\n    Next elapse: .*00:00:00 UTC\n       From now: .* left\n$", 0},
		{"root", "systemd-analyze", "^Startup finished in .*s \\(kernel\\) \\+ .*s \\(userspace\\) = .*s \n", 0},
		{"root", "systemd-analyze calendar frob", "^Failed to parse calendar specification 'frob': Invalid argument\n$", 1},
		{"root", "systemd-tmpfiles", "^You need to specify at least one of --clean, --create or --remove.\n$", 1},
		{"root", "systemd-run", "^Command line to execute required.\n$", 1},
		{"root", "systemd-run -u job sleep 600; systemctl is-active job; pgrep -x sleep | wc -l", "^active\n1\nRunning as unit: job.service\n$", 0},
		{"root", "systemd-cat -t me echo hello; journalctl -t me -o cat", "^hello\n$", 0},
		{"root", "systemd-path temporary", "^/tmp\n$", 0},
		{"root", "systemd-cgls | grep -c ssh.service", "^1\n$", 0},
		{"root", "udevadm --version", "^252\n$", 0},
		{"root", "udevadm", "^Command verb required.\n$", 1},
		{"root", "busctl list | head -1", "^NAME +PID PROCESS", 0},
		{"root", "hostnamectl set-hostname web9; cat /etc/hostname; hostnamectl hostname", "^web9\nweb9\n$", 0},
		{"admin", "hostnamectl set-hostname web9", "^Could not set static hostname: Interactive authentication required.\n$", 1},
		{"root", "hostnamectl | grep -c Operating", "^1\n$", 0},
		{"root", "timedatectl set-timezone Europe/Paris; unset TZ; timedatectl show | head -1; date +%Z | grep -c '^CES*T$'", "^Timezone=Europe/Paris\n1\n$", 0},
		{"root", "timedatectl set-timezone Nowhere", "^Failed to set time zone: Invalid or not installed time zone 'Nowhere'\n$", 1},
		{"root", "timedatectl set-ntp false; systemctl is-active systemd-timesyncd; timedatectl | grep NTP", "^inactive\n +NTP service: inactive\n$", 0},
		{"root", "localectl frob", "^Unknown command verb frob.\n$", 1},
		{"root", "loginctl list-seats | head -1", "^SEAT\n$", 0},
		{"root", "cron", "^cron: can't lock /var/run/crond.pid, otherpid may be \\d+: Resource temporarily unavailable\n$", 1},
		{"root", "rsyslogd -v | head -1", "^rsyslogd  8\\.2302\\.0 \\(aka 2023\\.02\\) compiled with:\n$", 0},
		{"root", "logrotate /nope", "^error: cannot stat /nope: No such file or directory\n$", 1},
		{"root", "update-alternatives --display nope", "^update-alternatives: error: no alternatives for nope\n$", 2},
		{"root", "dpkg-realpath /bin/ls", "^/usr/bin/ls\n$", 0},
		{"root", "dpkg-reconfigure", "^/usr/sbin/dpkg-reconfigure: please specify a package to reconfigure\n$", 1},
	} {
		out, err, status := programtest.New(t, c.user).Run(t, c.line, "")
		if got := out + err; !regexp.MustCompile(c.want).MatchString(got) || status != c.status {
			t.Errorf("%s: %s: %d %q, want %d %s", c.user, c.line, status, got, c.status, c.want)
		}
	}
}
