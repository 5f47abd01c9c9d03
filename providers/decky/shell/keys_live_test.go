//go:build live

package shell_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// typedInJail runs an interactive shell on a terminal of the jail's own and
// types keys; the answer is what the terminal showed behind the prelude.
func (j jailed) typed() answerText {
	fail := func(what string, err error) answerText {
		return answerText{Err: []byte(what + ": " + err.Error()), Status: -1}
	}
	if err := os.MkdirAll("/dev/pts", 0o755); err != nil {
		return fail("make /dev/pts", err)
	}
	if err := syscall.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620"); err != nil {
		return fail("mount /dev/pts", err)
	}
	master, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fail("open a terminal", err)
	}
	defer master.Close()
	control := func(request uintptr, what unsafe.Pointer) error {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(what)); errno != 0 {
			return errno
		}
		return nil
	}
	var unlock, number int32
	size := [4]uint16{keysRows, keysColumns}
	for request, what := range map[uintptr]unsafe.Pointer{syscall.TIOCSPTLCK: unsafe.Pointer(&unlock), syscall.TIOCGPTN: unsafe.Pointer(&number), syscall.TIOCSWINSZ: unsafe.Pointer(&size)} {
		if err := control(request, what); err != nil {
			return fail("set the terminal up", err)
		}
	}
	path := "/dev/pts/" + strconv.Itoa(int(number))
	if err := os.Chown(path, jailUser, jailUser); err != nil {
		return fail("give the terminal away", err)
	}
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fail("open the terminal's other side", err)
	}
	defer slave.Close()
	command := exec.Command(j.Argv[0], j.Argv[2:]...)
	command.Args[0] = j.Argv[1]
	command.Dir = caseDir
	command.Env = append(append([]string{}, j.Env...), "TERM="+keysTerm, "HISTFILE=/dev/null")
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: jailUser, Gid: jailUser}, Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		return fail("start the shell", err)
	}
	shown := &screen{}
	go func() {
		_, _ = shown.all.ReadFrom(readerFunc(func(p []byte) (int, error) {
			n, err := master.Read(p)
			shown.mu.Lock()
			shown.last = time.Now()
			shown.mu.Unlock()
			return n, err
		}))
	}()
	shown.settle(400 * time.Millisecond)
	_, _ = master.WriteString(keysPrelude)
	before := len(shown.settle(200 * time.Millisecond))
	for _, key := range j.Keys {
		_, _ = master.WriteString(key)
		quiet := 25 * time.Millisecond
		if strings.ContainsAny(key, "\r\x03\x04\x1a\t") {
			quiet = 150 * time.Millisecond
		}
		shown.settle(quiet)
	}
	text := shown.settle(250 * time.Millisecond)
	_ = command.Process.Kill()
	_ = command.Wait()
	return answerText{Out: []byte(text[before:])}
}

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestKeysAreWhatTheMachineShows types the keys of every case into the real
// shells: what is recorded is what their terminals show.
func TestKeysAreWhatTheMachineShows(t *testing.T) {
	for path, d := range keyFiles() {
		jailRoots.of(t, d)
		t.Run(d.name, func(t *testing.T) {
			f := readCases(t, path)
			inner := d
			inner.shell = map[string][]string{"bash": {"/bin/bash", "-bash", "--norc", "--noprofile", "-i"}, "ash": {"/bin/busybox", "-sh", "-i"}}[d.name]
			var jails sync.WaitGroup
			room := make(chan struct{}, 6)
			for i, c := range f.cases {
				room <- struct{}{}
				jails.Go(func() {
					defer func() { <-room }()
					v := inJail(t, d, jailed{Argv: inner.shell, Setup: f.setup, SetupArgv: d.shell, Keys: keysOf(t, c.script)})
					got := plainPaths(string(v.Script.Out))
					if v.Script.Status != 0 {
						t.Error(string(v.Script.Err))
						return
					}
					switch {
					case *update:
						f.cases[i].answer.stdout = got
					case got != c.answer.stdout:
						t.Errorf("%s\n the machine shows %q\n recorded is      %q", c.script, got, c.answer.stdout)
					}
				})
			}
			jails.Wait()
			if *update {
				if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
