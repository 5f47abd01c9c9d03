package service_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// said is what a line prints, both streams together, without times and numbers.
func said(t *testing.T, h *programtest.Host, line string) (string, int) {
	t.Helper()
	out, err, status := h.Run(t, line, "")
	return out + err, status
}

const evil = `printf '[Unit]\nDescription=Sys helper\n[Service]\nExecStart=/tmp/.x/m -o pool\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/evil.service`

// words are lines whose answers a real systemd gave too (252's, run with
// --root where that is possible; the others' from their sources).
func TestWordsOfSystemctl(t *testing.T) {
	for _, c := range []struct {
		distro, user, line, want string
		status                   int
	}{
		{"debian", "root", "systemctl frob", "Unknown command verb frob.\n", 1},
		{"centos7", "root", "systemctl frob", "Unknown operation 'frob'.\n", 1},
		{"debian", "root", "systemctl start", "Too few arguments.\n", 1},
		{"debian", "root", "systemctl start nope", "Failed to start nope.service: Unit nope.service not found.\n", 5},
		{"debian", "root", "systemctl stop nope", "Failed to stop nope.service: Unit nope.service not loaded.\n", 5},
		{"debian", "root", "systemctl status nope", "Unit nope.service could not be found.\n", 4},
		{"debian", "root", "systemctl enable nope", "Failed to enable unit: Unit file nope.service does not exist.\n", 1},
		{"centos7", "root", "systemctl enable nope", "Failed to execute operation: No such file or directory\n", 1},
		{"debian", "root", "systemctl is-enabled nope", "Failed to get unit file state for nope.service: No such file or directory\n", 1},
		{"fedora", "root", "systemctl is-enabled nope", "not-found\n", 4},
		{"debian", "root", "systemctl is-active ssh sshd nope", "active\nactive\ninactive\n", 0},
		{"debian", "root", "systemctl is-enabled ssh sshd getty.target", "enabled\nalias\nstatic\n", 0},
		{"debian", "root", "systemctl cat nope", "No files found for nope.service.\n", 1},
		{"debian", "root", "systemctl mask cron; systemctl start cron; systemctl unmask cron", "Created symlink /etc/systemd/system/cron.service → /dev/null.\nFailed to start cron.service: Unit cron.service is masked.\nRemoved \"/etc/systemd/system/cron.service\".\n", 0},
		{"centos7", "root", "systemctl mask crond", "Created symlink from /etc/systemd/system/crond.service to /dev/null.\n", 0},
		{"arch", "root", "systemctl mask sshd", "Created symlink '/etc/systemd/system/sshd.service' → '/dev/null'.\n", 0},
		{"debian", "root", "systemctl disable rsyslog; systemctl is-enabled rsyslog 1>&2", "Removed \"/etc/systemd/system/multi-user.target.wants/rsyslog.service\".\nRemoved \"/etc/systemd/system/syslog.service\".\ndisabled\n", 1},
		{"debian", "admin", "systemctl restart cron", "Failed to restart cron.service: Interactive authentication required.\nSee system logs and 'systemctl status cron.service' for details.\n", 1},
		{"debian", "admin", "systemctl enable cron", "Failed to enable unit: Interactive authentication required.\n", 1},
		{"debian", "admin", "systemctl daemon-reload", "Failed to reload daemon: Interactive authentication required.\n", 1},
		{"debian", "root", "systemctl get-default; systemctl is-system-running", "graphical.target\nrunning\n", 0},
		{"debian", "root", "systemctl show -p Type,Restart,UnitFileState ssh", "Type=notify\nRestart=on-failure\nUnitFileState=enabled\n", 0},
		{"debian", "root", "systemctl --user list-units", "Failed to connect to bus: No medium found\n", 1},
		{"rocky9", "root", "service sshd reload; service nope frob", "Redirecting to /bin/systemctl reload sshd.service\nThe service command supports only basic LSB actions (start, stop, restart, try-restart, reload, force-reload, status). For other actions, please try to use systemctl.\n", 2},
		{"debian", "root", "service nope start", "Failed to start nope.service: Unit nope.service not found.\n", 5},
		{"debian", "root", "runlevel", "N 5\n", 0},
		{"debian", "admin", "/sbin/reboot", "Failed to set wall message, ignoring: Interactive authentication required.\nFailed to reboot system via logind: Interactive authentication required.\nFailed to start reboot.target: Interactive authentication required.\nSee system logs and 'systemctl status reboot.target' for details.\n", 1},
		{"debian", "root", "shutdown 25:00", "Failed to parse time specification: 25:00\n", 1},
	} {
		got, status := said(t, programtest.On(t, c.distro, c.user), c.line)
		if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
			t.Errorf("%s, %s: %s (%d, want %d)\n%s", c.distro, c.user, c.line, status, c.status, diff)
		}
	}
}

// A unit that an intruder drops is enabled, started, shown and stopped, and all
// that tell of it agree.
func TestAUnitOfAnIntruder(t *testing.T) {
	h := programtest.New(t, "root")
	if got, status := said(t, h, evil+"; systemctl daemon-reload; systemctl enable --now evil"); status != 0 || got != "Created symlink /etc/systemd/system/multi-user.target.wants/evil.service → /etc/systemd/system/evil.service.\n" {
		t.Fatalf("%d %q", status, got)
	}
	got, status := said(t, h, "systemctl status evil")
	for _, want := range []string{"× evil.service - Sys helper\n", "Active: failed (Result: exit-code) since ", "(code=exited, status=203/EXEC)\n", "evil.service: Failed with result 'exit-code'.\n"} {
		if !strings.Contains(got, want) || status != 3 {
			t.Errorf("no %q in (%d)\n%s", want, status, got)
		}
	}
	got, status = said(t, h, "mkdir -p /tmp/.x; cp /bin/ls /tmp/.x/m; systemctl restart evil; systemctl status evil")
	main := regexp.MustCompile(`Main PID: (\d+) \(m\)`).FindStringSubmatch(got)
	if main == nil || status != 0 || !strings.Contains(got, "└─"+main[1]+" /tmp/.x/m -o pool\n") {
		t.Fatalf("%d\n%s", status, got)
	}
	if got, _ := said(t, h, "pgrep -f 'm -o pool'; systemctl show -p MainPID --value evil; cat /proc/"+main[1]+"/comm"); got != main[1]+"\n"+main[1]+"\nm\n" {
		t.Errorf("they say %q of %s", got, main[1])
	}
	if got, _ := said(t, h, "journalctl -u evil -o cat | tail -1"); got != "Started evil.service - Sys helper.\n" {
		t.Errorf("the journal ends with %q", got)
	}
	if got, _ := said(t, h, "systemctl stop evil; systemctl is-active evil; pgrep -f 'm -o pool'; systemctl disable evil; ls /etc/systemd/system/multi-user.target.wants | grep evil"); got != "inactive\nRemoved \"/etc/systemd/system/multi-user.target.wants/evil.service\".\n" {
		t.Errorf("afterwards %q", got)
	}
}

func TestAOneshotRuns(t *testing.T) {
	h := programtest.New(t, "root")
	said(t, h, `printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c "echo $HOME > /root/done"\n' > /etc/systemd/system/x.service`)
	if got, status := said(t, h, "systemctl start x; ls /root/done; systemctl is-active x"); got != "/root/done\nactive\n" || status != 0 {
		t.Errorf("%d %q", status, got)
	}
}

// Who asks for the number of sshd's process hears the same everywhere.
func TestTheDaemonHasOneNumber(t *testing.T) {
	for _, distro := range []string{"debian", "centos7", "ubuntu22", "rocky9", "fedora", "arch", "kali", "ubuntu20"} {
		h := programtest.On(t, distro, "root")
		for _, before := range []string{"true", "systemctl restart sshd"} {
			got, _ := said(t, h, before+"; systemctl show -p MainPID --value sshd; cat /run/sshd.pid; pgrep -o sshd; systemctl status sshd | sed -n 's/.*Main PID: \\([0-9]*\\).*/\\1/p'")
			if f := strings.Fields(got); len(f) != 4 || f[0] != f[1] || f[1] != f[2] || f[2] != f[3] {
				t.Errorf("%s after %q: %q", distro, before, got)
			}
		}
		if got, _ := said(t, h, "systemctl stop sshd; pgrep -x sshd; systemctl is-active sshd"); strings.TrimSpace(got) != "inactive" && !strings.Contains(got, "sshd.socket") {
			t.Errorf("%s: a stopped sshd: %q", distro, got)
		}
	}
}

func TestListsOfUnits(t *testing.T) {
	h := programtest.New(t, "root")
	got, _ := said(t, h, "systemctl list-units --type=service --state=running --no-legend")
	for line := range strings.Lines(got) {
		if f := strings.Fields(line); len(f) < 5 || f[1] != "loaded" || f[2] != "active" || f[3] != "running" || !strings.HasSuffix(f[0], ".service") {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(got, "  ssh.service ") || strings.Contains(got, "LOAD") {
		t.Errorf("%s", got)
	}
	for line, want := range map[string]string{
		"systemctl": "loaded units listed. Pass --all to see", "systemctl list-unit-files": "unit files listed.\n", "systemctl list-timers": "ACTIVATES\n", "systemctl list-sockets": "/run/dbus/system_bus_socket", "systemctl list-dependencies": "ssh.service",
		"systemctl --failed": "0 loaded units listed.\n", "systemctl status": "CGroup: /\n", "systemctl list-jobs": "No jobs running.\n", "systemctl --version": "systemd 252 (", "systemctl --help": "is-active",
	} {
		if got, status := said(t, h, line); !strings.Contains(got, want) || status != 0 {
			t.Errorf("%s: %d, no %q in\n%s", line, status, want, got)
		}
	}
}
