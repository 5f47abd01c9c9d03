package account_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
	"github.com/decnet/decnet/schema/event"
)

// What is changed stays changed, as /etc/shadow, id and getent show.
func TestAccountsChangeTheFiles(t *testing.T) {
	h := programtest.New(t, "root")
	for _, c := range []struct {
		line, input, out, err string
		status                int
	}{
		{"useradd -m -s /bin/bash -G sudo eve; id eve", "", "uid=1002(eve) gid=1002(eve) groups=1002(eve),27(sudo)\n", "", 0},
		{"ls -d /home/eve; getent passwd eve", "", "/home/eve\neve:x:1002:1002::/home/eve:/bin/bash\n", "", 0},
		{"useradd eve", "", "", "useradd: user 'eve' already exists\n", 9},
		{"grep -c '^eve:!:' /etc/shadow", "", "1\n", "", 0},
		{"echo eve:secret | chpasswd; grep -c '^eve:\\$y\\$' /etc/shadow", "", "1\n", "", 0},
		{"echo nobody-here:x | chpasswd -e", "", "", "chpasswd: line 1: user 'nobody-here' does not exist\nchpasswd: error detected, changes ignored\n", 1},
		{"passwd eve", "a\na\n", "", "New password: Retype new password: passwd: password updated successfully\n", 0},
		{"passwd eve", "a\n", "", "New password: Retype new password: Password change has been aborted.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"passwd eve", "", "", "New password: Password change has been aborted.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"passwd eve", "\n\n", "", "New password: Retype new password: No password has been supplied.\nNew password: Password change has been aborted.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"passwd -S eve | cut -d' ' -f1,2,4-", "", "eve P 0 99999 7 -1\n", "", 0},
		{"passwd --stdin eve 2>&1 | head -2", "a\n", "passwd: unrecognized option '--stdin'\nUsage: passwd [options] [LOGIN]\n", "", 0},
		{"passwd eve", "a\nb\n", "", "New password: Retype new password: Sorry, passwords do not match.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"passwd -l eve; grep -c '^eve:!' /etc/shadow", "", "passwd: password changed.\n1\n", "", 0},
		{"groupadd -g 1500 crew; usermod -aG crew eve; id -nG eve", "", "eve sudo crew\n", "", 0},
		{"gpasswd -d eve crew; groups eve", "", "Removing user eve from group crew\neve : eve sudo\n", "", 0},
		{"userdel -r eve; id eve; ls -d /home/eve", "", "", "userdel: eve mail spool (/var/mail/eve) not found\nid: ‘eve’: no such user\nls: cannot access '/home/eve': No such file or directory\n", 2},
		{"userdel eve", "", "", "userdel: user 'eve' does not exist\n", 6},
		{"usermod -s /bin/false nobody-here", "", "", "usermod: user 'nobody-here' does not exist\n", 6},
		{"su - admin -c id", "", "uid=1000(admin) gid=1000(admin) groups=1000(admin),24(cdrom),25(floppy),27(sudo),29(audio),30(dip),44(video),46(plugdev),100(users),106(netdev)\n", "", 0},
		{"sudo -V | head -1; sudo whoami", "", "Sudo version 1.9.13p3\nroot\n", "", 0},
		{"id -un daemon; id -z", "", "daemon\n", "id: option --zero not permitted in default format\n", 1},
	} {
		out, err, status := h.Run(t, c.line, c.input)
		if out != c.out || err != c.err || status != c.status {
			t.Errorf("%s\n want %d %q %q\n  got %d %q %q", c.line, c.status, c.out, c.err, status, out, err)
		}
	}
}

// A user without rights changes nothing, and what is typed is recorded.
func TestSecretsAreRecorded(t *testing.T) {
	h := programtest.New(t, "admin")
	before, _, _ := h.Run(t, "cat /etc/passwd", "")
	for line, want := range map[string]string{
		"/usr/sbin/useradd eve": "useradd: Permission denied.\nuseradd: cannot lock /etc/passwd; try again later.\n",
		"sudo id":               "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n",
		"sudo -n id":            "sudo: a password is required\n",
	} {
		if _, err, status := h.Run(t, line, ""); err != want || status != 1 {
			t.Errorf("%s: %d %q", line, status, err)
		}
	}
	if after, _, _ := h.Run(t, "cat /etc/passwd", ""); after != before {
		t.Error("the accounts changed")
	}
	out, err, _ := h.Run(t, "sudo -S id -u; su -c id", "hunter2\nletmein\n")
	if out != "0\n" || !strings.Contains(err, "#3) With great power") || !strings.HasSuffix(err, "su: Authentication failure\n") {
		t.Errorf("sudo -S: %q %q", out, err)
	}
	var secrets []string
	for _, b := range h.Events {
		if a, ok := b.(*event.AuthAttempt); ok {
			secrets = append(secrets, string(a.Secret))
		}
	}
	if strings.Join(secrets, " ") != "hunter2 letmein" {
		t.Errorf("recorded: %q", secrets)
	}
}
