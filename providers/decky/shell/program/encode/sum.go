package encode

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"golang.org/x/crypto/blake2b"
)

func blake() hash.Hash {
	h, err := blake2b.New512(nil)
	if err != nil {
		panic(err) // only a key can be wrong
	}
	return h
}

// crcTable is that of POSIX' cksum: CRC-32, most significant bit first.
var crcTable = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i) << 24
		for range 8 {
			if v&0x80000000 != 0 {
				v = v<<1 ^ 0x04c11db7
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()

func crc(data []byte) uint32 {
	v := uint32(0)
	for _, b := range data {
		v = v<<8 ^ crcTable[byte(v>>24)^b]
	}
	for n := len(data); n > 0; n >>= 8 {
		v = v<<8 ^ crcTable[byte(v>>24)^byte(n)]
	}
	return ^v
}

func bsd(data []byte) uint32 {
	v := uint32(0)
	for _, b := range data {
		v = (v>>1 + (v&1)<<15 + uint32(b)) & 0xffff
	}
	return v
}

func sysv(data []byte) uint32 {
	v := uint32(0)
	for _, b := range data {
		v += uint32(b)
	}
	v = v&0xffff + v>>16
	return v&0xffff + v>>16
}

// algorithms of cksum -a.
var algorithms = map[string]struct {
	tag  string
	make func() hash.Hash
}{
	"md5": {"MD5", md5.New}, "sha1": {"SHA1", sha1.New}, "sha224": {"SHA224", sha256.New224}, "sha256": {"SHA256", sha256.New},
	"sha384": {"SHA384", sha512.New384}, "sha512": {"SHA512", sha512.New}, "blake2b": {"BLAKE2b", blake},
}

func cksum(c *program.Call) int {
	f, names, ok := c.Parse("a:cl:wz", "algorithm=:a check=c untagged=u tag=T quiet=q status=s warn=w strict=S ignore-missing=i zero=z length=:l debug=D")
	if !ok {
		return 1
	}
	kind := f.Value["a"]
	if a, ok := algorithms[kind]; ok {
		if !f.Has("u") && !f.Has("c") {
			f.Count["T"]++
		}
		return sums(c, &digester{c: c, f: f, tag: a.tag, make: a.make}, names)
	}
	if kind != "" && kind != "crc" && kind != "bsd" && kind != "sysv" {
		c.Usage("invalid argument ‘" + kind + "’ for ‘--algorithm’\nValid arguments are:\n  - ‘bsd’\n  - ‘sysv’\n  - ‘crc’\n  - ‘md5’\n  - ‘sha1’\n  - ‘sha224’\n  - ‘sha256’\n  - ‘sha384’\n  - ‘sha512’\n  - ‘blake2b’\n  - ‘sm3’")
		return 1
	}
	if f.Has("c") {
		c.Usage("--check is not supported with --algorithm={bsd,sysv,crc}")
		return 1
	}
	return checksums(c, names, func(data []byte, name string) string {
		switch kind {
		case "bsd":
			return bsdLine(data, name, true)
		case "sysv":
			return sysvLine(data, name)
		}
		line := strconv.FormatUint(uint64(crc(data)), 10) + " " + strconv.Itoa(len(data))
		if name != "" {
			line += " " + name
		}
		return line + "\n"
	})
}

func sums(c *program.Call, d *digester, names []string) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		var err error
		if d.f.Has("c") {
			var data []byte
			if data, err = c.Read(name); err == nil {
				status = max(status, d.check(name, data))
			}
		} else {
			var sum string
			if sum, err = d.sum(name); err == nil && c.Stop == nil {
				c.Print(d.line(name, sum))
			}
		}
		if c.Stop != nil {
			return 1
		}
		if err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
		}
	}
	return status
}

// checksums prints a line for each file; the name is empty for standard input
// that was not named.
func checksums(c *program.Call, names []string, line func(data []byte, name string) string) int {
	given := len(names) > 0
	if !given {
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		data, err := c.Read(name)
		if c.Stop != nil {
			return 1
		}
		if err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
			continue
		}
		if !given {
			name = ""
		}
		c.Print(line(data, name))
	}
	return status
}

func bsdLine(data []byte, name string, named bool) string {
	text := strconv.FormatUint(uint64(bsd(data)), 10)
	for len(text) < 5 {
		text = "0" + text
	}
	blocks := strconv.Itoa((len(data) + 1023) / 1024)
	for len(blocks) < 5 {
		blocks = " " + blocks
	}
	if name != "" && named {
		blocks += " " + name
	}
	return text + " " + blocks + "\n"
}

func sysvLine(data []byte, name string) string {
	line := strconv.FormatUint(uint64(sysv(data)), 10) + " " + strconv.Itoa((len(data)+511)/512)
	if name != "" {
		line += " " + name
	}
	return line + "\n"
}

// sum is the old checksum of BSD or System V.
func sum(c *program.Call) int {
	f, names, ok := c.Parse("rs", "sysv=s")
	if !ok {
		return 1
	}
	return checksums(c, names, func(data []byte, name string) string {
		if f.Has("s") {
			return sysvLine(data, name)
		}
		return bsdLine(data, name, true)
	})
}
