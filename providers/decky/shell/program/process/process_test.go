package process_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// What ps lists is what /proc holds, number by number.
func TestPsAgreesWithProc(t *testing.T) {
	h := programtest.New(t, "root")
	out, _, _ := h.Run(t, "ps -eo pid=,ppid=,comm=,stat=,args=", "")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < 40 {
		t.Fatalf("%d processes", len(lines))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		pid, err := strconv.Atoi(f[0])
		if err != nil {
			t.Fatal(line)
		}
		if f[2] == "ps" {
			continue // it has ended
		}
		stat, _, status := h.Run(t, fmt.Sprintf("cat /proc/%d/stat; cat /proc/%d/comm", pid, pid), "")
		if status != 0 || !strings.HasPrefix(stat, fmt.Sprintf("%d (%s) %c %s ", pid, f[2], f[3][0], f[1])) || !strings.HasSuffix(stat, "\n"+f[2]+"\n") {
			t.Errorf("ps: %s\n/proc: %s", line, stat)
		}
	}
}

// A program that runs is listed while it does, under the number that $! tells,
// and ends by a signal from another program.
func TestJobsAreListed(t *testing.T) {
	h := programtest.New(t, "root")
	out, err, _ := h.Run(t, "sleep 20 & sleep 0.2; echo $!; pgrep -x sleep; ps -o stat=,args= -p $!; pkill sleep; wait; pgrep -x sleep", "")
	lines := strings.Split(out, "\n")
	if len(lines) < 3 || lines[0] != lines[1] || lines[0] == "" || lines[2] != "S    sleep 20" || len(lines) != 4 {
		t.Errorf("%q %q", out, err)
	}
	if out, _, _ := h.Run(t, "cat /proc/self/cmdline | tr '\\0' ' '", ""); out != "cat /proc/self/cmdline " {
		t.Errorf("/proc/self is %q", out)
	}
}

func TestLists(t *testing.T) {
	h := programtest.New(t, "root")
	for line, want := range map[string]string{
		"ps -ef | head -1":                 `^UID          PID    PPID  C STIME TTY          TIME CMD\n$`,
		"ps aux | head -2 | tail -1":       `^root           1  0\.0  0\.\d 102028 12040 \?        Ss   .{5}   0:03 /sbin/init\n$`,
		"ps -p 1 -o comm=":                 `^systemd\n$`,
		"ps -p 1 -l":                       `^F S   UID     PID    PPID  C PRI  NI ADDR SZ WCHAN  TTY          TIME CMD\n4 S     0       1       0  0  80   0 - 25507 -      \?        00:00:03 systemd\n$`,
		"ps p 1 j":                         `^   PPID     PID    PGID     SID TTY        TPGID STAT   UID   TIME COMMAND\n      0       1       1       1 \?             -1 Ss       0   0:03 /sbin/init\n$`,
		"ps -p 1 -o user,pid,nice,tty":     `^USER         PID  NI TT\nroot           1   0 \?\n$`,
		"ps --ppid 2 --sort -pid -o pid=":  `^ +\d+\n`,
		"ps -C sshd --no-headers -o ppid=": `^      1\n$`,
		"ps ax --forest | sed -n 2p":       `^      2 \?        S      0:00 \[kthreadd\]\n$`,
		"pstree -A -p | head -1":           `^systemd\(1\)-\+-agetty\(\d+\)\n$`,
		"top -b -n 1 | sed -n 2,7p":        `^Tasks: +\d+ total, +1 running, +\d+ sleeping, +0 stopped, +0 zombie\n%Cpu\(s\): .*\nMiB Mem : .*\nMiB Swap: .*\n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME\+ COMMAND\n$`,
		"busybox top -b -n 1 | head -4":    `^Mem: \d+K used, \d+K free, \d+K shrd, \d+K buff, \d+K cached\nCPU: .*\nLoad average: .*\n  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n$`,
		"pwdx 1":                           `^1: /\n$`,
		"pmap 1 | tail -1":                 `^ total +\d+K\n$`,
		"taskset -p 1":                     `^pid 1's current affinity mask: f+\n$`,
		"renice 5 1":                       `^1 \(process ID\) old priority 0, new priority 5\n$`,
		"pgrep -P 1 -l ssh; pidof -s sshd": `^(\d+) sshd\n\d+\n$`,
		"kill -l 9; /bin/kill -l TERM":     `^KILL\n15\n$`,
	} {
		if out, err, _ := h.Run(t, line, ""); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %q %q", line, out, err)
		}
	}
}

// The words are procps' 4.0.2, psmisc's 23.6 and util-linux' 2.38.1.
func TestComplaints(t *testing.T) {
	h := programtest.New(t, "admin")
	for _, x := range []struct {
		line, err string
		status    int
	}{
		{"ps -o foo 2>&1 >/dev/null | head -1 >&2", "error: unknown user-defined format specifier \"foo\"\n", 0},
		{"ps -p 2>&1 | head -1 >&2", "error: list of process IDs must follow -p\n", 0},
		{"ps -p x 2>&1 | head -1 >&2", "error: process ID list syntax error\n", 0},
		{"top -b -n x", "top: bad iterations argument 'x'\n", 1},
		{"pgrep", "pgrep: no matching criteria specified\nTry `pgrep --help' for more information.\n", 2},
		{"pkill cron", "pkill: killing pid 866 failed: Operation not permitted\n", 1},
		{"killall nosuch", "nosuch: no process found\n", 1},
		{"fuser /nofile", "Specified filename /nofile does not exist.\n", 1},
		{"pwdx x", "pwdx: invalid process id: x\n", 1},
		{"pwdx 1", "1: Permission denied\n", 1},
		{"prtstat 99999999", "Process with pid 99999999 does not exist.\n", 0},
		{"renice 5 1", "renice: failed to set priority for 1 (process ID): Operation not permitted\n", 1},
		{"chrt", "chrt: bad usage\nTry 'chrt --help' for more information.\n", 1},
		{"taskset", "taskset: bad usage\nTry 'taskset --help' for more information.\n", 1},
		{"choom", "choom: no PID or COMMAND specified\nTry 'choom --help' for more information.\n", 1},
		{"ionice -c 9 id", "ionice: unknown prio class 9\n", 1},
	} {
		if _, err, status := h.Run(t, x.line, ""); err != x.err || status != x.status {
			t.Errorf("%s: %d %q", x.line, status, err)
		}
	}
}

// A daemon that root ends is gone for ps, pgrep and /proc alike.
func TestKill(t *testing.T) {
	h := programtest.New(t, "root")
	out, _, _ := h.Run(t, "p=$(pgrep -x cron); kill $p; pgrep -x cron; ls -d /proc/$p 2>&1 | grep -c 'No such'; kill -9 1; ps -p 1 -o pid=", "")
	if out != "1\n      1\n" {
		t.Errorf("%q", out)
	}
}
