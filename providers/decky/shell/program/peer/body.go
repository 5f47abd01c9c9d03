package peer

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Bounds of what a download holds: it has to fit into the host's quota.
const (
	minProgram = 31_000
	maxProgram = 142_000
	maxArchive = 420_000
)

// machineOf are processors as names of samples have them, the more exact first,
// with ELF's e_machine, class and order (gABI chapter 4; e_flags of each psABI).
var machineOf = []struct {
	word    string
	machine uint16
	wide    bool
	big     bool
	flags   uint32
}{
	{"x86_64", 62, true, false, 0}, {"x86-64", 62, true, false, 0}, {"amd64", 62, true, false, 0}, {"x64", 62, true, false, 0}, {"64bit", 62, true, false, 0},
	{"aarch64", 183, true, false, 0}, {"arm64", 183, true, false, 0}, {"armv8", 183, true, false, 0},
	{"i686", 3, false, false, 0}, {"i586", 3, false, false, 0}, {"i486", 3, false, false, 0}, {"i386", 3, false, false, 0}, {"x86", 3, false, false, 0}, {"x32", 3, false, false, 0}, {"32bit", 3, false, false, 0},
	{"mipsel", 8, false, false, 0x1007}, {"mpsl", 8, false, false, 0x1007}, {"mipsle", 8, false, false, 0x1007}, {"mips", 8, false, true, 0x1007},
	{"armv7", 40, false, false, 0x05000400}, {"arm7", 40, false, false, 0x05000400}, {"armv6", 40, false, false, 0x05000200}, {"arm6", 40, false, false, 0x04000002}, {"armv5", 40, false, false, 0x04000002}, {"arm5", 40, false, false, 0x04000002}, {"armv4", 40, false, false, 0x202}, {"arm4", 40, false, false, 0x202}, {"arm", 40, false, false, 0x202},
	{"powerpc", 20, false, true, 0}, {"ppc", 20, false, true, 0}, {"m68k", 4, false, true, 0}, {"68k", 4, false, true, 0}, {"superh", 42, false, false, 9}, {"sh4", 42, false, false, 9}, {"sparc", 2, false, true, 0}, {"spc", 2, false, true, 0}, {"arc", 195, false, false, 0x0406}, {"riscv", 243, true, false, 5},
}

// content is what lies at an URL by its name, and its media type.
func (w World) content(u *url.URL) (body []byte, media string) {
	name := strings.ToLower(path.Base("/" + u.Path))
	seed := strings.ToLower(u.Host) + u.Path
	ext := path.Ext(name)
	switch {
	case u.Path == "" || u.Path == "/":
		return index(u.Hostname()), "text/html"
	case strings.HasSuffix(u.Path, "/"):
		return listing(u.Path), "text/html;charset=UTF-8"
	}
	switch ext {
	case ".sh", ".bash", ".py", ".pl":
		kind := map[string]string{".py": "text/x-python", ".pl": "text/x-perl"}[ext]
		if kind == "" {
			kind = "application/x-sh"
		}
		return script(seed, ext), kind
	case ".html", ".htm", ".php", ".asp", ".aspx", ".jsp":
		return index(u.Hostname()), "text/html; charset=UTF-8"
	case ".txt", ".conf", ".cfg", ".ini", ".log", ".md":
		return script(seed, ext), "text/plain"
	case ".json":
		return fmt.Appendf(nil, "{\"id\":\"%016x\",\"status\":\"ok\"}\n", hash(seed)), "application/json"
	case ".gz", ".tgz":
		return archive(seed), "application/x-gzip"
	case ".jpg", ".jpeg":
		return blob(seed, "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", 18_000, 90_000), "image/jpeg"
	case ".png":
		return blob(seed, "\x89PNG\r\n\x1a\n", 9_000, 60_000), "image/png"
	case ".zip":
		return blob(seed, "PK\x03\x04\x14\x00", 40_000, maxArchive), "application/zip"
	case ".exe", ".dll":
		return blob(seed, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00", 60_000, 260_000), "application/x-msdos-program"
	case ".deb":
		return blob(seed, "!<arch>\ndebian-binary   ", 40_000, maxArchive), "application/vnd.debian.binary-package"
	case ".rpm":
		return blob(seed, "\xed\xab\xee\xdb\x03\x00\x00\x00", 40_000, maxArchive), "application/x-rpm"
	case ".css":
		return []byte("body{margin:0}\n"), "text/css"
	case ".js":
		return []byte("\"use strict\";\n"), "application/javascript"
	}
	if scriptName(name) {
		return script(seed, ""), "application/octet-stream"
	}
	return w.seal(program(seed, name)), "application/octet-stream"
}

// sealSize is how many bytes at the end of a program say that it is of our making.
const sealSize = 16

// seal marks a program, for whoever has the site's secret and nobody else.
func (w World) seal(body []byte) []byte {
	at := len(body) - sealSize
	copy(body[at:], w.mark(body[:at]))
	return body
}

func (w World) mark(body []byte) []byte {
	key := w.m.Host.Site
	if len(key) == 0 {
		key = w.m.Host.Key
	}
	mac := hmac.New(sha256.New, append([]byte("peer/"), key...))
	mac.Write(body)
	return mac.Sum(nil)[:sealSize]
}

// Made tells a program or script that Get made up from one that somebody brought.
func (w World) Made(body []byte) bool {
	if at := len(body) - sealSize; at >= minProgram-sealSize && bytes.HasPrefix(body, []byte("\x7fELF")) {
		return hmac.Equal(body[at:], w.mark(body[:at]))
	}
	const id = "\nID="
	_, rest, ok := bytes.Cut(body, []byte(id))
	return ok && len(rest) > 16 && bytes.Equal(body, shell(string(rest[:16])))
}

// scriptName tells a name without an ending that scripts go by.
func scriptName(name string) bool {
	switch name {
	case "sh", "bash", "install", "setup", "run", "init", "go", "update", "script", "get", "ldr", "loader", "wget", "curl", "i", "w", "c":
		return true
	}
	return false
}

// script is one that does nothing, in the words of its language.
func script(seed, ext string) []byte {
	n := hash(seed)
	switch ext {
	case ".py":
		return fmt.Appendf(nil, "#!/usr/bin/env python3\nimport sys\n\nKEY = \"%016x\"\n\n\ndef main():\n    return 0\n\n\nsys.exit(main())\n", n)
	case ".pl":
		return fmt.Appendf(nil, "#!/usr/bin/perl\nuse strict;\nmy $key = \"%016x\";\nexit 0;\n", n)
	case ".txt", ".conf", ".cfg", ".ini", ".log", ".md":
		return fmt.Appendf(nil, "%016x\n%016x\n", n, hash(seed+"2"))
	}
	return shell(fmt.Sprintf("%016x", n))
}

// shell is a shell script with an id.
func shell(id string) []byte {
	return []byte("#!/bin/sh\nPATH=$PATH:/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin\nID=" + id + "\numask 022\n[ -n \"$ID\" ] || exit 1\nexit 0\n")
}

// noise fills b with bytes without meaning that a seed stands for.
func noise(b []byte, seed string) {
	x := hash(seed) | 1
	for i := 0; i < len(b); i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], x)
		copy(b[i:], w[:])
	}
}

// blob is a file of noise behind its magic number.
func blob(seed, magic string, least, most int64) []byte {
	b := make([]byte, Number("size/"+seed, least, most))
	noise(b, seed)
	copy(b, magic)
	return b
}

// archive is a compressed file with noise in it.
func archive(seed string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	// Writing into memory cannot fail.
	_, _ = z.Write(blob(seed, "", 60_000, maxArchive))
	_ = z.Close()
	return b.Bytes()
}

// program is an executable that no machine could run: headers of a static one
// for the processor that its name says, and noise.
func program(seed, name string) []byte {
	a := machineOf[0]
	for _, m := range machineOf {
		if strings.Contains(name, m.word) {
			a = m
			break
		}
	}
	var order binary.ByteOrder = binary.LittleEndian
	if a.big {
		order = binary.BigEndian
	}
	size := Number("size/"+seed, minProgram, maxProgram) &^ 3
	b := make([]byte, size)
	noise(b, seed)
	header, entry := 52, 32
	if a.wide {
		header, entry = 64, 56
	}
	const segments, base = 3, 0x8000
	start := uint64(base)
	if a.machine == 62 || a.machine == 3 || a.machine == 8 {
		start = 0x400000
	}
	clear(b[:header+segments*entry])
	copy(b, "\x7fELF\x01\x01\x01")
	if a.wide {
		b[4] = 2
	}
	if a.big {
		b[5] = 2
	}
	order.PutUint16(b[16:], 2) // ET_EXEC
	order.PutUint16(b[18:], a.machine)
	order.PutUint32(b[20:], 1)
	text := uint64(size) * 9 / 10 &^ 15
	if a.wide {
		order.PutUint64(b[24:], start+0x190)
		order.PutUint64(b[32:], uint64(header))
		order.PutUint32(b[48:], a.flags)
		tail(b[52:], order, header, entry, segments)
		wide := func(n int, kind, flags uint32, at, address, size, memory, align uint64) {
			p := b[header+n*entry:]
			order.PutUint32(p, kind)
			order.PutUint32(p[4:], flags)
			for i, v := range []uint64{at, address, address, size, memory, align} {
				order.PutUint64(p[8+8*i:], v)
			}
		}
		wide(0, 1, 5, 0, start, text, text, 0x1000)
		wide(1, 1, 6, text, start+text+0x1000, uint64(size)-text, uint64(size)-text+0x6000, 0x1000)
		wide(2, 0x6474e551, 6, 0, 0, 0, 0, 8)
		return b
	}
	order.PutUint32(b[24:], uint32(start)+0x190)
	order.PutUint32(b[28:], uint32(header))
	order.PutUint32(b[36:], a.flags)
	tail(b[40:], order, header, entry, segments)
	narrow := func(n int, kind, flags uint32, at, address, size, memory, align uint64) {
		p := b[header+n*entry:]
		for i, v := range []uint32{kind, uint32(at), uint32(address), uint32(address), uint32(size), uint32(memory), flags, uint32(align)} {
			order.PutUint32(p[4*i:], v)
		}
	}
	narrow(0, 1, 5, 0, start, text, text, 0x1000)
	narrow(1, 1, 6, text, start+text+0x1000, uint64(size)-text, uint64(size)-text+0x6000, 0x1000)
	narrow(2, 0x6474e551, 7, 0, 0, 0, 0, 4)
	return b
}

// tail are the last fields of an ELF header, without sections.
func tail(b []byte, order binary.ByteOrder, header, entry, segments int) {
	order.PutUint16(b, uint16(header))
	order.PutUint16(b[2:], uint16(entry))
	order.PutUint16(b[4:], uint16(segments))
	order.PutUint16(b[6:], uint16(map[int]int{52: 40, 64: 64}[header]))
	order.PutUint16(b[8:], 0)
	order.PutUint16(b[10:], 0)
}

// Program is the executable of a package that a client installs: headers for the
// host's processor, and noise. Made tells it.
func (w World) Program(name string) []byte {
	return w.seal(program("package/"+name, w.m.Release.Machine))
}
