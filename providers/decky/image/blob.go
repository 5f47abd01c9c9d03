package image

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"sync"
)

// noise are bytes without meaning that all files without text share.
var noise = sync.OnceValue(func() []byte {
	out := make([]byte, 1<<16)
	seed := uint64(0x9e3779b97f4a7c15)
	for i := 0; i < len(out); i += 8 {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		binary.LittleEndian.PutUint64(out[i:], seed)
	}
	return out
})

// noiseAt fills b with what stands at an offset of a file.
func noiseAt(b []byte, at, shift int64) {
	n := noise()
	for len(b) > 0 {
		from := (at*1 + shift + at>>16*4099) & 0xffff
		end := min(int64(len(n)), from+0x10000-at&0xffff)
		count := copy(b, n[from:end])
		b = b[count:]
		at += int64(count)
	}
}

// Blob is a file of bytes without meaning behind its magic number.
type Blob struct {
	Bytes int64
	Magic string
	seed  string
}

// Size implements vfs.Content.
func (x *Blob) Size() int64 { return x.Bytes }

// ReadAt implements io.ReaderAt.
func (x *Blob) ReadAt(b []byte, at int64) (int, error) {
	if at >= x.Bytes {
		return 0, io.EOF
	}
	h := fnv.New32a()
	h.Write([]byte(x.seed))
	n := int(min(int64(len(b)), x.Bytes-at))
	noiseAt(b[:n], at, int64(h.Sum32()&0xffff))
	lap(b[:n], at, part{0, []byte(x.Magic)})
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// gzipMagic begins a gzip member without a name (RFC 1952 section 2.3), as
// dh_compress makes them: no time, maximum compression, Unix.
const gzipMagic = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"

// Journal is a file of systemd's journal of a machine, as large as a quiet host's
// is.
func Journal(machine string) *Blob {
	return &Blob{Bytes: 8 << 20, Magic: "LPKSHHRH", seed: machine}
}
