package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestTheRemedyNamesTheSwitch(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"debian": {map[string]string{"kernel/unprivileged_userns_clone": "0\n"}, "sysctl -w kernel.unprivileged_userns_clone=1"},
		"ubuntu": {map[string]string{"kernel/unprivileged_userns_clone": "1\n", "kernel/apparmor_restrict_unprivileged_userns": "1\n"}, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		"none":   {map[string]string{"user/max_user_namespaces": "0\n"}, "sysctl -w user.max_user_namespaces="},
		"no net": {map[string]string{"user/max_user_namespaces": "9\n", "user/max_net_namespaces": "0\n"}, "sysctl -w user.max_net_namespaces="},
		"other":  {map[string]string{"user/max_user_namespaces": "9\n"}, "--security-opt"},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := remedy(dir); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMaps(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "map")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ranges, err := readMap(file("         0       1000          1\n 1900000000     100000      65536\n"))
	want := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1900000000, HostID: 100000, Size: 65536}}
	if diff := cmp.Diff(want, ranges); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if !maps(ranges, 1900000000, 65536) || maps(ranges, 1900000000, 65537) || maps(ranges, 0, 2) || maps(nil, 0, 1) {
		t.Error("maps is wrong about what is in them")
	}
	ranges, err = whole(file("0 1000 1\n"))
	if diff := cmp.Diff([]syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}, ranges); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"0 0\n", "a b c\n", "0 0 -1\n", "0 0 99999999999\n"} {
		if ranges, err := readMap(file(bad)); err == nil {
			t.Errorf("%q: %v", bad, ranges)
		}
	}
}

func TestEnteringOutsideIsRefused(t *testing.T) {
	if Inside() {
		t.Fatal("the test runs in a sandbox")
	}
	t.Setenv(Variable, "{}")
	if _, _, err := Enter(t.Context()); err == nil || !strings.Contains(err.Error(), "first process") {
		t.Errorf("%v", err)
	}
	t.Setenv(Variable, "x")
	if _, _, err := Enter(t.Context()); err == nil {
		t.Error("nonsense is taken")
	}
}

func TestForbids(t *testing.T) {
	for err, want := range map[error]bool{unix.EPERM: true, unix.ENOSPC: true, unix.EUSERS: true, unix.EACCES: true, unix.ENOENT: false, errors.New("x"): false} {
		if forbids(err) != want {
			t.Errorf("%v: %t", err, !want)
		}
	}
	e := &ForbiddenError{Err: unix.EPERM, Remedy: "do this"}
	if !errors.Is(e, unix.EPERM) || !strings.Contains(e.Error(), "do this") {
		t.Error(e)
	}
}

func TestGivenIDs(t *testing.T) {
	for text, want := range map[string]int{
		"root:1:65536\nme:100000:65536\n": 100000, "1000:5:70000": 5, "me:100000:65535": -1, "you:1:65536": -1, "me:x:65536": -1, "me:1": -1, "": -1,
		"me:1:10\nme:300000:65536\n": 300000,
	} {
		first, ok := given(text, []string{"1000", "me"})
		if ok != (want >= 0) || ok && first != want {
			t.Errorf("%q: %d, %t; want %d", text, first, ok, want)
		}
	}
	want := []string{"0", "1000", "1", "1900000000", "100000", "65536"}
	if diff := cmp.Diff(want, mapOf(1000, 100000)); diff != "" {
		t.Error(diff)
	}
}
