package file

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// magics are beginnings of files and what file(1) calls them.
var magics = []struct{ start, kind, mime string }{
	{"\x1f\x8b", "gzip compressed data", "application/gzip"}, {"BZh", "bzip2 compressed data, block size = 900k", "application/x-bzip2"}, {"\xfd7zXZ\x00", "XZ compressed data, checksum CRC64", "application/x-xz"},
	{"PK\x03\x04", "Zip archive data, at least v2.0 to extract, compression method=deflate", "application/zip"}, {"\x89PNG\r\n\x1a\n", "PNG image data", "image/png"}, {"\xff\xd8\xff", "JPEG image data", "image/jpeg"},
	{"GIF8", "GIF image data", "image/gif"}, {"%PDF-", "PDF document", "application/pdf"}, {"!<arch>\ndebian", "Debian binary package (format 2.0)", "application/vnd.debian.binary-package"}, {"MZ", "MS-DOS executable", "application/x-dosexec"},
	{"SQLite format 3\x00", "SQLite 3.x database", "application/vnd.sqlite3"}, {"-----BEGIN OPENSSH PRIVATE KEY", "OpenSSH private key", "text/plain"}, {"-----BEGIN CERTIFICATE", "PEM certificate", "text/plain"},
	{"-----BEGIN RSA PRIVATE KEY", "PEM RSA private key", "text/plain"}, {"ssh-rsa ", "OpenSSH RSA public key", "text/plain"}, {"\x7fELF", "", "application/x-pie-executable"}, {"<?php", "PHP script, ASCII text", "text/x-php"}, {"<?xml", "XML 1.0 document, ASCII text", "text/xml"},
	{"<!DOCTYPE html", "HTML document, ASCII text", "text/html"}, {"<html", "HTML document, ASCII text", "text/html"},
}

// fileCommand is file(1).
func fileCommand(c *program.Call) int {
	f, names, ok := c.Parse("bchiLkNnprsvzZ0e:f:F:m:P:", "brief=b mime=i dereference=L separator=:F no-pad=N mime-type=M mime-encoding=E version=v files-from=:f exclude=:e")
	if !ok {
		return 1
	}
	if f.Has("v") {
		c.Print("file-5.44\nmagic file from /etc/magic:/usr/share/misc/magic\n")
		return 0
	}
	if len(names) == 0 && !f.Has("f") {
		c.Err.Print("Usage: file [-bcCdEhikLlNnprsSvzZ0] [--apple] [--extension] [--mime-encoding]\n            [--mime-type] [-e <testname>] [-F <separator>]  [-f <namefile>]\n            [-m <magicfiles>] [-P <parameter=value>] [--exclude-quiet]\n            <file> ...\n       file -C [-m <magicfiles>]\n       file [--help]\n")
		return 1
	}
	if f.Has("f") {
		data, err := c.Read(f.Value["f"])
		if err != nil {
			c.Err.Print("file: Cannot open `" + f.Value["f"] + "' (" + vfs.Text(err) + ")\n")
			return 1
		}
		names = append(names, program.Lines(data)...)
	}
	wide := 0
	for _, n := range names {
		wide = max(wide, utf8.RuneCountInString(n))
	}
	separator := ":"
	if f.Has("F") {
		separator = f.Value["F"]
	}
	for _, name := range names {
		if c.Busy() {
			return 1
		}
		kind, mime := kindOfFile(c, name, f.Has("L"))
		if f.Has("i") || f.Has("M") {
			kind = mime
			if f.Has("i") {
				kind += "; charset=" + charset(mime)
			}
		}
		lead := name + separator
		if name == "-" {
			lead = "/dev/stdin" + separator
		}
		switch {
		case f.Has("b"):
			lead = ""
		case f.Has("N"):
			lead += " "
		default:
			lead += strings.Repeat(" ", wide-utf8.RuneCountInString(name)+1)
		}
		c.Print(lead + kind + "\n")
	}
	return 0
}

func charset(mime string) string {
	if strings.HasPrefix(mime, "text/") {
		return "us-ascii"
	}
	return "binary"
}

// kindOfFile is what file says of a file, and its media type.
func kindOfFile(c *program.Call, name string, follow bool) (kind, mime string) {
	if name != "-" {
		look := c.View().Lstat
		if follow {
			look = c.View().Stat
		}
		info, err := look(c.Path(name))
		switch {
		case err != nil:
			return "cannot open `" + name + "' (" + vfs.Text(err) + ")", "cannot open `" + name + "' (" + vfs.Text(err) + ")"
		case info.IsDir():
			kind = "directory"
			if info.Mode&0o1000 != 0 {
				kind = "sticky, directory"
			}
			return kind, "inode/directory"
		case info.IsLink():
			word := "symbolic link to "
			if _, err := c.View().Stat(c.Path(name)); err != nil {
				word = "broken symbolic link to "
			}
			return word + info.Target, "inode/symlink"
		case info.Mode&vfs.TypeMask == vfs.TypeChar:
			return fmt.Sprintf("character special (%d/%d)", info.Major, info.Minor), "inode/chardevice"
		case info.Mode&vfs.TypeMask == vfs.TypeBlock:
			return fmt.Sprintf("block special (%d/%d)", info.Major, info.Minor), "inode/blockdevice"
		case info.Mode&vfs.TypeMask == vfs.TypeFIFO:
			return "fifo (named pipe)", "inode/fifo"
		case c.View().Access(c.Path(name), 4) != nil:
			return "regular file, no read permission", "regular file, no read permission"
		}
	}
	data, err := c.Read(name)
	if err != nil {
		return "cannot open `" + name + "' (" + vfs.Text(err) + ")", ""
	}
	return content(data)
}

func content(data []byte) (kind, mime string) {
	text := string(data)
	for _, m := range magics {
		if !strings.HasPrefix(text, m.start) {
			continue
		}
		switch m.start {
		case "\x7fELF":
			return elfKind(data)
		case "\x1f\x8b":
			return gzipKind(data), m.mime
		case "\x89PNG\r\n\x1a\n":
			if len(data) >= 26 {
				return fmt.Sprintf("PNG image data, %d x %d, %d-bit/color RGB, non-interlaced", binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:]), data[24]), m.mime
			}
		}
		return m.kind, m.mime
	}
	switch {
	case len(data) == 0:
		return "empty", "inode/x-empty"
	case len(data) > 262 && text[257:262] == "ustar":
		kind = "POSIX tar archive"
		if len(data) > 264 && text[262:264] == "  " {
			kind += " (GNU)"
		}
		return kind, "application/x-tar"
	case len(data) == 1:
		return "very short file (no magic)", "application/octet-stream"
	}
	charset := "ASCII text"
	for _, b := range data[:min(len(data), 64<<10)] {
		if b < 0x20 && strings.IndexByte("\a\b\t\n\f\r\x1b", b) < 0 || b == 0x7f {
			return "data", "application/octet-stream"
		}
		if b >= 0x80 {
			charset = "Unicode text, UTF-8 text"
		}
	}
	if charset != "ASCII text" && !utf8.ValidString(text) {
		charset = "ISO-8859 text"
	}
	first, _, _ := strings.Cut(text, "\n")
	if rest, ok := strings.CutPrefix(first, "#!"); ok {
		return script(strings.TrimSpace(rest)) + ", " + charset + " executable", "text/x-shellscript"
	}
	if !strings.Contains(text, "\n") {
		return charset + ", with no line terminators", "text/plain"
	}
	if strings.Contains(text, "\r\n") {
		charset += ", with CRLF line terminators"
	}
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 300 {
			charset += ", with very long lines (" + strconv.Itoa(len(line)) + ")"
			break
		}
	}
	return charset, "text/plain"
}

// script is the kind of an interpreter's line.
func script(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return "a  script"
	}
	name := program.Base("/" + words[0])
	if name == "env" && len(words) > 1 {
		name = words[1]
	}
	switch {
	case name == "sh" || name == "dash":
		return "POSIX shell script"
	case name == "bash":
		return "Bourne-Again shell script"
	case strings.HasPrefix(name, "python"):
		return "Python script"
	case name == "perl":
		return "Perl script text executable"
	}
	return "a " + line + " script"
}

func gzipKind(data []byte) string {
	kind := "gzip compressed data"
	if len(data) < 18 {
		return kind
	}
	if data[3]&8 != 0 {
		name, _, _ := strings.Cut(string(data[10:]), "\x00")
		kind += ", was \"" + name[:min(len(name), 255)] + "\""
	}
	if data[9] == 3 {
		kind += ", from Unix"
	}
	return kind + ", original size modulo 2^32 " + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(data[len(data)-4:])), 10)
}

// elfKind describes a program by its header.
func elfKind(data []byte) (kind, mime string) {
	if len(data) < 20 {
		return "ELF", "application/octet-stream"
	}
	bits, order, end := "32-bit", binary.ByteOrder(binary.LittleEndian), "LSB"
	if data[4] == 2 {
		bits = "64-bit"
	}
	if data[5] == 2 {
		order, end = binary.BigEndian, "MSB"
	}
	kinds := map[uint16]string{1: "relocatable", 2: "executable", 3: "pie executable", 4: "core file"}
	cpu := map[uint16]string{3: "Intel 80386", 8: "MIPS, MIPS-I", 20: "PowerPC or cisco 4500", 40: "ARM, EABI5", 62: "x86-64", 183: "ARM aarch64", 243: "UCB RISC-V"}
	machine := order.Uint16(data[18:])
	kind = "ELF " + bits + " " + end + " " + kinds[order.Uint16(data[16:])] + ", " + cpu[machine] + ", version 1 (SYSV)"
	loader := map[uint16]string{62: "/lib64/ld-linux-x86-64.so.2", 183: "/lib/ld-linux-aarch64.so.1", 40: "/lib/ld-linux-armhf.so.3", 3: "/lib/ld-linux.so.2"}[machine]
	if order.Uint16(data[16:]) == 3 {
		return kind + ", dynamically linked, interpreter " + loader + ", for GNU/Linux 3.2.0, stripped", "application/x-pie-executable"
	}
	return kind + ", statically linked, stripped", "application/x-executable"
}
