package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"testing"
)

// TestProgramsAreELF reads the headers of programs of many sizes with the
// standard library's reader.
func TestProgramsAreELF(t *testing.T) {
	for machine, a := range arches {
		for _, size := range []int64{14_328, 14_640, 20_048, 68_496, 151_344, 1_265_648, 6_831_736} {
			for _, library := range []bool{false, true} {
				e := &ELF{Size: size, Library: library, Needed: []string{"libselinux.so.1", "libc.so.6"}, seed: fmt.Sprint(machine, size), machine: machine}
				whole := make([]byte, size)
				if n, err := e.Open().ReadAt(whole, 0); int64(n) != size || err != nil && err != io.EOF {
					t.Fatalf("%s %d: read %d, %v", machine, size, n, err)
				}
				checkELF(t, whole, a, library)
				if !bytes.Equal(whole[size/3:size/3+4000], pieces(t, e, size/3, 4000)) {
					t.Errorf("%s %d: other bytes in pieces", machine, size)
				}
			}
		}
	}
}

// pieces reads in small steps.
func pieces(t *testing.T, e *ELF, at int64, n int) []byte {
	t.Helper()
	out := make([]byte, n)
	p := e.Open()
	for i := 0; i < n; i += 7 {
		if _, err := p.ReadAt(out[i:min(i+7, n)], at+int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func checkELF(t *testing.T, data []byte, a arch, library bool) {
	t.Helper()
	name := fmt.Sprintf("machine %d, %d bytes, library %v", a.machine, len(data), library)
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if f.Type != elf.ET_DYN || uint16(f.Machine) != a.machine || (f.Class == elf.ELFCLASS64) != a.wide {
		t.Errorf("%s: %+v", name, f.FileHeader)
	}
	if needed, err := f.ImportedLibraries(); err != nil || len(needed) != 2 || needed[1] != "libc.so.6" {
		t.Errorf("%s: needs %v, %v", name, needed, err)
	}
	interp := false
	for _, p := range f.Progs {
		interp = interp || p.Type == elf.PT_INTERP
		if p.Off+p.Filesz > uint64(len(data)) || p.Type == elf.PT_LOAD && p.Off%page != p.Vaddr%page {
			t.Errorf("%s: segment %+v", name, p.ProgHeader)
		}
	}
	if interp == library {
		t.Errorf("%s: interpreter %v", name, interp)
	}
	end := uint64(0)
	for _, s := range f.Sections[1:] {
		if s.Type == elf.SHT_NOBITS {
			continue
		}
		if s.Offset < end || s.Offset+s.FileSize > uint64(len(data)) || s.Name == "" {
			t.Errorf("%s: section %+v begins before %d", name, s.SectionHeader, end)
		}
		end = s.Offset + s.FileSize
	}
	if text := f.Section(".text"); !library && (text == nil || f.Entry != text.Addr) {
		t.Errorf("%s: starts at %x", name, f.Entry)
	}
}
