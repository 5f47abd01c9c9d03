package archive

import (
	tarfile "archive/tar"
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// tarrer is one tar.
type tarrer struct {
	c       *program.Call
	f       program.Flags
	names   []string
	cwd     string
	strip   int
	failed  bool
	warned  bool // of the leading slash
	matched map[string]bool
}

const tarLong = "create=c extract=x get=x list=t append=r update=u file=:f directory=:C verbose=v gzip=z gunzip=z bzip2=j xz=J auto-compress=a absolute-names=P preserve-permissions=p same-permissions=p keep-old-files=k overwrite=o to-stdout=O exclude=:X strip-components=:S wildcards=w dereference=h files-from=:T no-same-owner=n owner=:1 group=:2 mtime=:3 numeric-owner=4 transform=:5 use-compress-program=:I one-file-system=6 totals=7 touch=m remove-files=8 sparse=9 catenate=A version=V no-recursion=R"

// tar packs files into an archive and unpacks them.
func tar(c *program.Call) int {
	if len(c.Args) > 0 && c.Args[0] != "" && c.Args[0][0] != '-' && strings.Trim(c.Args[0], "AcdrtuxvfzjJaCpPkOmhoSbTXWIl") == "" {
		c.Args = bundled(c.Args)
	}
	c.Hint = "Try 'tar --help' or 'tar --usage' for more information.\n"
	f, names, ok := c.Parse("AcdrtuxvzjJapPkOmhowf:C:T:X:I:b:lS", tarLong)
	if !ok {
		if c.Answered {
			return 0
		}
		return 64
	}
	if f.Has("V") {
		c.Print("tar (GNU tar) 1.34\nCopyright (C) 2021 Free Software Foundation, Inc.\n")
		return 0
	}
	t := &tarrer{c: c, f: f, names: names, cwd: c.Cwd, matched: map[string]bool{}}
	if n, err := strconv.Atoi(f.Value["S"]); err == nil {
		t.strip = n
	}
	modes := 0
	for _, m := range []string{"c", "x", "t", "r", "u"} {
		if f.Has(m) {
			modes++
		}
	}
	switch {
	case modes == 0:
		c.Err.Print("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\nTry 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	case modes > 1:
		c.Err.Print("tar: You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option\nTry 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	}
	if f.Has("C") && !f.Has("c") {
		dir := c.Path(f.Value["C"])
		if info, err := c.View().Stat(dir); err != nil || !info.IsDir() {
			word := "No such file or directory"
			if err == nil {
				word = "Not a directory"
			}
			c.Err.Print("tar: " + f.Value["C"] + ": Cannot open: " + word + "\ntar: Error is not recoverable: exiting now\n")
			return 2
		}
		t.cwd = dir
	}
	if f.Has("c") || f.Has("r") || f.Has("u") {
		return t.create()
	}
	return t.read()
}

// bundled turns "xzf a.tgz" into "-x -z -f a.tgz".
func bundled(args []string) []string {
	rest := args[1:]
	var out []string
	for i := range len(args[0]) {
		letter := args[0][i : i+1]
		out = append(out, "-"+letter)
		if strings.Contains("fCTXIb", letter) && len(rest) > 0 {
			out, rest = append(out, rest[0]), rest[1:]
		}
	}
	return append(out, rest...)
}

func (t *tarrer) excluded(name string) bool {
	for _, o := range t.f.Given {
		if o.Letter == "X" && (pattern.Match(o.Value, name) || pattern.Match(o.Value, program.Base("/"+name)) || strings.HasPrefix(name, strings.TrimSuffix(o.Value, "/")+"/")) {
			return true
		}
	}
	return false
}

func (t *tarrer) create() int {
	c := t.c
	if len(t.names) == 0 && !t.f.Has("T") {
		c.Err.Print("tar: Cowardly refusing to create an empty archive\nTry 'tar --help' or 'tar --usage' for more information.\n")
		return 2
	}
	if t.f.Has("T") {
		data, err := c.Read(t.f.Value["T"])
		if err != nil {
			c.Err.Print("tar: " + t.f.Value["T"] + ": Cannot open: " + vfs.Text(err) + "\ntar: Error is not recoverable: exiting now\n")
			return 2
		}
		t.names = append(t.names, program.Lines(data)...)
	}
	target := t.f.Value["f"]
	if (target == "" || target == "-") && c.Out.TTY {
		c.Err.Print("tar: Refusing to write archive contents to terminal (missing -f option?)\ntar: Error is not recoverable: exiting now\n")
		return 2
	}
	var b bytes.Buffer
	if t.f.Has("r") || t.f.Has("u") {
		if old, err := c.Read(target); err == nil {
			b.Write(bytes.TrimRight(old, "\x00"))
			for b.Len()%512 != 0 {
				b.WriteByte(0)
			}
		}
	}
	w := tarfile.NewWriter(&b)
	if dir, ok := t.f.Value["C"]; ok {
		t.cwd = c.Path(dir)
	}
	for _, name := range t.names {
		if !t.add(w, &b, name, 0) {
			break
		}
	}
	if err := w.Close(); err != nil || c.Stop != nil {
		return 2
	}
	for b.Len()%10240 != 0 {
		b.WriteByte(0)
	}
	data, err := t.packed(b.Bytes(), target)
	if err != nil {
		c.Err.Print("tar: " + target + ": " + vfs.Text(err) + "\n")
		return 2
	}
	if target == "" || target == "-" {
		c.Write(c.Out, string(data))
	} else if err := c.View().WriteFile(c.Path(target), data, 0o666&^c.Umask); err != nil {
		c.Err.Print("tar: " + target + ": Cannot open: " + vfs.Text(err) + "\ntar: Error is not recoverable: exiting now\n")
		return 2
	}
	if t.failed {
		c.Err.Print("tar: Exiting with failure status due to previous errors\n")
		return 2
	}
	return 0
}

// packed compresses an archive as the options or its name say.
func (t *tarrer) packed(data []byte, target string) ([]byte, error) {
	kind := ""
	switch {
	case t.f.Has("z"):
		kind = "gzip"
	case t.f.Has("j"):
		kind = "bzip2"
	case t.f.Has("J"):
		kind = "xz"
	case t.f.Has("a"):
		for _, k := range codecs {
			if strings.HasSuffix(target, k.suffix) || strings.HasSuffix(target, ".t"+k.suffix[1:]) {
				kind = k.name
			}
		}
	}
	if kind == "" {
		return data, nil
	}
	return byName(kind).pack(data, "", t.c.Now())
}

// add packs a file, and what is below a directory.
func (t *tarrer) add(w *tarfile.Writer, b *bytes.Buffer, name string, depth int) bool {
	c := t.c
	if c.Busy() || depth > 64 {
		return false
	}
	if t.excluded(name) {
		return true
	}
	stored := name
	if strings.HasPrefix(stored, "/") && !t.f.Has("P") {
		if !t.warned {
			c.Err.Print("tar: Removing leading `/' from member names\n")
		}
		t.warned = true
		stored = strings.TrimLeft(stored, "/")
	}
	path := vfs.Clean(t.cwd, name)
	info, err := c.View().Lstat(path)
	if err == nil && t.f.Has("h") {
		info, err = c.View().Stat(path)
	}
	if err != nil {
		c.Err.Print("tar: " + name + ": Cannot stat: " + vfs.Text(err) + "\n")
		t.failed = true
		return true
	}
	h := &tarfile.Header{Name: stored, Mode: int64(info.Mode & 0o7777), Uid: info.UID, Gid: info.GID, Uname: c.Machine.UserName(info.UID), Gname: c.Machine.GroupName(info.GID), ModTime: info.MTime.Truncate(1e9), Format: tarfile.FormatGNU}
	var data []byte
	switch info.Mode & vfs.TypeMask {
	case vfs.TypeDir:
		h.Typeflag, h.Name = tarfile.TypeDir, strings.TrimSuffix(stored, "/")+"/"
	case vfs.TypeLink:
		h.Typeflag, h.Linkname = tarfile.TypeSymlink, info.Target
	case vfs.TypeChar, vfs.TypeBlock:
		h.Typeflag, h.Devmajor, h.Devminor = tarfile.TypeChar, int64(info.Major), int64(info.Minor)
	default:
		h.Typeflag = tarfile.TypeReg
		if data, err = c.View().ReadFile(path); err != nil {
			c.Err.Print("tar: " + name + ": Cannot open: " + vfs.Text(err) + "\n")
			t.failed = true
			return true
		}
		h.Size = int64(len(data))
	}
	if spent := c.Kernel.Spend(len(data)); spent != nil || b.Len()+len(data) > 4*c.Kernel.Room() {
		if c.Stop = spent; spent == nil {
			c.Err.Print("tar: write error: No space left on device\n")
		}
		return false
	}
	if t.f.Has("v") {
		t.shown(h)
	}
	if err := w.WriteHeader(h); err != nil {
		return true
	}
	if _, err := w.Write(data); err != nil {
		return true
	}
	if info.IsDir() && !t.f.Has("R") {
		list, err := c.View().ReadDir(path)
		if err != nil {
			c.Err.Print("tar: " + name + ": Cannot open: " + vfs.Text(err) + "\n")
			t.failed = true
			return true
		}
		for _, e := range list {
			if !t.add(w, b, strings.TrimSuffix(name, "/")+"/"+e.Name, depth+1) {
				return false
			}
		}
	}
	return true
}

// shown prints a member as -v does; with -t in full.
func (t *tarrer) shown(h *tarfile.Header) {
	if !t.f.Has("t") && t.f.Count["v"] < 2 {
		t.print(h.Name + "\n")
		return
	}
	mode := uint32(h.Mode)
	name, size := h.Name, strconv.FormatInt(h.Size, 10)
	switch h.Typeflag {
	case tarfile.TypeDir:
		mode |= vfs.TypeDir
	case tarfile.TypeSymlink:
		mode |= vfs.TypeLink
		name += " -> " + h.Linkname
	case tarfile.TypeLink:
		name += " link to " + h.Linkname
	case tarfile.TypeChar:
		mode |= vfs.TypeChar
		size = fmt.Sprintf("%d,%d", h.Devmajor, h.Devminor)
	}
	owner := h.Uname + "/" + h.Gname
	if h.Uname == "" || t.f.Has("4") {
		owner = fmt.Sprintf("%d/%d", h.Uid, h.Gid)
	}
	pad := max(18-len(owner), 0)
	t.print(program.ModeString(mode) + " " + owner + " " + fmt.Sprintf("%*s", pad, size) + " " + h.ModTime.UTC().Format("2006-01-02 15:04") + " " + name + "\n")
}

// print says what -v says: on standard error where the archive goes to standard
// output.
func (t *tarrer) print(text string) {
	if t.f.Has("c") && (t.f.Value["f"] == "" || t.f.Value["f"] == "-") || t.f.Has("O") {
		t.c.Err.Print(text)
		return
	}
	t.c.Print(text)
}
