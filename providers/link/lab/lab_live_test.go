//go:build live

package lab_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/providers/link/namespace"
)

func up(t *testing.T) (*lab.Lab, lab.Options) {
	t.Helper()
	name := "t" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano()%1e6, 36)
	options := lab.Options{Root: filepath.Join(t.TempDir(), "labs")}
	l, err := lab.Up(context.Background(), name, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	})
	return l, options
}

func TestTheWireCarriesPacketsAndNothingElseIsThere(t *testing.T) {
	l, options := up(t)
	again, err := lab.OpenWith(l.Name, options)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() error {
		return again.Do(lab.Attacker, func() error {
			conn, err := net.DialTimeout("tcp", lab.OperatorIP+":7", 2*time.Second)
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	if err := dial(); !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("dial without a listener: %v, want a refusal", err)
	}
	if err := again.Do(lab.Operator, func() error {
		ln, err := net.Listen("tcp", lab.OperatorIP+":7")
		if err == nil {
			t.Cleanup(func() { ln.Close() })
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := dial(); err != nil {
		t.Fatalf("dial over the wire: %v", err)
	}
	out, err := again.Command(t.Context(), lab.Operator, "sh", "-c", "ls /sys/class/net /proc/sys/net/ipv4/conf; echo $DECNET_DATA_DIR; echo $DECNET_RUN_DIR").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"op0", l.DataDir(), l.RunDir()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	inode, err := namespace.Current()
	if err != nil {
		t.Fatal(err)
	}
	if inside, err := namespace.Inode(l.Namespace(lab.Operator)); err != nil || inside == inode {
		t.Errorf("the lab's namespace is our own: %d, %v", inside, err)
	}
}

func TestDownLeavesNothing(t *testing.T) {
	l, options := up(t)
	sleeper := l.Command(t.Context(), lab.Operator, "sh", "-c", "setsid sleep 300 & echo $!; exec sleep 300")
	out, err := sleeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 16)
	n, err := out.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		t.Fatal(err)
	}
	bystander := l.Command(t.Context(), lab.Operator, "true")
	if err := bystander.Run(); err != nil {
		t.Fatal(err)
	}
	mounted := filepath.Join(l.RunDir(), "x", "ns")
	if err := namespace.Create(mounted, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Down(); err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Wait(); err == nil {
		t.Error("the lab's process ended by itself")
	}
	if err := unix.Kill(orphan, 0); err == nil {
		if state, _ := os.ReadFile("/proc/" + strconv.Itoa(orphan) + "/status"); !strings.Contains(string(state), "zombie") {
			t.Errorf("process %d is still there", orphan)
		}
	}
	for _, path := range []string{l.Dir, l.Namespace(lab.Operator), l.Namespace(lab.Attacker)} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), l.Name) {
		t.Error("a mount is left over")
	}
	if err := lab.Down(l.Name, options); err != nil {
		t.Errorf("second Down: %v", err)
	}
	if _, err := lab.OpenWith(l.Name, options); !errors.Is(err, lab.ErrNone) {
		t.Errorf("Open after Down: %v", err)
	}
}

func TestForeignNamespacesAreRefused(t *testing.T) {
	l, options := up(t)
	if _, err := lab.Up(t.Context(), l.Name, options); err == nil {
		t.Fatal("a second Up succeeded")
	}
	// Somebody replaces a namespace of ours by one of his own.
	path := l.Namespace(lab.Attacker)
	if err := namespace.Delete(path); err != nil {
		t.Fatal(err)
	}
	if err := namespace.Create(path, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespace.Delete(path); err != nil {
			t.Error(err)
		}
	})
	if _, err := lab.OpenWith(l.Name, options); err == nil {
		t.Error("Open accepted a foreign namespace")
	}
	if err := l.Command(t.Context(), lab.Attacker, "true").Run(); err == nil {
		t.Error("a command ran in a foreign namespace")
	}
	if err := l.Down(); err != nil {
		t.Fatal(err)
	}
	if _, err := namespace.Inode(path); err != nil {
		t.Errorf("Down removed a foreign namespace: %v", err)
	}
}

func TestNamesAreChecked(t *testing.T) {
	for _, name := range []string{"", "-a", "A", "../x", "a/b", strings.Repeat("a", 25)} {
		if _, err := lab.Up(t.Context(), name, lab.Options{Root: t.TempDir()}); err == nil {
			t.Errorf("Up(%q) succeeded", name)
		}
	}
}
