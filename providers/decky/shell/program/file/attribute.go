package file

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// markLetters are lsattr's columns and, beside them, the inode flags
// (e2fsprogs 1.47, ext2_fs.h).
const markLetters = "suSDiadAcEjItTeCxFNPVm"

var markBits = map[byte]vfs.Marks{
	's': 0x1, 'u': 0x2, 'c': 0x4, 'S': 0x8, 'i': vfs.MarkImmutable, 'a': vfs.MarkAppend, 'd': 0x40, 'A': 0x80, 'I': 0x1000, 'j': 0x4000,
	't': 0x8000, 'D': 0x10000, 'T': 0x20000, 'C': 0x800000, 'x': 0x2000000, 'm': 0x400, 'P': 0x20000000, 'F': 0x40000000, 'E': 0x800, 'N': 0x10000000, 'V': 0x100000,
}

// lsattr shows what chattr set; every file has extents.
func lsattr(c *program.Call) int {
	c.Hint = "Usage: lsattr [-RVadlpv] [files...]\n"
	f, names, ok := c.Parse("adlpRVv", "")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	status := 0
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		if err != nil {
			c.Err.Print("lsattr: " + vfs.Text(err) + " while trying to stat " + name + "\n")
			status = 1
			continue
		}
		shown := []string{name}
		if info.IsDir() && !f.Has("d") {
			shown = nil
			list, _ := c.View().ReadDir(c.Path(name))
			for _, e := range list {
				if e.IsLink() {
					continue
				}
				if !strings.HasPrefix(e.Name, ".") || f.Has("a") {
					shown = append(shown, strings.TrimSuffix(name, "/")+"/"+e.Name)
				}
			}
		}
		for _, s := range shown {
			marks, err := c.View().Marks(c.Path(s))
			if err != nil {
				c.Err.Print("lsattr: " + vfs.Text(err) + " While reading flags on " + s + "\n")
				status = 1
				continue
			}
			c.Print(columns(marks) + " " + s + "\n")
		}
	}
	return status
}

const chattrUsage = "Usage: chattr [-RVf] [-+=aAcCdDeijPsStTuFx] [-p project] [-v version] files...\n"

// columns are the marks as lsattr shows them.
func columns(m vfs.Marks) string {
	out := []byte(markLetters)
	for i, letter := range out {
		if letter != 'e' && m&markBits[letter] == 0 {
			out[i] = '-'
		}
	}
	return string(out)
}

// marking is what chattr's operands ask for.
type marking struct {
	set, clear vfs.Marks
	exactly    bool
	quiet      bool
	down       bool
}

// chattr changes marks.
func chattr(c *program.Call) int {
	var names []string
	var m marking
	given := false
	for _, a := range c.Args {
		switch {
		case a != "" && strings.IndexByte("+-=", a[0]) >= 0 && len(a) > 1:
			if strings.Trim(a[1:], "aAcCdDeEFijImNPsStTuxRVfvp") != "" {
				c.Err.Print(chattrUsage)
				return 1
			}
			given = m.take(a) || given
		default:
			names = append(names, a)
		}
	}
	switch {
	case len(names) == 0:
		c.Err.Print(chattrUsage)
		return 1
	case !given:
		c.Err.Print("Must use '-v', =, - or +\n")
		return 1
	}
	status := 0
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		if err != nil {
			if !m.quiet {
				c.Err.Print("chattr: " + vfs.Text(err) + " while trying to stat " + name + "\n")
			}
			status = 1
			continue
		}
		status = max(status, m.apply(c, name, info))
	}
	return status
}

// take reads one operand; it tells whether it asks for a change.
func (m *marking) take(a string) (change bool) {
	for _, letter := range []byte(a[1:]) {
		switch {
		case a[0] == '-' && letter == 'R':
			m.down = true
			continue
		case a[0] == '-' && letter == 'f':
			m.quiet = true
			continue
		case a[0] == '-' && strings.IndexByte("Vvp", letter) >= 0:
			continue
		}
		change = true
		bit := markBits[letter]
		switch a[0] {
		case '-':
			m.clear |= bit
		case '=':
			m.exactly = true
			fallthrough
		default:
			m.set |= bit
		}
	}
	return change
}

// apply changes the marks of a file and, with -R, of what is below it.
func (m *marking) apply(c *program.Call, name string, info vfs.Info) int {
	path := c.Path(name)
	now, err := c.View().Marks(path)
	doing, status := "reading", 0
	if err == nil {
		if m.exactly {
			now = 0
		}
		doing, err = "setting", c.View().SetMarks(path, now&^m.clear|m.set)
	}
	if err != nil {
		if !m.quiet {
			c.Err.Print("chattr: " + vfs.Text(err) + " while " + doing + " flags on " + name + "\n")
		}
		status = 1
	}
	if !m.down || !info.IsDir() || c.Busy() {
		return status
	}
	list, err := c.View().ReadDir(path)
	if err != nil {
		return 1
	}
	for _, e := range list {
		if !e.IsLink() {
			status = max(status, m.apply(c, strings.TrimSuffix(name, "/")+"/"+e.Name, e))
		}
	}
	return status
}
