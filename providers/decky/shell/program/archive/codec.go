package archive

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/ulikunitz/xz"
)

// codec is one way to compress.
type codec struct {
	name   string
	suffix string
	magic  string
	pack   func(data []byte, name string, at time.Time) ([]byte, error)
	unpack func(io.Reader) (io.Reader, error)
}

var codecs = []codec{
	{"gzip", ".gz", "\x1f\x8b", packGzip, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"bzip2", ".bz2", "BZh", packBzip2, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"xz", ".xz", "\xfd7zXZ\x00", packXZ, unpackXZ},
}

func packGzip(data []byte, name string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.OS = 3
	w.Name, w.ModTime = strings.ToValidUTF8(name, "_"), at
	if name == "" {
		w.ModTime = time.Time{}
	}
	for _, r := range w.Name {
		if r == 0 || r > 0xff {
			w.Name = ""
		}
	}
	_, err := w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func packXZ(data []byte, _ string, _ time.Time) ([]byte, error) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 20}.NewWriter(&b)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// maxDictionary bounds what a stream may ask the reader to keep.
const maxDictionary = 8 << 20

func unpackXZ(r io.Reader) (io.Reader, error) {
	return xz.ReaderConfig{DictCap: maxDictionary}.NewReader(r)
}

// errBomb: what a stream unpacks to has no room.
var errBomb = syscall.EFBIG

// unpackAll is the whole of a stream, at most room bytes.
func (k codec) unpackAll(data []byte, room int) ([]byte, error) {
	r, err := k.unpack(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(room)+1))
	if len(out) > room {
		return out[:room], errBomb
	}
	return out, err
}

// byMagic is the codec of data.
func byMagic(data []byte) (codec, bool) {
	for _, k := range codecs {
		if strings.HasPrefix(string(data[:min(len(data), 6)]), k.magic) {
			return k, true
		}
	}
	return codec{}, false
}

func byName(name string) codec {
	for _, k := range codecs {
		if k.name == name {
			return k
		}
	}
	return codecs[0]
}
