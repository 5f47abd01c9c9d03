//go:build live

package shell_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// jailVariable names the order that makes this test binary the init of a jail.
const jailVariable = "SHELL_TEST_JAIL"

// jailed is the order: which shell runs which scripts, in which root.
type jailed struct {
	Root   string
	Work   string   // becomes /tmp
	Argv   []string // the shell; setup and script become its last word in turn
	Setup  string
	Script string
	Env    []string
	Super  bool // the scripts are root's
	// Keys are typed into Argv on a terminal, instead of a script; SetupArgv is
	// what runs Setup then.
	Keys      []string
	SetupArgv []string
}

// verdict is what the init of a jail reports on its descriptor 3.
type verdict struct {
	Setup, Script answerText
	Trouble       string
}

type answerText struct {
	Out, Err []byte
	Status   int
}

func TestMain(m *testing.M) {
	if order := os.Getenv(jailVariable); order != "" {
		var v verdict
		if err := initJail(order, &v); err != nil {
			v.Trouble = err.Error()
		}
		_ = json.NewEncoder(os.NewFile(3, "verdict")).Encode(v)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// initJail is the first process of the jail: alone in its namespaces, it
// closes the root behind itself and runs the shell as an ordinary user.
func initJail(text string, v *verdict) error {
	var order jailed
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	if err := closeJail(order); err != nil {
		return err
	}
	for resource, limit := range map[int]uint64{syscall.RLIMIT_CPU: 10, syscall.RLIMIT_FSIZE: 8 << 20, syscall.RLIMIT_DATA: 1 << 30, syscall.RLIMIT_CORE: 0, 6 /* NPROC */ : 200} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit %d: %w", resource, err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: 4096}); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if order.Keys != nil {
		before := order
		before.Argv = order.SetupArgv
		v.Setup, v.Script = before.shell(order.Setup), order.typed()
		return nil
	}
	if order.Setup != "" {
		v.Setup = order.shell(order.Setup)
	}
	v.Script = order.shell(order.Script)
	return nil
}

// closeJail mounts what a shell needs and makes root the only tree there is.
func closeJail(order jailed) error {
	root, work := order.Root, order.Work
	at := func(path string) string { return filepath.Join(root, path) }
	steps := []func() error{
		func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return syscall.Mount(root, root, "", syscall.MS_BIND, "") },
		func() error {
			return syscall.Mount(work, at("tmp"), "", syscall.MS_BIND, "")
		},
		func() error { return syscall.Mount("none", at("dev"), "tmpfs", syscall.MS_NOSUID, "size=64k,mode=755") },
		func() error { return syscall.Mount("proc", at("proc"), "proc", syscall.MS_NOSUID, "") },
	}
	if order.Super {
		steps = append(steps, loopbackUp)
		for _, name := range ownTrees {
			steps = append(steps, func() error { return ownTree(at(name), at(name+".orig")) })
		}
	}
	for _, name := range []string{"null", "zero", "full", "urandom", "random"} {
		steps = append(steps, func() error {
			if err := os.WriteFile(at("dev/"+name), nil, 0o666); err != nil {
				return err
			}
			return syscall.Mount("/dev/"+name, at("dev/"+name), "", syscall.MS_BIND, "")
		})
	}
	steps = append(steps,
		func() error { return os.Symlink("/proc/self/fd", at("dev/fd")) },
		func() error { return os.Symlink("/proc/self/fd/0", at("dev/stdin")) },
		func() error { return os.Symlink("/proc/self/fd/1", at("dev/stdout")) },
		func() error { return os.Symlink("/proc/self/fd/2", at("dev/stderr")) },
		func() error { return os.Mkdir(at("tmp/.old"), 0o700) },
		func() error { return syscall.PivotRoot(root, at("tmp/.old")) },
		func() error { return os.Chdir("/") },
		func() error { return syscall.Unmount("/tmp/.old", syscall.MNT_DETACH) },
		func() error { return os.Remove("/tmp/.old") },
		func() error { return syscall.Sethostname([]byte(host().Hostname)) },
		func() error { return os.Mkdir(caseDir, 0o755) },
		func() error {
			if order.Super {
				return syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
			}
			return os.Chown(caseDir, jailUser, jailUser)
		},
	)
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d of closing the jail: %w", i, err)
		}
	}
	syscall.Umask(0o022)
	return nil
}

// loopbackUp has the jail's own loopback answer: nothing listens there.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}

// ownTrees are what a case of root's may write to; the rest is read only.
var ownTrees = []string{"etc", "root", "home", "var"}

// ownTree puts a tree of the case's own over dir, with what is in from.
func ownTree(dir, from string) error {
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_NOSUID, "size=4m,mode=755"); err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(from))
}

// jailUser is admin in the jail and on our machine.
const jailUser = 1000

// shell runs one script in the jail.
func (j jailed) shell(script string) answerText {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, j.Argv[0], append(append([]string{}, j.Argv[2:]...), script)...)
	command.Args[0] = j.Argv[1]
	command.Dir = caseDir
	command.Env = j.Env
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !j.Super {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: jailUser, Gid: jailUser}
	}
	command.WaitDelay = 2 * time.Second
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	status := -1
	if command.ProcessState != nil {
		status = command.ProcessState.ExitCode()
		if wait, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
			status = 128 + int(wait.Signal())
		}
	} else {
		said.WriteString("jail: " + err.Error())
	}
	return answerText{out.Bytes(), said.Bytes(), status}
}

// roots are the trees of the jails, made once: nothing but the programs of one
// dialect and their libraries.
type roots struct {
	mu   sync.Mutex
	made map[string]string
}

var jailRoots = roots{made: map[string]string{}}

// of is the root for a dialect.
func (r *roots) of(t *testing.T, d dialect) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if root, ok := r.made[d.tree]; ok {
		return root
	}
	root := jailRoot(t, d)
	r.made[d.tree] = root
	t.Cleanup(func() { // it goes with the test that made it
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.made, d.tree)
	})
	return root
}

func jailRoot(t *testing.T, d dialect) string {
	t.Helper()
	root, err := os.MkdirTemp("", "shelljail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(root, 0o755))
	for _, dir := range []string{"usr/bin", "usr/lib", "usr/sbin", "etc", "proc", "dev", "tmp", "root", "home/admin", "var", "lib64"} {
		must(os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, dir := range []string{"bin", "lib", "sbin"} {
		must(os.Symlink("usr/"+dir, filepath.Join(root, dir)))
	}
	must(os.WriteFile(filepath.Join(root, "etc/passwd"), []byte(casePasswd), 0o644))
	must(os.WriteFile(filepath.Join(root, "etc/group"), []byte(caseGroup), 0o644))
	must(os.WriteFile(filepath.Join(root, "etc/shadow"), nil, 0o640))
	must(os.Chmod(filepath.Join(root, "root"), 0o700))
	must(os.Chmod(filepath.Join(root, "home/admin"), 0o700))
	must(os.CopyFS(filepath.Join(root, "usr/lib/locale/C.utf8"), os.DirFS("/usr/lib/locale/C.utf8")))
	must(os.MkdirAll(filepath.Join(root, "usr/lib/terminfo/x"), 0o755))
	must(copyFile("/lib/terminfo/x/"+keysTerm, filepath.Join(root, "usr/lib/terminfo/x/"+keysTerm)))
	must(copyFile("/etc/inputrc", filepath.Join(root, "etc/inputrc")))
	if strings.HasPrefix(d.tree, "debian") {
		must(os.MkdirAll(filepath.Join(root, "usr/lib/file"), 0o755))
		must(copyFile("/usr/lib/file/magic.mgc", filepath.Join(root, "usr/lib/file/magic.mgc")))
		must(os.MkdirAll(filepath.Join(root, "usr/share/misc"), 0o755))
		must(os.Symlink("../../lib/file/magic.mgc", filepath.Join(root, "usr/share/misc/magic.mgc")))
	}
	libraries := map[string]bool{}
	for _, path := range d.programs(t) {
		to := filepath.Join(root, "usr/bin", filepath.Base(path))
		switch dir := filepath.Dir(path); {
		case strings.HasSuffix(dir, "/sbin"):
			to = filepath.Join(root, "usr/sbin", filepath.Base(path))
		case strings.HasSuffix(dir, "/security"):
			to = filepath.Join(root, path)
			must(os.MkdirAll(filepath.Dir(to), 0o755))
		}
		must(copyFile(path, to))
		listed, _ := exec.Command("ldd", path).Output()
		for word := range strings.FieldsSeq(string(listed)) {
			if strings.HasPrefix(word, "/") && !libraries[word] {
				libraries[word] = true
				must(os.MkdirAll(filepath.Join(root, filepath.Dir(word)), 0o755))
				must(copyFile(word, filepath.Join(root, word)))
			}
		}
	}
	for name, target := range d.links {
		_ = os.Remove(filepath.Join(root, "usr/bin", name))
		must(os.Symlink(target, filepath.Join(root, "usr/bin", name)))
	}
	if d.tree == "busybox" {
		listed, err := exec.Command(d.shell[0], "--list").Output()
		must(err)
		for name := range strings.FieldsSeq(string(listed)) {
			if name != "busybox" {
				must(os.Symlink("busybox", filepath.Join(root, "usr/bin", name)))
			}
		}
	}
	if d.root {
		must(forRoot(root))
	}
	return root
}

// rootUser is whom the machine knows the jail's root as, where a case is root's:
// nobody.
const rootUser = 200_000

// forRoot gives a tree what PAM wants, and hands it to the jail's root.
func forRoot(root string) error {
	at := func(path string) string { return filepath.Join(root, path) }
	err := errors.Join(
		os.WriteFile(at("etc/shadow"), []byte("root:*:19700:0:99999:7:::\nadmin:!:19700:0:99999:7:::\n"), 0o640),
		os.WriteFile(at("etc/login.defs"), []byte("UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nENCRYPT_METHOD YESCRYPT\nUSERGROUPS_ENAB yes\n"), 0o644),
		os.MkdirAll(at("etc/pam.d"), 0o755), os.MkdirAll(at("var/tmp"), 0o777), os.MkdirAll(at("var/run"), 0o755),
	)
	err = errors.Join(err, os.WriteFile(at("etc/hostname"), []byte(host().Hostname+"\n"), 0o644))
	for _, name := range []string{"chpasswd", "passwd", "useradd", "usermod", "userdel", "groupadd", "su", "su-l"} {
		err = errors.Join(err, os.WriteFile(at("etc/pam.d/"+name), []byte("auth sufficient pam_rootok.so\naccount required pam_permit.so\npassword [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\npassword required pam_permit.so\nsession required pam_permit.so\n"), 0o644))
	}
	for _, name := range ownTrees {
		err = errors.Join(err, os.Rename(at(name), at(name+".orig")), os.Mkdir(at(name), 0o755))
	}
	walked := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, rootUser, rootUser))
	})
	return errors.Join(err, walked)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// theirs is what the real shell of a dialect answers to one of our own cases,
// in a jail that lives as long as the case.
func theirs(t *testing.T, d dialect, setup, script string) answer {
	t.Helper()
	v := inJail(t, d, jailed{Argv: d.shell, Setup: setup, Script: script})
	return answer{plainPaths(string(v.Script.Out)), plainPaths(string(v.Script.Err)), v.Script.Status}
}

// inJail does what is ordered in a jail of its own.
func inJail(t *testing.T, d dialect, job jailed) verdict {
	t.Helper()
	work, err := os.MkdirTemp("", "shellcase")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.Chmod(work, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	var env []string
	for name, value := range d.environment() {
		env = append(env, name+"="+value)
	}
	outside := 0 // whom root of the jail is out here
	if d.root {
		outside = rootUser
		if err := os.Chown(work, outside, outside); err != nil {
			t.Fatal(err)
		}
	}
	job.Root, job.Work, job.Env, job.Super = jailRoots.of(t, d), work, env, d.root
	order, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Env = []string{jailVariable + "=" + string(order), "GOMAXPROCS=1"}
	command.ExtraFiles = []*os.File{write}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 1}, {ContainerID: 1, HostID: 100_000, Size: 65_535}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 1}, {ContainerID: 1, HostID: 100_000, Size: 65_535}},
		GidMappingsEnableSetgroups: true,
		Credential:                 &syscall.Credential{},
		Pdeathsig:                  syscall.SIGKILL,
	}
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal("the real shells run in namespaces of their own, so this test needs root: ", err)
	}
	_ = write.Close()
	var v verdict
	decoded := json.NewDecoder(read).Decode(&v)
	if err := command.Wait(); err != nil || decoded != nil || v.Trouble != "" {
		t.Fatalf("%s: jail: %v, %v, %s %s", job.Script, err, decoded, v.Trouble, said.String())
	}
	if job.Setup != "" && (v.Setup.Status != 0 || len(v.Setup.Err) > 0) {
		t.Fatalf("setup %s: %d %s", job.Setup, v.Setup.Status, v.Setup.Err)
	}
	return v
}
