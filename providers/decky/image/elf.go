package image

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"io"
)

// arch is a processor as ELF names it (gABI chapter 4; the psABI of each).
type arch struct {
	machine uint16
	wide    bool // ELFCLASS64
	order   byteOrder
	flags   uint32
	triplet string // Debian's multiarch name
	glibc   string // interpreter
	musl    string
}

type byteOrder interface {
	binary.AppendByteOrder
	String() string
}

var arches = map[string]arch{
	"x86_64":  {62, true, binary.LittleEndian, 0, "x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"},
	"aarch64": {183, true, binary.LittleEndian, 0, "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"},
	"armv7l":  {40, false, binary.LittleEndian, 0x05000400, "arm-linux-gnueabihf", "/lib/ld-linux-armhf.so.3", "/lib/ld-musl-armhf.so.1"},
	"i686":    {3, false, binary.LittleEndian, 0, "i386-linux-gnu", "/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1"},
	"mips":    {8, false, binary.BigEndian, 0x70001007, "mips-linux-gnu", "/lib/ld.so.1", "/lib/ld-musl-mips-sf.so.1"},
	"mipsel":  {8, false, binary.LittleEndian, 0x70001007, "mipsel-linux-gnu", "/lib/ld.so.1", "/lib/ld-musl-mipsel-sf.so.1"},
}

func archOf(machine string) arch {
	if a, ok := arches[machine]; ok {
		return a
	}
	return arches["x86_64"]
}

// ELF is a program or library: its size, and what its headers say.
type ELF struct {
	Size    int64
	Library bool // a shared object without an interpreter
	Needed  []string
	seed    string // its path and release, for the build id
	machine string
	musl    bool
}

// Open is the file.
func (e *ELF) Open() *Program {
	h := e.layout()
	return &Program{size: e.Size, parts: h.parts, shift: int64(h.id[0])<<8 | int64(h.id[1])}
}

// Program is the content of an executable: headers, and bytes without meaning
// between them.
type Program struct {
	size  int64
	parts []part
	shift int64
}

type part struct {
	at   int64
	data []byte
}

// Size implements vfs.Content.
func (p *Program) Size() int64 { return p.size }

// ReadAt implements io.ReaderAt.
func (p *Program) ReadAt(b []byte, at int64) (int, error) {
	if at >= p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-at))
	noiseAt(b[:n], at, p.shift)
	for _, x := range p.parts {
		lap(b[:n], at, x)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// lap copies what of x lies in b, which begins at.
func lap(b []byte, at int64, x part) {
	from, to := max(x.at, at), min(x.at+int64(len(x.data)), at+int64(len(b)))
	if from < to {
		copy(b[from-at:to-at], x.data[from-x.at:to-x.at])
	}
}

// section is one of the file.
type section struct {
	name         string
	kind         uint32
	flags        uint64
	address, at  int64
	size         int64
	link, info   uint32
	align, entry int64
	data         []byte
}

// elfLayout puts sections and segments where a linker would.
type elfLayout struct {
	e        *ELF
	a        arch
	id       [20]byte
	sections []section
	segments []segment
	parts    []part
	at       int64 // in the file
	delta    int64 // of addresses
}

type segment struct {
	kind, flags       uint32
	at, address, size int64
	memory            int64
	align             int64
}

// Kinds of sections and segments (gABI figures 4-9 and 5-2).
const (
	shtProgbits, shtStrtab, shtRela, shtHash, shtDynamic, shtNote, shtNobits, shtDynsym = 1, 3, 4, 0x6ffffff6, 6, 7, 8, 11
	ptLoad, ptDynamic, ptInterp, ptNote, ptPhdr                                         = 1, 2, 3, 4, 6
	ptEHFrame, ptStack, ptRelro                                                         = 0x6474e550, 0x6474e551, 0x6474e552
	page                                                                                = 4096
)

func (l *elfLayout) word() int64 {
	if l.a.wide {
		return 8
	}
	return 4
}

// layout computes headers, notes, the dynamic section and the section table.
func (e *ELF) layout() *elfLayout {
	l := &elfLayout{e: e, a: archOf(e.machine), id: sha1.Sum([]byte(e.seed))}
	header, entry, phnum := int64(64), int64(56), int64(11)
	if !l.a.wide {
		header, entry = 52, 32
	}
	if e.Library {
		phnum = 9
	}
	interp := l.a.glibc
	if e.musl {
		interp = l.a.musl
	}
	l.at = header + entry*phnum
	l.sections = []section{{}}
	if !e.Library {
		l.segment(ptPhdr, 4, header, entry*phnum, l.word())
		l.add(section{name: ".interp", kind: shtProgbits, flags: 2, align: 1, data: append([]byte(interp), 0)})
		last := l.sections[len(l.sections)-1]
		l.segment(ptInterp, 4, last.at, last.size, 1)
	}
	l.add(section{name: ".note.gnu.build-id", kind: shtNote, flags: 2, align: 4, data: l.note(3, l.id[:])})
	note := l.sections[len(l.sections)-1]
	noteSize := note.size
	if !e.musl {
		l.add(section{name: ".note.ABI-tag", kind: shtNote, flags: 2, align: 4, data: l.note(1, l.words(0, 3, 2, 0))})
		noteSize += l.sections[len(l.sections)-1].size
	}
	names := "\x00"
	var needed []int64
	for _, n := range e.Needed {
		needed = append(needed, int64(len(names)))
		names += n + "\x00"
	}
	names += "__libc_start_main\x00__cxa_finalize\x00_ITM_registerTMCloneTable\x00__gmon_start__\x00"
	overhead := int64(64*30 + 400)
	room := max(e.Size-l.at-overhead-3000-2*page, 600)
	l.add(section{name: ".gnu.hash", kind: shtHash, flags: 2, align: 8, size: 36, link: uint32(len(l.sections) + 1)})
	l.add(section{name: ".dynsym", kind: shtDynsym, flags: 2, align: 8, size: 24 * max(room/800, 8), entry: 24, link: uint32(len(l.sections) + 1), info: 1})
	l.add(section{name: ".dynstr", kind: shtStrtab, flags: 2, align: 1, data: []byte(names)})
	dynstr := l.sections[len(l.sections)-1]
	l.add(section{name: ".rela.dyn", kind: shtRela, flags: 2, align: 8, size: 24 * max(room/1200, 6), entry: 24, link: uint32(len(l.sections) - 2)})
	l.load(4, 0)
	start := l.align(page)
	l.add(section{name: ".init", kind: shtProgbits, flags: 6, align: 4, size: 23})
	l.add(section{name: ".text", kind: shtProgbits, flags: 6, align: 16, size: room * 6 / 10})
	text := l.sections[len(l.sections)-1]
	l.add(section{name: ".fini", kind: shtProgbits, flags: 6, align: 4, size: 9})
	l.load(5, start)
	start = l.align(page)
	l.add(section{name: ".rodata", kind: shtProgbits, flags: 2, align: 32, size: max(room*15/100, 64)})
	l.add(section{name: ".eh_frame_hdr", kind: shtProgbits, flags: 2, align: 4, size: max(room/100, 44)})
	eh := l.sections[len(l.sections)-1]
	l.add(section{name: ".eh_frame", kind: shtProgbits, flags: 2, align: 8, size: max(room/30, 160)})
	l.load(4, start)
	l.writable(names, needed, dynstr.at)
	l.segment(ptNote, 4, note.at, noteSize, 4)
	l.segment(ptEHFrame, 4, eh.at, eh.size, 4)
	l.segments = append(l.segments, segment{kind: ptStack, flags: 6, align: 16})
	l.finish(text.address, header, entry)
	return l
}

// writable adds the data segment: arrays, the dynamic section, the GOT.
func (l *elfLayout) writable(names string, needed []int64, dynstr int64) {
	w := l.word()
	l.delta = page
	l.at = (l.at + 15) &^ 15
	start := l.at
	l.add(section{name: ".init_array", kind: 14, flags: 3, align: w, size: w, entry: w})
	l.add(section{name: ".fini_array", kind: 15, flags: 3, align: w, size: w, entry: w})
	var dynamic []byte
	put := func(tag, value int64) { dynamic = append(dynamic, l.pair(tag, value)...) }
	for _, at := range needed {
		put(1, at) // DT_NEEDED
	}
	put(5, dynstr)             // DT_STRTAB
	put(10, int64(len(names))) // DT_STRSZ
	put(11, 24)                // DT_SYMENT
	if l.e.Library {
		put(30, 8) // DT_FLAGS: BIND_NOW
	} else {
		put(30, 8)
		put(0x6ffffffb, 0x08000001) // DT_FLAGS_1: NOW PIE
	}
	put(0, 0)
	l.add(section{name: ".dynamic", kind: shtDynamic, flags: 3, align: w, data: dynamic, entry: 2 * w, link: l.index(".dynstr")})
	d := l.sections[len(l.sections)-1]
	l.add(section{name: ".got", kind: shtProgbits, flags: 3, align: w, size: w * 20, entry: w})
	relro := l.at - start
	l.add(section{name: ".data", kind: shtProgbits, flags: 3, align: 32, size: 256})
	l.segments = append(l.segments, segment{kind: ptLoad, flags: 6, at: start, address: start + l.delta, size: l.at - start, memory: l.at - start + 512, align: page})
	l.sections = append(l.sections, section{name: ".bss", kind: shtNobits, flags: 3, address: l.at + l.delta, at: l.at, size: 512, align: 32})
	l.segments = append(l.segments, segment{kind: ptDynamic, flags: 6, at: d.at, address: d.address, size: d.size, memory: d.size, align: w})
	l.segments = append(l.segments, segment{kind: ptRelro, flags: 4, at: start, address: start + l.delta, size: relro, memory: relro, align: 1})
}

// add puts a section at the next place that its alignment allows.
func (l *elfLayout) add(s section) {
	s.at = (l.at + s.align - 1) / s.align * s.align
	s.address = s.at + l.delta
	if s.data != nil {
		s.size = int64(len(s.data))
		l.parts = append(l.parts, part{s.at, s.data})
	}
	l.at = s.at + s.size
	l.sections = append(l.sections, s)
}

// index is the number of the section of a name.
func (l *elfLayout) index(name string) uint32 {
	for i, s := range l.sections {
		if s.name == name {
			return uint32(i)
		}
	}
	return 0
}

// align goes to the next page; what lies between is empty.
func (l *elfLayout) align(size int64) int64 {
	next := (l.at + size - 1) / size * size
	l.parts = append(l.parts, part{l.at, make([]byte, next-l.at)})
	l.at = next
	return next
}

func (l *elfLayout) segment(kind, flags uint32, at, size, align int64) {
	l.segments = append(l.segments, segment{kind: kind, flags: flags, at: at, address: at + l.delta, size: size, memory: size, align: align})
}

// load is a segment of everything since start.
func (l *elfLayout) load(flags uint32, start int64) {
	l.segments = append(l.segments, segment{kind: ptLoad, flags: flags, at: start, address: start + l.delta, size: l.at - start, memory: l.at - start, align: page})
}

func (l *elfLayout) words(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = l.a.order.AppendUint32(out, v)
	}
	return out
}

func (l *elfLayout) note(kind uint32, description []byte) []byte {
	return append(append(l.words(4, uint32(len(description)), kind), "GNU\x00"...), description...)
}

// pair are two words of the file's class.
func (l *elfLayout) pair(a, b int64) []byte {
	if l.a.wide {
		return l.a.order.AppendUint64(l.a.order.AppendUint64(nil, uint64(a)), uint64(b))
	}
	return l.words(uint32(a), uint32(b))
}

// finish writes the tables; the section table stands at the end of the file.
func (l *elfLayout) finish(start, header, entry int64) {
	names, offsets := []byte{0}, make([]uint32, 0, len(l.sections)+1)
	l.sections = append(l.sections, section{name: ".shstrtab", kind: shtStrtab, align: 1})
	for _, s := range l.sections {
		offsets = append(offsets, uint32(len(names)))
		names = append(append(names, s.name...), 0)
	}
	offsets[0] = 0
	size := int64(64)
	if !l.a.wide {
		size = 40
	}
	tables := l.e.Size - size*int64(len(l.sections))
	tables -= tables % 8
	strtab := &l.sections[len(l.sections)-1]
	strtab.size, strtab.at = int64(len(names)), tables-int64(len(names))
	l.parts = append(l.parts, part{strtab.at, names})
	var b bytes.Buffer
	for i, s := range l.sections {
		l.sectionHeader(&b, s, offsets[i])
	}
	l.parts = append(l.parts, part{tables, b.Bytes()})
	l.parts = append([]part{{0, l.head(start, header, entry, tables)}}, l.parts...)
}

func (l *elfLayout) sectionHeader(b *bytes.Buffer, s section, name uint32) {
	b.Write(l.words(name, s.kind))
	if l.a.wide {
		b.Write(l.pair(int64(s.flags), s.address))
		b.Write(l.pair(s.at, s.size))
		b.Write(l.words(s.link, s.info))
		b.Write(l.pair(s.align, s.entry))
		return
	}
	b.Write(l.words(uint32(s.flags), uint32(s.address), uint32(s.at), uint32(s.size), s.link, s.info, uint32(s.align), uint32(s.entry)))
}

// head is the ELF header and the program headers.
func (l *elfLayout) head(start, header, entry, tables int64) []byte {
	var b bytes.Buffer
	class, data, section := byte(1), byte(1), uint16(40)
	if l.a.wide {
		class, section = 2, 64
	}
	if l.a.order.String() == "BigEndian" {
		data = 2
	}
	b.Write([]byte{0x7f, 'E', 'L', 'F', class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	half := func(values ...uint16) {
		for _, v := range values {
			b.Write(l.a.order.AppendUint16(nil, v))
		}
	}
	half(3, l.a.machine) // ET_DYN
	b.Write(l.words(1))
	if l.e.Library {
		start = 0
	}
	if l.a.wide {
		b.Write(l.a.order.AppendUint64(nil, uint64(start)))
		b.Write(l.pair(header, tables))
	} else {
		b.Write(l.words(uint32(start), uint32(header), uint32(tables)))
	}
	b.Write(l.words(l.a.flags))
	half(uint16(header), uint16(entry), uint16(len(l.segments)), section, uint16(len(l.sections)), uint16(len(l.sections)-1))
	for _, s := range l.segments {
		if l.a.wide {
			b.Write(l.words(s.kind, s.flags))
			b.Write(l.pair(s.at, s.address))
			b.Write(l.pair(s.address, s.size))
			b.Write(l.pair(s.memory, s.align))
			continue
		}
		b.Write(l.words(s.kind, uint32(s.at), uint32(s.address), uint32(s.address), uint32(s.size), uint32(s.memory), s.flags, uint32(s.align)))
	}
	return b.Bytes()
}
