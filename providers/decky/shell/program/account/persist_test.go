package account_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

type exchange struct {
	line, input, out, err string
	status                int
}

func hold(t *testing.T, h *programtest.Host, list []exchange) {
	t.Helper()
	for _, c := range list {
		out, err, status := h.Run(t, c.line, c.input)
		if out != c.out || err != c.err || status != c.status {
			t.Errorf("%s\n want %d %q %q\n  got %d %q %q", c.line, c.status, c.out, c.err, status, out, err)
		}
	}
}

// The words are those of Debian's adduser 3.134, shadow 4.13 and sudo 1.9.13p3.
func TestDebianWords(t *testing.T) {
	h := programtest.New(t, "root")
	hold(t, h, []exchange{
		{"adduser --disabled-password --gecos '' bob", "", "Adding user `bob' ...\nAdding new group `bob' (1002) ...\nAdding new user `bob' (1002) with group `bob (1002)' ...\nCreating home directory `/home/bob' ...\nCopying files from `/etc/skel' ...\nAdding new user `bob' to supplemental / extra groups `users' ...\nAdding user `bob' to group `users' ...\n", "", 0},
		{"adduser bob", "", "", "adduser: The user `bob' already exists.\n", 1},
		{"adduser bob sudo", "", "Adding user `bob' to group `sudo' ...\nDone.\n", "", 0},
		{"adduser bob sudo", "", "", "adduser: The user `bob' is already a member of `sudo'.\n", 0},
		{"adduser bob nogrp", "", "", "adduser: The group `nogrp' does not exist.\n", 1},
		{"deluser bob sudo; id -Gn bob", "", "Removing user `bob' from group `sudo' ...\nDone.\nbob users\n", "", 0},
		{"deluser nouser", "", "", "deluser: The user `nouser' does not exist.\n", 2},
		{"adduser 'a b'", "", "", "adduser: To avoid problems, the username must not start with a\n            dash, plus sign, or tilde, and it must not contain any of the\n            following: colon, comma, slash, or any whitespace characters\n            including spaces, tabs, and newlines.\n", 1},
		{"addgroup grp", "", "Adding group `grp' (GID 1003) ...\nDone.\n", "", 0},
		{"addgroup grp", "", "", "addgroup: The group `grp' already exists.\n", 1},
		{"delgroup grp; delgroup grp", "", "Removing group `grp' ...\nDone.\n", "delgroup: The group `grp' does not exist.\n", 3},
		{"delgroup root", "", "Removing group `root' ...\n", "groupdel: cannot remove the primary group of user 'root'\ndelgroup: `/sbin/groupdel root' returned error code 8. Exiting.\n", 8},
		{"adduser carl; getent passwd carl", "x\nx\nFull\n1\n2\n3\n4\nY\n", "Adding user `carl' ...\nAdding new group `carl' (1003) ...\nAdding new user `carl' (1003) with group `carl (1003)' ...\nCreating home directory `/home/carl' ...\nCopying files from `/etc/skel' ...\nChanging the user information for carl\nEnter the new value, or press ENTER for the default\n\tFull Name []: \tRoom Number []: \tWork Phone []: \tHome Phone []: \tOther []: Is the information correct? [Y/n] Adding new user `carl' to supplemental / extra groups `users' ...\nAdding user `carl' to group `users' ...\ncarl:x:1003:1003:Full,1,2,3,4:/home/carl:/bin/bash\n", "New password: Retype new password: passwd: password updated successfully\n", 0},
		{"chage -M 90 carl; chage -l carl | tail -3", "", "Minimum number of days between password change\t\t: 0\nMaximum number of days between password change\t\t: 90\nNumber of days of warning before password expires\t: 7\n", "", 0},
		{"chage -E 2030-01-01 carl; chage -l carl | grep 'Account'", "", "Account expires\t\t\t\t\t\t: Jan 01, 2030\n", "", 0},
		{"passwd -x 30 carl; passwd -S carl | cut -d' ' -f2,4-", "", "passwd: password changed.\nP 0 30 7 -1\n", "", 0},
		{"passwd -d carl; passwd -S carl | cut -d' ' -f2", "", "passwd: password changed.\nNP\n", "", 0},
		{"passwd -u bob", "", "", "passwd: unlocking the password would result in a passwordless account.\nYou should set a password with usermod -p to unlock the password of this account.\n", 3},
		{"lastlog -u nouser", "", "", "lastlog: Unknown user or range: nouser\n", 1},
		{"su nouser", "", "", "su: user nouser does not exist or the user entry does not contain all the required fields\n", 1},
		{"runuser -u bob id; runuser", "", "uid=1002(bob) gid=1002(bob) groups=1002(bob),100(users)\n", "", 0},
		{"userdel root", "", "", "userdel: user root is currently used by process 1\n", 8},
	})
}

// What was set here is asked for here.
func TestPasswordsThatWereSetCount(t *testing.T) {
	h := programtest.New(t, "root")
	h.Run(t, "echo root:sesame | chpasswd; echo admin:mellon | chpasswd", "")
	for user, password := range map[string]string{"root": "sesame", "admin": "mellon"} {
		if decided, ok := h.Machine.Password(user, password); !decided || !ok {
			t.Errorf("%s: the next login is not held to what chpasswd set", user)
		}
	}
	admin := h.As("admin")
	hold(t, admin, []exchange{
		{"su -c 'id -un'", "sesame\n", "root\n", "Password: ", 0},
		{"su -c 'id -un'", "mellon\n", "", "Password: su: Authentication failure\n", 1},
		{"passwd", "mellon\nmellon\nmellon\nab\nab\nlongenough\nlongenough\n", "Changing password for admin.\n", "Current password: New password: Retype new password: The password has not been changed.\nNew password: Retype new password: You must choose a longer password.\nNew password: Retype new password: passwd: password updated successfully\n", 0},
		{"passwd", "mellon\n", "Changing password for admin.\n", "Current password: passwd: Authentication token manipulation error\npasswd: password unchanged\n", 10},
		{"passwd -l admin", "", "", "passwd: Permission denied.\n", 1},
		{"passwd -S root", "", "", "passwd: You may not view or modify password information for root.\n", 1},
		{"/usr/sbin/runuser -u root id", "", "", "runuser: may not be used by non-root users\n", 1},
		{"/usr/sbin/pwck", "", "", "pwck: Permission denied.\npwck: cannot lock /etc/passwd; try again later.\n", 4},
		{"newgrp sudo; sg nogrp id", "", "", "sg: group 'nogrp' does not exist\n", 1},
	})
	if out, _, _ := admin.Run(t, "sudo -S id -un", "longenough\n"); out != "root\n" {
		t.Errorf("sudo with the new password: %q", out)
	}
	h.Run(t, "userdel -f admin", "")
	if decided, ok := h.Machine.Password("admin", "longenough"); !decided || ok {
		t.Error("a removed account still lets in")
	}
}

// sudoers is read as it stands.
func TestSudoersIsRead(t *testing.T) {
	h := programtest.New(t, "root")
	h.Run(t, "useradd -m eve; echo eve:pw12345 | chpasswd", "")
	eve := h.As("eve")
	out, err, status := eve.Run(t, "sudo -S id", "pw12345\n")
	if out != "" || !strings.HasSuffix(err, "[sudo] password for eve: eve is not in the sudoers file.\n") || status != 1 {
		t.Errorf("a stranger: %d %q %q", status, out, err)
	}
	h.Run(t, "echo 'eve ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/eve", "")
	hold(t, eve, []exchange{{"sudo -n id -un", "", "root\n", "", 0}})
	if out, _, _ := eve.Run(t, "sudo -l | tail -1", ""); out != "    (ALL) NOPASSWD: ALL\n" {
		t.Errorf("sudo -l: %q", out)
	}
	hold(t, h, []exchange{
		{"echo nonsense > /tmp/s; visudo -c -f /tmp/s", "", "", "/tmp/s:1:9: syntax error\nnonsense\n        ^\n", 1},
		{"sudo -u nouser id", "", "", "sudo: unknown user nouser\nsudo: error initializing audit plugin sudoers_audit\n", 1},
	})
}

// The words are busybox 1.36's.
func TestSmallWords(t *testing.T) {
	h := programtest.New(t, "root")
	hold(t, h, []exchange{
		{"echo root:x | busybox chpasswd", "", "", "chpasswd: applet not found\n", 127},
		{"busybox passwd", "secret1!\nsecret1!\n", "Changing password for root\n", "New password: Retype password: passwd: password for root changed by root\n", 0},
		{"busybox passwd nouser", "", "", "passwd: unknown user nouser\n", 1},
		{"busybox passwd admin", "abc\nabd\n", "Changing password for admin\n", "New password: Bad password: too short\nRetype password: Passwords don't match\npasswd: password for admin is unchanged\n", 1},
	})
	if decided, ok := h.Machine.Password("root", "secret1!"); !decided || !ok {
		t.Error("busybox' passwd does not count")
	}
}
