package machine

import (
	"maps"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// dir is a live directory that is filled when it is looked at. Nothing that
// fills it may use the file system: it is locked. What makes content may.
type dir struct {
	m     *Machine
	mode  uint32
	uid   int
	gid   int
	files map[string]vfs.Live
}

func (m *Machine) liveDir(mode uint32) *dir {
	return &dir{m: m, mode: mode, files: map[string]vfs.Live{}}
}

// file is one whose content is made when it is opened.
func (d *dir) file(name string, content func() string) { d.special(name, 0o444, content, nil) }

// text is a file that says the same as long as the host lives.
func (d *dir) text(name, content string) {
	d.special(name, 0o444, func() string { return content }, nil)
}

// special is a file of a mode that takes what is written.
func (d *dir) special(name string, mode uint32, content func() string, write func([]byte) error) {
	d.files[name] = vfs.Live{Mode: vfs.TypeFile | mode, UID: d.uid, GID: d.gid, Time: d.m.Boot, Write: write, Content: func() []byte { return []byte(content()) }}
}

func (d *dir) link(name, target string) {
	d.files[name] = vfs.Live{Mode: vfs.TypeLink | 0o777, UID: d.uid, GID: d.gid, Time: d.m.Boot, Target: target}
}

func (d *dir) dir(name string, below *dir) { d.files[name] = below.live() }

// lazy is a directory that is filled only when somebody goes in.
func (d *dir) lazy(name string, mode uint32, fill func() *dir) {
	d.files[name] = vfs.Live{
		Mode: vfs.TypeDir | mode, UID: d.uid, GID: d.gid, Time: d.m.Boot,
		List: func() []string { return fill().names() },
		Look: func(name string) (vfs.Live, bool) { l, ok := fill().files[name]; return l, ok },
	}
}

func (d *dir) names() []string { return slices.Sorted(maps.Keys(d.files)) }

func (d *dir) live() vfs.Live {
	links := 2
	for _, f := range d.files {
		if f.Mode&vfs.TypeMask == vfs.TypeDir {
			links++
		}
	}
	return vfs.Live{
		Mode: vfs.TypeDir | d.mode, UID: d.uid, GID: d.gid, Time: d.m.Boot, Links: links, List: d.names,
		Look: func(name string) (vfs.Live, bool) { l, ok := d.files[name]; return l, ok },
	}
}

// path puts a file below directories that are made on the way, as sysctl's names
// have them.
func (d *dir) path(names string, put func(d *dir, name string), made map[string]*dir) {
	at, key := d, ""
	parts := strings.Split(names, "/")
	for _, p := range parts[:len(parts)-1] {
		key += "/" + p
		below := made[key]
		if below == nil {
			below = d.m.liveDir(0o555)
			made[key] = below
		}
		at.files[p] = below.live()
		at = below
	}
	put(at, parts[len(parts)-1])
}

// pts is /dev/pts: a terminal for each session.
func (m *Machine) pts(vfs.View) vfs.Live {
	d := m.liveDir(0o755)
	d.files["ptmx"] = vfs.Live{Mode: vfs.TypeChar, Time: m.Boot, Major: 5, Minor: 2}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.everybody() {
		if n, ok := strings.CutPrefix(l.TTY, "pts/"); ok {
			minor := 0
			for _, c := range n {
				minor = minor*10 + int(c-'0')
			}
			d.files[n] = vfs.Live{Mode: vfs.TypeChar | 0o620, UID: l.uid, GID: 5, Time: m.Now(), Major: 136, Minor: minor}
		}
	}
	return d.live()
}
