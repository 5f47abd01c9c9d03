package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
)

var (
	_ providers.Examiner[deckyState]   = (*deckies)(nil)
	_ providers.Examiner[serviceState] = (*services)(nil)
)

// Bounds of single exhibits; the rest is cut off at its beginning.
const (
	journalTail = 256 << 10
	logTail     = 64 << 10
	maxFile     = 256 << 10
	maxListed   = 4096 // entries of a store's listing
)

// Examine keeps the decky as it is, the end of its journal, its sockets and so
// its sessions, what is served of it, its links, routes and rules, the
// supervisor's last words, and what clients wrote, the newest first.
func (h *deckies) Examine(ctx context.Context, have deckyState, keep func(providers.Exhibit) error) error {
	if err := errors.Join(privileged(), checkName(have.Name)); err != nil {
		return err
	}
	d := h.p.dirs(have.Lineage)
	e := &examination{ctx: ctx, keep: keep}
	now, err := h.Read(ctx, have)
	if err != nil {
		e.miss("state", err)
		now = have
	}
	e.json("state", now)
	e.file("journal", "application/x-ndjson", journal(d, have.Name, nil))
	inside := pin(d, have.Name)
	if _, err := namespace.Inode(inside); err == nil {
		e.text("sockets", within(inside, sockets(nil)))
	}
	if status, err := h.p.statuses.of(ctx, h.p.client(have.Lineage)); err != nil {
		e.miss("served", err)
	} else {
		status.Units = slices.DeleteFunc(slices.Clone(status.Units), func(u supervise.UnitStatus) bool { return u.Decky != have.Name })
		e.json("served", status)
	}
	if _, err := namespace.Inode(inside); err == nil {
		e.text("links", within(inside, links))
		e.text("rules", within(inside, egress.Describe))
		e.text("sysctls", within(inside, func() (string, error) { return strange(sysctls(have.Config)), nil }))
	} else {
		e.text("links", func() (string, error) { return "the namespace is gone\n", nil })
	}
	e.file("log", "", tailOf(filepath.Dir(d.Log()), filepath.Base(d.Log()), logTail))
	e.store(d, have.Name)
	return e.end()
}

// Examine keeps the service as it is, the end of its journal, the sockets on its
// ports, and the supervisor's last words.
func (h *services) Examine(ctx context.Context, have serviceState, keep func(providers.Exhibit) error) error {
	if err := errors.Join(privileged(), checkName(have.Config.Decky), checkName(have.Config.Name)); err != nil {
		return err
	}
	d := h.p.dirs(have.Lineage)
	e := &examination{ctx: ctx, keep: keep}
	now := have
	status, err := h.p.statuses.of(ctx, h.p.client(have.Lineage))
	r, recordErr := h.record(have)
	if err = errors.Join(err, recordErr); err != nil {
		e.miss("state", err)
	} else {
		now = h.p.stateOf(r, have.Lineage, index(status), status.Image)
	}
	e.json("state", now)
	e.file("journal", "application/x-ndjson", journal(d, have.Config.Decky, func(line []byte) bool {
		var event struct {
			Service string `json:"service"`
		}
		return json.Unmarshal(line, &event) == nil && event.Service == have.Config.Name
	}))
	status.Units = slices.DeleteFunc(slices.Clone(status.Units), func(u supervise.UnitStatus) bool { return u.Key != have.key() })
	e.json("served", status)
	if inside := pin(d, have.Config.Decky); e.ok() {
		if _, err := namespace.Inode(inside); err == nil {
			ports := map[uint16]bool{}
			for _, port := range have.Config.Ports {
				ports[port.Number] = true
			}
			e.text("sockets", within(inside, sockets(ports)))
		}
	}
	e.file("log", "", tailOf(filepath.Dir(d.Log()), filepath.Base(d.Log()), logTail))
	return e.end()
}

// recent is how old what the supervisor says may be, where many services are
// examined at once: it tells of all whenever it is asked.
const recent = 200 * time.Millisecond

// statuses remembers, for a moment, what supervisors said.
type statuses struct {
	mu   sync.Mutex
	last map[*supervise.Client]said
}

type said struct {
	status supervise.Status
	at     time.Time
}

// of is what a supervisor says, or said a moment ago; the caller changes nothing
// in it.
func (s *statuses) of(ctx context.Context, c *supervise.Client) (supervise.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[c]; ok && time.Since(last.at) < recent {
		return last.status, nil
	}
	status, err := c.Status(ctx)
	if err != nil {
		return status, err
	}
	s.last = map[*supervise.Client]said{c: {status, time.Now()}}
	return status, nil
}

// examination collects exhibits until something ends it.
type examination struct {
	ctx    context.Context //nolint:containedctx // of one call
	keep   func(providers.Exhibit) error
	kept   int
	bytes  int
	ended  error // keep failed, or ctx ended
	missed []error
}

// ok tells whether more is wanted.
func (e *examination) ok() bool {
	if e.ended == nil {
		e.ended = e.ctx.Err()
	}
	return e.ended == nil && e.kept < providers.MaxExhibits && e.bytes < providers.MaxExamination
}

func (e *examination) miss(what string, err error) {
	e.missed = append(e.missed, fmt.Errorf("examine %s: %w", what, err))
}

func (e *examination) end() error { return errors.Join(append(e.missed, e.ended)...) }

func (e *examination) add(x providers.Exhibit) {
	if !e.ok() {
		return
	}
	limit := min(providers.MaxExhibit, providers.MaxExamination-e.bytes)
	if len(x.Data) > limit {
		x.Data, x.Truncated = x.Data[:limit], true
	}
	if e.ended = e.keep(x); e.ended == nil {
		e.kept++
		e.bytes += len(x.Data)
	}
}

func (e *examination) json(name string, v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		e.miss(name, err)
		return
	}
	e.add(providers.Exhibit{Name: name, Media: "application/json", Data: data})
}

func (e *examination) text(name string, read func() (string, error)) {
	if !e.ok() {
		return
	}
	text, err := read()
	if err != nil {
		e.miss(name, err)
	}
	if text != "" {
		e.add(providers.Exhibit{Name: name, Data: []byte(text)})
	}
}

// file keeps what read returns, if there is anything.
func (e *examination) file(name, media string, read func() (data []byte, cut bool, err error)) {
	if !e.ok() {
		return
	}
	data, cut, err := read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.miss(name, err)
	}
	if len(data) > 0 {
		e.add(providers.Exhibit{Name: name, Media: media, Data: data, Truncated: cut})
	}
}

// within runs read in a namespace.
func within(path string, read func() (string, error)) func() (string, error) {
	return func() (text string, err error) {
		err = namespace.Do(path, func() (err error) {
			text, err = read()
			return err
		})
		return text, err
	}
}

// links lists the links, addresses and routes of the calling thread's namespace.
func links() (string, error) {
	h, err := link.Open()
	if err != nil {
		return "", err
	}
	defer h.Close()
	var text strings.Builder
	all, err := h.Dump()
	for _, l := range all {
		state := "down"
		if l.Up {
			state = "up"
		}
		fmt.Fprintf(&text, "link %d %s %s %s %s %q\n", l.Index, l.Name, l.Kind, l.MAC, state, l.Addrs)
	}
	routes, routesErr := h.AllRoutes()
	for _, r := range routes {
		fmt.Fprintf(&text, "route %s\n", r)
	}
	return text.String(), errors.Join(err, routesErr)
}

// strange lists the sysctls that are not as they should be.
func strange(want map[string]string) string {
	var lines []string
	for name, value := range want {
		if have, err := link.ReadSysctl(name); err != nil {
			lines = append(lines, fmt.Sprintf("%s: %v\n", name, err))
		} else if have != value {
			lines = append(lines, fmt.Sprintf("%s = %s (should be %s)\n", name, have, value))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// tailOf reads the last limit bytes of a regular file, from the beginning of a
// line.
func tailOf(dir, name string, limit int64) func() ([]byte, bool, error) {
	return func() ([]byte, bool, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, false, err
		}
		defer root.Close()
		data, cut, err := readEnd(root, name, limit)
		if cut {
			data = data[bytes.IndexByte(data, '\n')+1:]
		}
		return data, cut, err
	}
}

// readEnd reads the last limit bytes of a regular file below root; links are
// not followed. cut tells that there was more before.
func readEnd(root *os.Root, name string, limit int64) (data []byte, cut bool, err error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s is no regular file", name)
	}
	from := max(0, info.Size()-limit)
	data, err = io.ReadAll(io.NewSectionReader(f, from, limit))
	return data, from > 0, err
}

// journal reads the end of a decky's journal: the lines that want takes, or all.
func journal(d supervise.Dirs, name string, want func(line []byte) bool) func() ([]byte, bool, error) {
	return func() ([]byte, bool, error) {
		root, err := openBelow(d.Journal(), name)
		if err != nil {
			return nil, false, err
		}
		defer root.Close()
		entries, err := fs.ReadDir(root.FS(), ".")
		if err != nil {
			return nil, false, err
		}
		var segments []string // the newest first
		for _, entry := range slices.Backward(entries) {
			if entry.Type().IsRegular() && strings.HasSuffix(entry.Name(), ".ndjson") {
				segments = append(segments, entry.Name())
			}
		}
		var data []byte
		cut := len(segments) > 2
		for _, segment := range segments[:min(2, len(segments))] {
			if len(data) >= journalTail {
				cut = true
				break
			}
			part, more, err := readEnd(root, segment, journalTail-int64(len(data)))
			if err != nil {
				return data, cut, err
			}
			data = append(part, data...)
			if cut = cut || more; more {
				data = data[bytes.IndexByte(data, '\n')+1:]
				break
			}
		}
		if want == nil {
			return data, cut, nil
		}
		var chosen []byte
		for line := range bytes.Lines(data) {
			if want(line) {
				chosen = append(chosen, line...)
			}
		}
		return chosen, cut, nil
	}
}

// openBelow opens a directory that an unprivileged process could have replaced.
func openBelow(parent, name string) (*os.Root, error) {
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", name)
	}
	return root.OpenRoot(name)
}
