package ssh_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/servicetest"
)

// much is more than a window, a pipe and the room of a command's pipe hold.
const much = 4 << 20

// What a command reads flows through it, however much it is, and is not kept.
func TestMuchFlows(t *testing.T) {
	client := mustDial(t, start(t))
	data := bytes.Repeat([]byte("0123456789abcde\n"), much/16)
	sum := md5.Sum(data)
	for line, want := range map[string]string{
		"cat >/dev/null": "",
		"wc -c":          "4194304\n",
		"wc":             " 262144  262144 4194304\n",
		"md5sum":         hex.EncodeToString(sum[:]) + "  -\n",
		"cat | wc -l":    "262144\n",
		"cat":            string(data),
	} {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		session.Stdin = bytes.NewReader(data)
		got, err := session.Output(line)
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, %d bytes: %.60q", line, err, len(got), got)
		}
		_ = session.Close()
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB are held", m.HeapAlloc>>20)
	}
}

// A program without a terminal answers as data arrives.
func TestAnswersAsDataArrives(t *testing.T) {
	session, err := mustDial(t, start(t)).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, _ := session.StdinPipe()
	out, _ := session.StdoutPipe()
	if err := session.Start("cat"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(in, line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line))
		read := make(chan error, 1)
		go func() { _, err := io.ReadFull(out, got); read <- err }()
		select {
		case err := <-read:
			if err != nil || string(got) != line {
				t.Fatalf("%q, %v", got, err)
			}
		case <-time.After(servicetest.Patience):
			t.Fatalf("%q is kept", line)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(nil, session.Wait()); diff != "" {
		t.Error(strings.TrimSpace(diff))
	}
}
