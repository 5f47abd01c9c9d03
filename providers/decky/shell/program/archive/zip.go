package archive

import (
	zipfile "archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// zip packs files.
func zip(c *program.Call) int {
	f, names, ok := c.Parse("0123456789deFfgjklmnoP:qrRSTuvx:XyZ:@", "recurse-paths=r quiet=q junk-paths=j password=:P encrypt=e")
	if !ok {
		return 16
	}
	if len(names) == 0 {
		c.Print("zip 3.0 (July 5th 2008). Usage:\nzip [-options] [-b path] [-t mmddyyyy] [-n suffixes] [zipfile list] [-xi list]\n")
		return 0
	}
	target := names[0]
	if !strings.Contains(program.Base("/"+target), ".") {
		target += ".zip"
	}
	if len(names) == 1 {
		c.Print("\nzip error: Nothing to do! (" + target + ")\n")
		return 12
	}
	var b bytes.Buffer
	w := zipfile.NewWriter(&b)
	count := 0
	var log strings.Builder
	var add func(name string, depth int) bool
	add = func(name string, depth int) bool {
		info, err := c.View().Stat(c.Path(name))
		if err != nil {
			log.WriteString("\tzip warning: name not matched: " + name + "\n")
			return true
		}
		if c.Busy() || depth > 32 || b.Len() > 4*c.Kernel.Room() {
			return false
		}
		stored := strings.TrimLeft(name, "/")
		if f.Has("j") {
			stored = program.Base("/" + strings.TrimSuffix(name, "/"))
		}
		h := &zipfile.FileHeader{Name: stored, Method: zipfile.Deflate, Modified: info.MTime}
		h.SetMode(fs.FileMode(info.Mode & 0o777))
		var data []byte
		if info.IsDir() {
			h.Name, h.Method = strings.TrimSuffix(stored, "/")+"/", zipfile.Store
			h.SetMode(fs.ModeDir | fs.FileMode(info.Mode&0o777))
		} else if data, err = c.Read(name); err != nil {
			return c.Stop == nil
		}
		if !shrinks(data) {
			h.Method = zipfile.Store
		}
		if !info.IsDir() || !f.Has("j") {
			before := b.Len()
			part, err := w.CreateHeader(h)
			if err != nil {
				return true
			}
			if _, err := part.Write(data); err != nil || w.Flush() != nil {
				return true
			}
			count++
			word := "stored 0%"
			if size := b.Len() - before - 30 - len(h.Name); len(data) > 0 && size < len(data) {
				word = fmt.Sprintf("deflated %d%%", 100-(100*size+len(data)/2)/len(data))
			}
			if !f.Has("q") {
				c.Print("  adding: " + h.Name + " (" + word + ")\n")
			}
		}
		if !info.IsDir() || !f.Has("r") {
			return true
		}
		list, err := c.View().ReadDir(c.Path(name))
		for _, e := range list {
			if err == nil && !add(strings.TrimSuffix(name, "/")+"/"+e.Name, depth+1) {
				return false
			}
		}
		return true
	}
	for _, name := range names[1:] {
		if !add(name, 0) {
			return 1
		}
	}
	c.Print(log.String())
	if err := w.Close(); err != nil || count == 0 {
		c.Print("\nzip error: Nothing to do! (" + target + ")\n")
		return 12
	}
	if err := c.View().WriteFile(c.Path(target), b.Bytes(), 0o666&^c.Umask); err != nil {
		c.Print("zip I/O error: " + vfs.Text(err) + "\nzip error: Could not create output file (" + target + ")\n")
		return 15
	}
	return 0
}

// shrinks tells whether data is smaller when deflated.
func shrinks(data []byte) bool {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return false
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close()) == nil && b.Len() < len(data)
}

// unzip unpacks, lists and tests.
func unzip(c *program.Call) int {
	f, names, ok := c.Parse("abcCd:fjlLMnopP:qtuvVx:XZ", "")
	if !ok {
		return 10
	}
	if len(names) == 0 {
		c.Print("UnZip 6.00 of 20 April 2009, by Debian. Original by Info-ZIP.\n\nUsage: unzip [-Z] [-opts[modifiers]] file[.zip] [list] [-x xlist] [-d exdir]\n")
		return 0
	}
	source := names[0]
	data, err := c.Read(source)
	if err != nil && c.Stop == nil {
		if data, err = c.Read(source + ".zip"); err == nil {
			source += ".zip"
		}
	}
	if err != nil {
		c.Err.Print("unzip:  cannot find or open " + source + ", " + source + ".zip or " + source + ".ZIP.\n")
		return 9
	}
	r, err := zipfile.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(r.File) > maxMembers {
		c.Print("Archive:  " + source + "\n")
		c.Err.Print("  End-of-central-directory signature not found.  Either this file is not\n  a zipfile, or it constitutes one disk of a multi-part archive.  In the\n  latter case the central directory and zipfile comment will be found on\n  the last disk(s) of this archive.\nunzip:  cannot find zipfile directory in one of " + source + " or\n        " + source + ".zip, and cannot find " + source + ".ZIP, period.\n")
		return 9
	}
	u := &unzipper{c: c, f: f, want: names[1:]}
	if !f.Has("p") && !(f.Has("q") && !f.Has("l")) {
		c.Print("Archive:  " + source + "\n")
	}
	if f.Has("l") || f.Has("v") {
		return u.list(r)
	}
	return u.extract(r, source)
}

// unzipper is one unzip.
type unzipper struct {
	c    *program.Call
	f    program.Flags
	want []string
}

func (u *unzipper) wanted(name string) bool {
	for _, w := range u.want {
		if pattern.Match(w, name) {
			return true
		}
	}
	return len(u.want) == 0
}

func (u *unzipper) list(r *zipfile.Reader) int {
	c := u.c
	c.Print("  Length      Date    Time    Name\n---------  ---------- -----   ----\n")
	total, n := uint64(0), 0
	for _, file := range r.File {
		if c.Busy() || !u.wanted(file.Name) {
			continue
		}
		c.Printf("%9d  %s   %s\n", file.UncompressedSize64, file.Modified.UTC().Format("2006-01-02 15:04"), file.Name)
		total, n = total+file.UncompressedSize64, n+1
	}
	plural := "s"
	if n == 1 {
		plural = ""
	}
	c.Printf("---------                     -------\n%9d                     %d file%s\n", total, n, plural)
	return 0
}

func (u *unzipper) extract(r *zipfile.Reader, source string) int {
	c := u.c
	dir := c.Cwd
	if u.f.Has("d") {
		dir = c.Path(u.f.Value["d"])
		if err := c.View().Mkdir(dir, 0o777&^c.Umask); err != nil {
			if info, statErr := c.View().Stat(dir); statErr != nil || !info.IsDir() {
				c.Err.Print("checkdir:  cannot create extraction directory: " + u.f.Value["d"] + "\n           " + vfs.Text(err) + "\n")
				return 2
			}
		}
	}
	status, errorsSeen := 0, 0
	for _, file := range r.File {
		if c.Busy() {
			return 80
		}
		if !u.wanted(file.Name) {
			continue
		}
		name := strings.TrimLeft(path.Clean("/"+file.Name), "/")
		if u.f.Has("j") {
			name = program.Base("/" + name)
		}
		shown := name
		if u.f.Has("d") {
			shown = strings.TrimSuffix(u.f.Value["d"], "/") + "/" + name
		}
		if strings.HasSuffix(file.Name, "/") {
			if !u.f.Has("p") && !u.f.Has("t") && !u.f.Has("j") {
				if err := u.mkdirs(dir, name+"/"); err == nil && !u.f.Has("q") {
					c.Print("   creating: " + shown + "/\n")
				}
			}
			continue
		}
		data, err := u.content(file)
		switch {
		case u.f.Has("p"):
			c.Write(c.Out, string(data))
			continue
		case u.f.Has("t"):
			word := "OK"
			if err != nil {
				word, errorsSeen = "bad CRC", errorsSeen+1
			}
			c.Print(fmt.Sprintf("    testing: %-22s   %s\n", file.Name, word))
			continue
		case err != nil:
			c.Err.Print("   skipping: " + file.Name + "  unable to extract\n")
			status = 81
			continue
		}
		target := vfs.Clean(dir, name)
		if _, err := c.View().Lstat(target); err == nil && !u.f.Has("o") {
			if u.f.Has("n") {
				continue
			}
			c.Err.Print("replace " + shown + "? [y]es, [n]o, [A]ll, [N]one, [r]ename: ")
			reply, eof, _ := program.ReadLine(c.In, '\n', 64)
			if eof && reply == "" {
				c.Err.Print(" NULL\n(EOF or read error, treating as \"[N]one\" ...)\n")
				return 1
			}
			if !strings.HasPrefix(reply, "y") && !strings.HasPrefix(reply, "A") {
				continue
			}
		}
		if err := u.mkdirs(dir, name); err == nil {
			err = c.View().WriteFile(target, data, uint32(file.Mode().Perm()))
			if err != nil {
				c.Err.Print("error:  cannot create " + shown + "\n        " + vfs.Text(err) + "\n")
				status = 50
				continue
			}
		}
		_ = c.View().Chtimes(target, file.Modified)
		if !u.f.Has("q") {
			word := "  inflating: "
			if file.Method == zipfile.Store {
				word = " extracting: "
			}
			c.Print(fmt.Sprintf("%s%-22s  \n", word, shown))
		}
	}
	if u.f.Has("t") {
		if errorsSeen > 0 {
			c.Print("At least one error was detected in " + source + ".\n")
			return 2
		}
		c.Print("No errors detected in compressed data of " + source + ".\n")
	}
	return status
}

func (u *unzipper) content(file *zipfile.File) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, int64(u.c.Kernel.Room())+1))
	if spent := u.c.Kernel.Spend(len(data)); spent != nil {
		u.c.Stop = spent
		return nil, spent
	}
	if len(data) > u.c.Kernel.Room() {
		return nil, errBomb
	}
	if err == nil && crc32.ChecksumIEEE(data) != file.CRC32 {
		err = errors.New("bad CRC")
	}
	return data, err
}

// mkdirs makes the directories above name, and name itself where it ends in a
// slash.
func (u *unzipper) mkdirs(dir, name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		at := vfs.Clean(dir, name[:i])
		if err := u.c.View().Mkdir(at, 0o777&^u.c.Umask); err != nil {
			if info, statErr := u.c.View().Stat(at); statErr != nil || !info.IsDir() {
				return err
			}
		}
	}
	return nil
}
