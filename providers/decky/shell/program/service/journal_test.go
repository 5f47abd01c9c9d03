package service_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

func TestJournal(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"journalctl -k -o cat | head -1":                             "Linux version ",
		"journalctl -u ssh -o cat":                                   "Server listening on 0.0.0.0 port 22.\n",
		"journalctl -u ssh --no-pager -o cat | tail -1":              "Started ssh.service - OpenBSD Secure Shell server.\n",
		"journalctl --since '2001-01-01' --until '2001-01-02'":       "-- No entries --\n",
		"journalctl --since nonsense":                                "Failed to parse timestamp: nonsense\n",
		"journalctl --disk-usage":                                    "take up ",
		"journalctl --list-boots":                                    "  0 ",
		"journalctl -u ssh -o json -n1":                              `"_SYSTEMD_UNIT":"ssh.service"`,
		"journalctl -n 1 -t sshd -r":                                 " sshd[",
		"journalctl -b -1":                                           "No such boot ID in journal\n",
		"journalctl -g 'listening on ::' -o cat":                     "Server listening on :: port 22.\n",
		"journalctl --rotate --vacuum-time=1s; journalctl":           "-- No entries --\n",
		"rm -rf /var/log/journal; journalctl":                        "No journal files were found.\n",
		"systemctl frob; journalctl --version | head -1; journalctl": "systemd 252",
	} {
		if got, _ := said(t, programtest.New(t, "root"), line); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", line, want, got)
		}
	}
	first, _ := said(t, h, "grep -c CMD /var/log/syslog")
	second, _ := said(t, h, "journalctl --since '7 days ago' -t CRON -o cat | grep -c CMD")
	if strings.TrimSpace(first) == "0" && strings.TrimSpace(second) == "0" {
		t.Errorf("syslog has %q jobs, the journal %q", first, second)
	}
	got, status := said(t, programtest.New(t, "admin"), "id -nG | grep -qw adm || journalctl")
	if got != "" && (status != 1 || !strings.Contains(got, "Users in groups 'adm', 'systemd-journal' can see all messages.")) {
		t.Errorf("%d %q", status, got)
	}
}
