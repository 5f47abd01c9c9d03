package remote_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// The far end of a copy says that it is ready, takes the file and says so.
func TestScpTakesWhatItIsSent(t *testing.T) {
	h := programtest.New(t, "root")
	for _, c := range []struct {
		line, input, out string
		status           int
	}{
		{"scp -t /tmp/one", "", "\x00", 0},
		{"scp -t /tmp/one", "C0755 3 one\nhi\n\x00", "\x00\x00\x00", 0},
		{"cat /tmp/one; stat -c %a /tmp/one", "", "hi\n755\n", 0},
		{"scp -p -t /tmp", "T1 0 1 0\nC0644 1 two\nx\x00", "\x00\x00\x00\x00", 0},
		{"cat /tmp/two", "", "x", 0},
		{"scp -t /tmp", "hello\n", "\x00\x01scp: expected control record\n", 1},
		{"scp -t /nodir/x", "C0644 1 two\nx\x00", "\x00\x00\x01scp: /nodir/x: No such file or directory\n", 1},
	} {
		if out, err, status := h.Run(t, c.line, c.input); out != c.out || err != "" || status != c.status {
			t.Errorf("%s: %d %q %q, want %d %q", c.line, status, out, err, c.status, c.out)
		}
	}
}
