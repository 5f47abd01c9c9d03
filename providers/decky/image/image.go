package image

import (
	"fmt"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Made is a file of the image whose content each host makes for itself; the
// name says which.
type Made string

// Template is a text with names of facts between @.
type Template string

// Text is a text that all hosts of the image share.
type Text string

// Joined is a text and what follows it, which fewer hosts share.
type Joined [2]Text

// maxImages bounds how many images a process keeps; more are made each time.
// Those with services hold little beside the release's own.
const maxImages, maxServed = 24, 512

// images are those that were made: pure functions of their key.
var images struct {
	sync.Mutex
	made, served map[string]*vfs.Image
}

// Of is the image of a release with its services; the hosts of a process share
// it, and images of one release share what they have in common.
func Of(r persona.Release) *vfs.Image {
	base := r
	base.Serving = ""
	images.Lock()
	defer images.Unlock()
	if images.made == nil {
		images.made, images.served = map[string]*vfs.Image{}, map[string]*vfs.Image{}
	}
	m := kept(images.made, key(base), maxImages, func() *vfs.Image { return build(base) })
	if r.Serving == "" {
		return m
	}
	return kept(images.served, key(r), maxServed, func() *vfs.Image { return extend(m, r) })
}

func key(r persona.Release) string {
	return r.Slug + "\x00" + r.Kernel + "\x00" + r.Machine + "\x00" + r.Serving
}

// kept is the image of a key, which is made and kept while there is room.
func kept(made map[string]*vfs.Image, key string, room int, build func() *vfs.Image) *vfs.Image {
	if m := made[key]; m != nil {
		return m
	}
	m := build()
	if len(made) < room {
		made[key] = m
	}
	return m
}

// builder fills an image.
type builder struct {
	r     persona.Release
	slug  string // of the table
	a     arch
	image *vfs.Image
	libs  string // where shared libraries stand
	sbin  string
	owned map[string][]string // files by package
}

// newBuilder is a builder for a release, which becomes one of those of the tables.
func newBuilder(r persona.Release) *builder {
	switch r.Family {
	case "debian", "rhel", "arch", "alpine":
	default:
		// An appliance has busybox and little else, as Alpine's base.
		r.Slug, r.Family = "alpine", "alpine"
	}
	b := &builder{r: r, slug: r.Slug, a: archOf(r.Machine), image: vfs.NewImage(), sbin: "/usr/sbin", owned: map[string][]string{}}
	switch r.Family {
	case "debian":
		b.libs = "/usr/lib/" + b.a.triplet
	case "rhel":
		b.libs = "/usr/lib64"
	case "arch":
		b.libs, b.sbin = "/usr/lib", "/usr/bin"
	default:
		b.libs = "/lib"
	}
	return b
}

func build(r persona.Release) *vfs.Image {
	b := newBuilder(r)
	b.directories()
	b.programs()
	b.daemons()
	b.libraries()
	b.kernel()
	b.documents()
	b.units()
	b.zones()
	b.certificates()
	b.terminals()
	b.configuration()
	b.databases()
	b.logs()
	b.alternatives()
	b.devices()
	return b.image
}

func (b *builder) dir(path string, mode uint32) {
	b.image.Add(vfs.Entry{Path: path, Mode: vfs.TypeDir | mode})
}

func (b *builder) link(path, target string) {
	if b.image.Lookup(path) == nil {
		b.image.Add(vfs.Entry{Path: path, Mode: vfs.TypeLink | 0o777, Target: target})
	}
}

func (b *builder) file(path string, mode uint32, source any) *vfs.Entry {
	e := vfs.Entry{Path: path, Mode: vfs.TypeFile | mode, Source: source, Size: -1}
	switch s := source.(type) {
	case *ELF:
		e.Size = s.Size
	case *Blob:
		e.Size = s.Bytes
	case Text:
		e.Size = int64(len(s))
	case Joined:
		e.Size = int64(len(s[0]) + len(s[1]))
	case Page:
		e.Size = int64(len(s.Body))
	}
	return b.image.Add(e)
}

// blob is a file without text: gzip where its name says so.
func (b *builder) blob(path string, mode uint32, size int64) *vfs.Entry {
	x := &Blob{Bytes: size, seed: b.slug + path}
	if strings.HasSuffix(path, ".gz") {
		x.Magic = gzipMagic
	}
	return b.file(path, mode, x)
}

// program is an executable of a package.
func (b *builder) executable(path string, size int64, mode uint32) *vfs.Entry {
	if size < 12_000 { // what is that small is a script
		return b.file(path, mode, script(path, size))
	}
	needed := []string{"libc.so.6"}
	if b.r.Libc == "musl" {
		needed = []string{"libc.musl-" + b.r.Machine + ".so.1"}
	}
	switch n := path[strings.LastIndexByte(path, '/')+1:]; {
	case b.r.Libc == "musl":
	case n == "ls" || n == "cp" || n == "mv" || n == "mkdir" || n == "stat" || n == "install":
		needed = append([]string{"libselinux.so.1"}, needed...)
	case n == "bash":
		needed = append([]string{"libtinfo.so.6"}, needed...)
	case n == "sshd" || n == "ssh" || n == "curl":
		needed = append([]string{"libcrypto.so.3", "libz.so.1"}, needed...)
	case strings.Contains(n, "systemd") || n == "systemctl" || n == "journalctl":
		needed = append([]string{"libsystemd-shared-252.so"}, needed...)
	}
	return b.file(path, mode, &ELF{Size: size, Needed: needed, seed: b.slug + b.r.Machine + path, machine: b.r.Machine, musl: b.r.Libc == "musl"})
}

// script is a small program of one line and comments, as long as size.
func script(path string, size int64) Text {
	name := path[strings.LastIndexByte(path, '/')+1:]
	head := "#!/bin/sh\n"
	if strings.HasPrefix(name, "py") || strings.HasPrefix(name, "yum") || strings.HasPrefix(name, "dnf") || strings.HasPrefix(name, "firewall") {
		head = "#!/usr/bin/python3\n"
	}
	text := head + fmt.Sprintf("# %s: wrapper of the distribution.\n", name)
	if pad := int(size) - len(text) - 7; pad > 0 {
		line := "# settings come from the configuration; see the manual page.\n"
		text += strings.Repeat(line, pad/len(line)) + "#" + strings.Repeat("-", max(pad%len(line)-2, 0)) + "\n"
	}
	return Text(text + "exit 0\n")
}
