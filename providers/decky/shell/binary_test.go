package shell_test

import (
	"strings"
	"testing"
)

// A program's name is where it is; what lies elsewhere is what it holds.
func TestProgramsByPath(t *testing.T) {
	for _, c := range []struct{ line, out, err string }{
		{"/bin/cat nofile", "", "/bin/cat: nofile: No such file or directory\n"},
		{"/bin/ls -Y", "", "/bin/ls: invalid option -- 'Y'\nTry '/bin/ls --help' for more information.\n"},
		{"/usr/bin/free -Y 2>&1 | head -1", "/usr/bin/free: invalid option -- 'Y'\n", ""},
		{"/bin/gzip nofile", "", "gzip: nofile: No such file or directory\n"},
		{"cat nofile", "", "cat: nofile: No such file or directory\n"},
		{"cd /tmp; cp /bin/echo e; ./e hello", "hello\n", ""},
		{"cd /tmp; cp /bin/busybox b; ./b ABCD", "", "b: applet not found\n"},
		{"cd /tmp; cp /bin/busybox cat; ./cat /etc/hostname", "srv-atlas-17\n", ""},
		{"cd /tmp; cp /bin/ls l; head -c 200 l > m; chmod 755 m; (./m) 2>&1 | grep -c 'Segmentation fault      ./m$'", "1\n", ""},
		{"/etc/init.d/ssh restart", "Restarting ssh (via systemctl): ssh.service.\n", ""},
		{"/etc/init.d/ssh", "Usage: /etc/init.d/ssh {start|stop|reload|force-reload|restart|try-restart|status}\n", ""},
		{"echo x > /etc/cron; chmod 755 /etc/cron; /etc/cron", "", "/etc/cron: line 1: x: command not found\n"},
	} {
		out, err, _ := run(t, newShell(t, "root"), c.line, "")
		if out != c.out || err != c.err {
			t.Errorf("%s\n want %q %q\n  got %q %q", c.line, c.out, c.err, out, err)
		}
	}
	// What was copied is the program even where its name is another's.
	if out, _, _ := run(t, newShell(t, "root"), "cp /bin/id /tmp/ls; /tmp/ls -un", ""); strings.TrimSpace(out) != "root" {
		t.Errorf("a copy of id says %q", out)
	}
}

// What is below /proc ends: a thread is no process with threads of its own, and
// a walk over everything comes by the programs that lie behind it.
func TestWalksEnd(t *testing.T) {
	for line, want := range map[string]string{
		"ls /proc/self/task/*/ | grep -c '^task$'":                                                   "0\n",
		"find / -perm -4000 -name su 2>/dev/null":                                                    "/usr/bin/su\n",
		"find / -xdev -path '/proc/*' | wc -l; find / -xdev -name su -perm -4000":                    "0\n/usr/bin/su\n",
		"for p in $(awk '{print $2}' /proc/mounts); do ls -d $p; done | wc -l; wc -l < /proc/mounts": "",
	} {
		out, errs, _ := run(t, newShell(t, "root"), line, "")
		if want == "" {
			if a, b, _ := strings.Cut(strings.TrimSpace(out), "\n"); a != b || errs != "" {
				t.Errorf("%s: %q %q", line, out, errs)
			}
		} else if out != want {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
}
