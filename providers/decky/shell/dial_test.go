package shell_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// /dev/tcp has the host's network behind it: its own ports, and nobody else.
func TestDial(t *testing.T) {
	for _, c := range []struct {
		line, out, err string
		took           time.Duration
	}{
		{"exec 3<>/dev/tcp/127.0.0.1/22 && echo open", "open\n", "", 0},
		{"exec 3<>/dev/tcp/127.0.0.1/9; echo $?", "1\n", "bash: connect: Connection refused\nbash: line 1: /dev/tcp/127.0.0.1/9: Connection refused\n", 0},
		{"cat < /dev/tcp/192.0.2.1/80; echo $?", "1\n", "bash: connect: Connection timed out\nbash: line 1: /dev/tcp/192.0.2.1/80: Connection timed out\n", 130 * time.Second},
		{"echo x > /dev/tcp/a.example/80; echo $?", "1\n", "bash: line 1: a.example: Temporary failure in name resolution\nbash: line 1: /dev/tcp/a.example/80: Invalid argument\n", 5 * time.Second},
		{"echo x > /dev/udp/192.0.2.1/53; echo $?", "0\n", "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			out, err, _ := run(t, newShell(t, "root"), c.line, "")
			if out != c.out || err != c.err || time.Since(began) != c.took {
				t.Errorf("%s: %q %q after %s", c.line, out, err, time.Since(began))
			}
		})
	}
}
