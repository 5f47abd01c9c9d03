//go:build live

package jail_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

// nobody is an ordinary user without any other id.
const nobody = 65534

// TestAUserNamespaceWithOneIDKeepsEveryOtherLayer runs a worker as a test
// without root does: all that is lost is the uid of its own.
func TestAUserNamespaceWithOneIDKeepsEveryOtherLayer(t *testing.T) {
	path := probe(t)
	outside, inside, options := world(t)
	var told struct {
		Options jail.Options
		Input   json.RawMessage
	}
	var places struct{ Secret, Mine, Theirs string }
	if err := json.Unmarshal([]byte(outside), &places); err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(places.Secret)
	for dir := root; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{places.Mine, places.Theirs, filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if strings.HasPrefix(dir, root) {
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	told.Options, told.Input = options, json.RawMessage(inside)
	told.Options.Single = true
	argument, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "single", string(argument))
	one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: nobody, Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER, UidMappings: one, GidMappings: one, Pdeathsig: unix.SIGKILL,
		Credential: &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
	}
	jailed := start(t, cmd)
	if len(jailed.result) < 40 {
		t.Errorf("only %d acts were tried", len(jailed.result))
	}
	for act, failure := range jailed.result {
		// That workers of one test share directories is the layer that is off.
		may := act == "own directory" || act == "their directory"
		if (failure == "") != may {
			t.Errorf("%s inside: %q, may be done: %t", act, failure, may)
		}
	}
	checkThreads(t, child(t, jailed.cmd.Process.Pid), nobody)
}

// child is the one child of a process.
func child(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("children of %d: %q", pid, out)
	}
	return id
}
