package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers"
)

// Bounds of what is read on this host. All of it may be an attacker's.
const (
	maxTasks     = 500
	maxCommand   = 1 << 10 // bytes of a command line
	maxSockets   = 2000
	maxListed    = 2000 // entries of a directory tree
	maxDepth     = 16
	keptFiles    = 40      // whole files
	keptFile     = 1 << 20 // bytes of each
	keptBytes    = 8 << 20 // of all
	maxNameShown = 300
)

// tasks lists the processes of a container, or all in its network namespace.
func (k kernel) tasks(ctx context.Context, id string, shared bool) ([]byte, bool, error) {
	pids, err := k.processes()
	if err != nil || pids[id] == 0 {
		return nil, false, err
	}
	home, err := k.netns(pids[id])
	if err != nil {
		return nil, false, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, false, fmt.Errorf("list processes: %w", err)
	}
	var out bytes.Buffer
	count := 0
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if ctx.Err() != nil {
			return out.Bytes(), true, ctx.Err()
		}
		cgroup, err := os.ReadFile("/proc/" + e.Name() + "/cgroup")
		if err != nil {
			continue // ended meanwhile
		}
		owner := containerOf(cgroup)
		if owner != id {
			if !shared {
				continue
			}
			if namespace, err := k.netns(pid); err != nil || namespace != home {
				continue
			}
		}
		if count++; count > maxTasks {
			return out.Bytes(), true, nil
		}
		out.WriteString(taskLine(pid, owner))
	}
	return out.Bytes(), false, nil
}

// taskLine describes one process.
func taskLine(pid int, owner string) string {
	root := "/proc/" + strconv.Itoa(pid)
	state, parent := "?", "?"
	if fields := processStat(pid); len(fields) > 1 {
		state, parent = fields[0], fields[1]
	}
	var st syscall.Stat_t
	_ = syscall.Stat(root, &st) // of a process that ended: 0
	program, _ := os.Readlink(root + "/exe")
	command, _ := readUpTo(root+"/cmdline", maxCommand)
	container := "no container"
	if owner != "" {
		container = short(owner)
	}
	return fmt.Sprintf("pid=%d parent=%s uid=%d state=%s age=%s container=%q exe=%q cmd=%q\n",
		pid, parent, st.Uid, state, age(pid).Round(time.Millisecond), container, limited(program), strings.TrimRight(string(command), "\x00"))
}

func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// sockets lists the sockets of a container's network namespace.
func (k kernel) sockets(ctx context.Context, id string) ([]byte, bool, error) {
	pids, err := k.processes()
	if err != nil || pids[id] == 0 {
		return nil, false, err
	}
	var out bytes.Buffer
	count := 0
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		data, err := readUpTo(fmt.Sprintf("/proc/%d/net/%s", pids[id], protocol), 4<<20)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EINVAL) {
			continue
		}
		if err != nil {
			return out.Bytes(), true, fmt.Errorf("list sockets: %w", err)
		}
		for line := range strings.Lines(string(data)) {
			text, ok := socketLine(protocol, line)
			if !ok {
				continue
			}
			if count++; count > maxSockets || ctx.Err() != nil {
				return out.Bytes(), true, ctx.Err()
			}
			out.WriteString(text)
		}
	}
	return out.Bytes(), false, nil
}

// socketStates are the states of proc(5), net/tcp (include/net/tcp_states.h).
var socketStates = map[string]string{
	"01": "established", "02": "syn-sent", "03": "syn-received", "04": "fin-wait-1", "05": "fin-wait-2", "06": "time-wait",
	"07": "closed", "08": "close-wait", "09": "last-ack", "0A": "listening", "0B": "closing", "0C": "new-syn-received",
}

// socketLine translates a line of /proc/PID/net/tcp and its like.
func socketLine(protocol, line string) (string, bool) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return "", false
	}
	local, ok := socketAddress(fields[1])
	remote, ok2 := socketAddress(fields[2])
	if !ok || !ok2 {
		return "", false
	}
	state := cmp.Or(socketStates[fields[3]], fields[3])
	return fmt.Sprintf("%-4s %-22s %-22s %-12s uid=%s\n", protocol, local, remote, state, limited(fields[7])), true
}

// socketAddress reads "0100007F:0016": words in the host's byte order.
func socketAddress(text string) (netip.AddrPort, bool) {
	ip, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(ip)
	if !ok || err != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4]) // the architectures that decnet runs on are little endian
	}
	number, err := strconv.ParseUint(port, 16, 16)
	address, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address, uint16(number)), err == nil
}

// entry is a file that a container's processes could write.
type entry struct {
	path string
	info fs.FileInfo
}

// tree lists a directory tree, no link followed, newest first. However much
// there is, it reads no more than its bounds.
func tree(ctx context.Context, root *os.Root) (found []entry, truncated bool, err error) {
	for dirs := []string{"."}; len(dirs) > 0; dirs = dirs[1:] {
		if err := ctx.Err(); err != nil {
			return found, true, err
		}
		entries, more := someOf(root, dirs[0], maxListed-len(found))
		truncated = truncated || more
		for _, d := range entries {
			info, err := d.Info()
			if err != nil {
				continue // gone meanwhile
			}
			name := path.Join(dirs[0], d.Name())
			found = append(found, entry{name, info})
			switch deep := strings.Count(name, "/") >= maxDepth; {
			case d.IsDir() && deep:
				truncated = true
			case d.IsDir():
				dirs = append(dirs, name)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b entry) int {
		return cmp.Or(b.info.ModTime().Compare(a.info.ModTime()), cmp.Compare(a.path, b.path))
	})
	return found, truncated, nil
}

// someOf are the first entries of a directory. What cannot be read has none.
func someOf(root *os.Root, dir string, limit int) (entries []fs.DirEntry, more bool) {
	if limit <= 0 {
		return nil, true
	}
	f, err := root.Open(dir)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	entries, err = f.ReadDir(limit)
	if err == nil {
		_, err = f.ReadDir(1)
	}
	return entries, err == nil
}

// openTree opens a directory that belongs to a container's user; nil if there
// is none.
func openTree(dir string) (*os.Root, error) {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	return os.OpenRoot(dir)
}

// listing describes the files of a directory tree.
func listing(ctx context.Context, dir string) ([]byte, bool, error) {
	root, err := openTree(dir)
	if err != nil || root == nil {
		return nil, false, err
	}
	defer root.Close()
	found, truncated, err := tree(ctx, root)
	var out bytes.Buffer
	for _, e := range found {
		fmt.Fprintf(&out, "%s %s %10d %s\n", e.info.Mode(), e.info.ModTime().UTC().Format(time.RFC3339Nano), e.info.Size(), shown(e.path))
	}
	return out.Bytes(), truncated, err
}

// shown is a name that an attacker chose, fit to be read.
func shown(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || len(name) > maxNameShown {
		return quoted[:min(len(quoted), maxNameShown)]
	}
	return name
}

// keepFiles keeps the newest files of a directory tree whole, within bounds.
func keepFiles(ctx context.Context, dir, prefix string, keep func(providers.Exhibit) error) error {
	root, err := openTree(dir)
	if err != nil || root == nil {
		return err
	}
	defer root.Close()
	found, _, err := tree(ctx, root)
	if err != nil {
		return err
	}
	var errs []error
	count, total := 0, int64(0)
	for _, e := range found {
		if !e.info.Mode().IsRegular() || e.info.Size() == 0 {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		if count == keptFiles || total >= keptBytes {
			break
		}
		data, truncated, err := readRegular(root, e.path, min(keptFile, keptBytes-total))
		if err != nil {
			errs = append(errs, fmt.Errorf("read %s of the store: %w", shown(e.path), err))
			continue
		}
		count, total = count+1, total+int64(len(data))
		if err := keep(providers.Exhibit{Name: prefix + shown(e.path), Media: "application/octet-stream", Data: data, Truncated: truncated}); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// readRegular reads the beginning of a file that is one: a pipe that was put in
// its place meanwhile is not waited for.
func readRegular(root *os.Root, name string, limit int64) ([]byte, bool, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, errors.New("it is no file any more")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return data, info.Size() > int64(len(data)), err
}

// journalTail is the end of the newest segment of a journal, in whole lines.
func journalTail(ctx context.Context, dir string) ([]byte, bool, error) {
	root, err := openTree(dir)
	if err != nil || root == nil || ctx.Err() != nil {
		return nil, false, err
	}
	defer root.Close()
	entries, _ := someOf(root, ".", maxListed)
	var newest string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".ndjson") && e.Type().IsRegular() {
			newest = max(newest, e.Name())
		}
	}
	if newest == "" {
		return nil, false, nil
	}
	f, err := root.OpenFile(newest, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, false, err
	}
	from := max(0, info.Size()-journalBytes)
	data, err := io.ReadAll(io.NewSectionReader(f, from, journalBytes))
	if from > 0 {
		_, data, _ = bytes.Cut(data, []byte{'\n'})
	}
	return data, from > 0 || len(entries) > 1, err
}
