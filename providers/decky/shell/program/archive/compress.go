package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// packer is one gzip, bzip2 or xz.
type packer struct {
	c        *program.Call
	f        program.Flags
	k        codec
	unpack   bool
	toStdout bool
	suffix   string
}

// families are the names under which a codec is called to unpack.
var families = map[string]string{"gunzip": "gzip", "zcat": "gzip", "uncompress": "gzip", "bunzip2": "bzip2", "bzcat": "bzip2", "unxz": "xz", "xzcat": "xz", "lzma": "xz", "unlzma": "xz"}

// compressor is gzip, bzip2, xz and the names that unpack.
func compressor(c *program.Call) int {
	name := c.Name
	kind := name
	if family, ok := families[name]; ok {
		kind = family
	}
	p := &packer{c: c, k: byName(kind)}
	short := "cdfhklLnNqrS:tvV123456789"
	if kind == "xz" {
		short = "zdtlkfcS:T:M:eqvhHV0123456789"
	} else if kind == "bzip2" {
		short = "cdfhkLqstvVz123456789"
	}
	if kind == "gzip" {
		c.Name, c.Hint = "gzip", "Try `gzip --help' for more information.\n"
	}
	f, names, ok := c.Parse(short, "stdout=c to-stdout=c decompress=d uncompress=d force=f keep=k list=l no-name=n name=N quiet=q recursive=r suffix=:S test=t verbose=v version=V best=9 fast=1 threads=:T compress=z license=L extreme=e help=h")
	c.Name = name
	if !ok {
		return 1
	}
	p.f, p.suffix = f, p.k.suffix
	if f.Has("S") {
		p.suffix = f.Value["S"]
	}
	p.unpack = f.Has("d") || strings.HasPrefix(name, "un") || strings.HasSuffix(name, "cat") || name == "gunzip" || name == "bunzip2" || f.Has("t")
	p.toStdout = f.Has("c") || strings.HasSuffix(name, "cat")
	if f.Has("V") || f.Has("h") {
		return p.told()
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	if f.Has("l") && kind != "bzip2" {
		return p.list(names)
	}
	for _, n := range names {
		if c.Busy() {
			return 1
		}
		status = max(status, p.file(n))
	}
	return status
}

func (p *packer) told() int {
	if p.f.Has("h") {
		p.c.Print("Usage: " + p.c.Name + " [OPTION]... [FILE]...\nCompress or uncompress FILEs.\n")
		return 0
	}
	switch p.k.name {
	case "gzip":
		p.c.Print("gzip 1.12\nCopyright (C) 2018 Free Software Foundation, Inc.\n")
	case "bzip2":
		p.c.Err.Print("bzip2, a block-sorting file compressor.  Version 1.0.8, 13-Jul-2019.\n")
	default:
		p.c.Print("xz (XZ Utils) 5.4.1\nliblzma 5.4.1\n")
	}
	return 0
}

// said prints a complaint in the words of the codec's program.
func (p *packer) said(name, text string) int {
	c := p.c
	if name == "-" && p.k.name != "xz" {
		name = "stdin"
	} else if name == "-" {
		name = "(stdin)"
	}
	switch p.k.name {
	case "gzip":
		c.Err.Print("gzip: " + name + ": " + text + "\n")
	case "bzip2":
		c.Err.Print(c.Name + ": " + name + ": " + text + "\n")
	default:
		c.Err.Print(c.Name + ": " + name + ": " + text + "\n")
	}
	return 1
}

func (p *packer) file(name string) int {
	c := p.c
	if name == "-" {
		return p.stream()
	}
	info, err := c.View().Stat(c.Path(name))
	if err != nil && p.unpack && p.k.name == "gzip" && !strings.HasSuffix(name, p.suffix) {
		if other, otherErr := c.View().Stat(c.Path(name + p.suffix)); otherErr == nil {
			name, info, err = name+p.suffix, other, nil
		} else {
			name += p.suffix
		}
	}
	switch {
	case err != nil && p.k.name == "bzip2":
		c.Err.Print(c.Name + ": Can't open input file " + name + ": " + vfs.Text(err) + ".\n")
		return 1
	case err != nil:
		return p.said(name, vfs.Text(err))
	case info.IsDir():
		switch p.k.name {
		case "gzip":
			if p.f.Has("r") {
				return p.directory(name)
			}
			c.Err.Print("gzip: " + name + " is a directory -- ignored\n")
			return 2
		case "bzip2":
			c.Err.Print(c.Name + ": Input file " + name + " is a directory.\n")
			return 1
		}
		p.said(name, "Is a directory, skipping")
		return 2
	}
	data, err := c.Read(name)
	if err != nil {
		if c.Stop != nil {
			return 1
		}
		return p.said(name, vfs.Text(err))
	}
	out, target, status := p.converted(name, data, info)
	if status != 0 || p.f.Has("t") {
		return max(status, 0)
	}
	if p.toStdout {
		c.Write(c.Out, string(out))
		return 0
	}
	return p.replace(name, target, out, data, info)
}

func (p *packer) directory(name string) int {
	list, err := p.c.View().ReadDir(p.c.Path(name))
	if err != nil {
		return p.said(name, vfs.Text(err))
	}
	status := 0
	for _, e := range list {
		if !e.IsLink() && !p.c.Busy() {
			status = max(status, p.file(strings.TrimSuffix(name, "/")+"/"+e.Name))
		}
	}
	return status
}

// stream packs or unpacks standard input.
func (p *packer) stream() int {
	c := p.c
	if !p.unpack && c.Out.TTY && !p.f.Has("f") && !p.toStdout {
		switch p.k.name {
		case "gzip":
			c.Err.Print("gzip: compressed data not written to a terminal. Use -f to force compression.\nFor help, type: gzip -h\n")
		case "bzip2":
			c.Err.Print("bzip2: I won't write compressed data to a terminal.\nbzip2: For help, type: `bzip2 --help'.\n")
		default:
			c.Err.Print("xz: Compressed data cannot be written to a terminal\nxz: Try `xz --help' for more information.\n")
		}
		return 1
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	out, _, status := p.converted("-", data, vfs.Info{})
	if status == 0 && !p.f.Has("t") {
		c.Write(c.Out, string(out))
	}
	return status
}

// converted is the data packed or unpacked and the name it goes to.
func (p *packer) converted(name string, data []byte, info vfs.Info) (out []byte, target string, status int) {
	c := p.c
	if !p.unpack {
		if strings.HasSuffix(name, p.suffix) && !p.toStdout {
			switch p.k.name {
			case "gzip":
				c.Err.Print("gzip: " + name + " already has " + p.suffix + " suffix -- unchanged\n")
				return nil, "", -1
			case "bzip2":
				c.Err.Print("bzip2: Input file " + name + " already has .bz2 suffix.\n")
				return nil, "", 1
			}
			p.said(name, "File already has `"+p.suffix+"' suffix, skipping")
			return nil, "", 2
		}
		header := program.Base("/" + name)
		if name == "-" || p.f.Has("n") {
			header = ""
		}
		packed, err := p.k.pack(data, header, info.MTime)
		if err != nil {
			return nil, "", p.said(name, vfs.Text(err))
		}
		return packed, name + p.suffix, 0
	}
	k := p.k
	base, ok := strings.CutSuffix(name, p.suffix)
	if short := map[string]string{"gzip": ".tgz", "bzip2": ".tbz2", "xz": ".txz"}[k.name]; !ok && strings.HasSuffix(name, short) {
		base, ok = strings.TrimSuffix(name, short)+".tar", true
	}
	if !ok && !p.toStdout && !p.f.Has("t") && name != "-" {
		switch k.name {
		case "gzip":
			p.said(name, "unknown suffix -- ignored")
			return nil, "", 2
		case "bzip2":
			c.Err.Print(c.Name + ": Can't guess original name for " + name + " -- using " + name + ".out\n")
			base = name + ".out"
		default:
			if !strings.HasPrefix(string(data), k.magic) {
				return nil, "", p.said(name, "File format not recognized")
			}
			return nil, "", p.said(name, "Filename has an unknown suffix, skipping")
		}
	}
	out, err := k.unpackAll(data, c.Kernel.Room())
	if spent := c.Kernel.Spend(len(out)); spent != nil {
		c.Stop = spent
		return nil, "", 1
	}
	if err != nil {
		if p.toStdout && p.f.Has("f") && k.name == "gzip" {
			return data, base, 0
		}
		return nil, "", p.damaged(name, data, out, err)
	}
	return out, base, 0
}

// damaged tells what is wrong with a stream.
func (p *packer) damaged(name string, data, out []byte, err error) int {
	c := p.c
	if p.toStdout && len(out) > 0 {
		c.Write(c.Out, string(out))
	}
	switch {
	case errors.Is(err, errBomb):
		return p.said(name, "File too large")
	case p.k.name == "gzip" && len(data) > 0 && !strings.HasPrefix(string(data), p.k.magic):
		p.c.Err.Print("\n")
		return p.said(name, "not in gzip format")
	case p.k.name == "gzip" && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		p.c.Err.Print("\n")
		return p.said(name, "unexpected end of file")
	case p.k.name == "gzip":
		p.c.Err.Print("\n")
		return p.said(name, "invalid compressed data--format violated")
	case p.k.name == "xz" && len(data) > 0 && !strings.HasPrefix(string(data), p.k.magic[:min(len(data), 6)]):
		return p.said(name, "File format not recognized")
	case p.k.name == "xz" && (errors.Is(err, io.ErrUnexpectedEOF) || len(data) == 0):
		return p.said(name, "Unexpected end of input")
	case p.k.name == "xz":
		return p.said(name, "Compressed data is corrupt")
	case !strings.HasPrefix(string(data), p.k.magic):
		if name == "-" {
			name = "(stdin)"
		}
		c.Err.Print(c.Name + ": " + name + " is not a bzip2 file.\n")
		return 2
	}
	c.Err.Print("\n" + c.Name + ": Data integrity error when decompressing.\n\tInput file = " + name + ", output file = (stdout)\n")
	return 2
}

// replace writes the new file and takes the old one away.
func (p *packer) replace(name, target string, out, data []byte, info vfs.Info) int {
	c := p.c
	if _, err := c.View().Lstat(c.Path(target)); err == nil && !p.f.Has("f") {
		switch {
		case p.k.name == "gzip" && c.TTY == "":
			c.Err.Print("gzip: " + target + " already exists;\tnot overwritten\n")
			return 2
		case p.k.name == "gzip":
			c.Err.Print("gzip: " + target + " already exists; do you wish to overwrite (y or n)? ")
			if reply, _, _ := program.ReadLine(c.In, '\n', 64); !strings.HasPrefix(strings.ToLower(reply), "y") {
				c.Err.Print("\tnot overwritten\n")
				return 2
			}
		case p.k.name == "bzip2":
			c.Err.Print(c.Name + ": Output file " + target + " already exists.\n")
			return 1
		default:
			return p.said(target, "File exists")
		}
	}
	view := c.View()
	if err := view.WriteFile(c.Path(target), out, info.Mode&0o777); err != nil {
		return p.said(target, vfs.Text(err))
	}
	_ = view.Chtimes(c.Path(target), info.MTime)
	if !p.f.Has("k") {
		if err := view.Remove(c.Path(name)); err != nil {
			return p.said(name, vfs.Text(err))
		}
	}
	if p.f.Has("v") {
		big, small := len(data), len(out)
		if p.unpack {
			big, small = small, big
		}
		ratio := 0.0
		if big > 0 {
			ratio = 100 - float64(small)*100/float64(big)
		}
		word := "replaced with"
		if p.f.Has("k") {
			word = "created"
		}
		c.Err.Print(fmt.Sprintf("%s:\t%5.1f%% -- %s %s\n", name, ratio, word, target))
	}
	return 0
}

// list is -l.
func (p *packer) list(names []string) int {
	c := p.c
	status := 0
	if p.k.name == "gzip" {
		c.Print("         compressed        uncompressed  ratio uncompressed_name\n")
	} else {
		c.Print("Strms  Blocks   Compressed Uncompressed  Ratio  Check   Filename\n")
	}
	for _, name := range names {
		data, err := c.Read(name)
		if err != nil {
			status = p.said(name, vfs.Text(err))
			continue
		}
		if p.k.name == "gzip" {
			if len(data) < 18 || !strings.HasPrefix(string(data), p.k.magic) {
				c.Err.Print("\n")
				status = p.said(name, "not in gzip format")
				continue
			}
			size := binary.LittleEndian.Uint32(data[len(data)-4:])
			ratio := 0.0
			if size > 0 {
				ratio = 100 * (1 - float64(len(data)-18)/float64(size))
			}
			c.Printf("%19d %19d %5.1f%% %s\n", len(data), size, ratio, strings.TrimSuffix(name, p.suffix))
			continue
		}
		out, err := p.k.unpackAll(data, c.Kernel.Room())
		if err != nil {
			status = p.damaged(name, data, nil, err)
			continue
		}
		c.Printf("%5d %7d %12s %12s  %5.3f  %-7s %s\n", 1, 1, fmt.Sprintf("%d B", len(data)), fmt.Sprintf("%d B", len(out)), float64(len(data))/float64(max(len(out), 1)), "CRC64", name)
	}
	return status
}
