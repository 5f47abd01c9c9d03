// Package terminaltest gives tests a terminal to type on and to read from. It
// is for tests only.
package terminaltest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Expect waits.
const patience = 10 * time.Second

// Terminal is a pseudo-terminal with a person at its other end.
type Terminal struct {
	// Program is what the program under test reads and writes.
	Program *os.File
	person  *os.File
	t       testing.TB
	seen    strings.Builder
}

// New opens a terminal; the test closes it.
func New(t testing.TB) *Terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	connection, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	var failed error
	err = connection.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return &Terminal{Program: program, person: person, t: t}
}

// Type types.
func (m *Terminal) Type(text string) {
	m.t.Helper()
	if _, err := m.person.WriteString(text); err != nil {
		m.t.Fatal(err)
	}
}

// Expect reads until the text appears, and returns all that was read since the
// last time. It ends the test where the text does not come.
func (m *Terminal) Expect(text string) string {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	buffer := make([]byte, 4096)
	for !strings.Contains(m.seen.String(), text) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%q never came:\n%s", text, m.seen.String())
		}
		_ = m.person.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // a terminal takes one
		n, err := m.person.Read(buffer)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			m.t.Fatal(err)
		}
		m.seen.Write(buffer[:n])
	}
	seen := m.seen.String()
	m.seen.Reset()
	return seen
}
