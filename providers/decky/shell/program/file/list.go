package file

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// Listing is one ls.
type Listing struct {
	c       *program.Call
	f       program.Flags
	long    bool
	columns bool
	Now     time.Time
}

func ls(c *program.Call) int {
	f, names, ok := c.Parse("aAbBcCdDfFgGhHiklLmnNopqQrRsStTuUvw:xXZ1", "all=a almost-all=A directory=d human-readable=h recursive=R reverse=r color=::K classify=::F inode=i size=s full-time=y time-style=:Y group-directories-first=D no-group=G")
	if !ok {
		return 2
	}
	l := &Listing{c: c, f: f, long: f.Has("l") || f.Has("n") || f.Has("g") || f.Has("o"), Now: c.Local(c.Now())}
	l.columns = c.Out.TTY && !f.Has("1") && !l.long || f.Has("C")
	if len(names) == 0 {
		names = []string{"."}
	}
	status := 0
	var files, dirs []vfs.Info
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		if err == nil && info.IsLink() && !l.long {
			if followed, followErr := c.View().Stat(c.Path(name)); followErr == nil {
				info = followed
			}
		}
		if err != nil {
			c.Complain("cannot access '%s': %s", name, vfs.Text(err))
			status = 2
			continue
		}
		info.Name = name
		if info.IsDir() && !f.Has("d") {
			dirs = append(dirs, info)
		} else {
			files = append(files, info)
		}
	}
	l.sort(files)
	l.sort(dirs)
	l.show(files, false)
	for i, d := range dirs {
		if len(names) > 1 || f.Has("R") {
			if i > 0 || len(files) > 0 {
				c.Print("\n")
			}
			c.Print(d.Name + ":\n")
		}
		status = max(status, l.directory(d.Name, 0))
	}
	return status
}

func (l *Listing) directory(name string, depth int) int {
	c := l.c
	if c.Busy() {
		return 2
	}
	list, err := c.View().ReadDir(c.Path(name))
	if err != nil {
		c.Complain("cannot open directory '%s': %s", name, vfs.Text(err))
		return 2
	}
	var shown []vfs.Info
	if l.f.Has("a") || l.f.Has("f") {
		for _, dot := range []string{".", ".."} {
			if info, err := c.View().Stat(strings.TrimSuffix(c.Path(name), "/") + "/" + dot); err == nil {
				info.Name = dot
				shown = append(shown, info)
			}
		}
	}
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name, ".") || l.f.Has("a") || l.f.Has("A") || l.f.Has("f") {
			shown = append(shown, entry)
		}
	}
	l.sort(shown)
	l.show(shown, true)
	status := 0
	if l.f.Has("R") && depth < 32 {
		for _, entry := range shown {
			if entry.IsDir() && entry.Name != "." && entry.Name != ".." {
				below := strings.TrimSuffix(name, "/") + "/" + entry.Name
				c.Print("\n" + below + ":\n")
				status = max(status, l.directory(below, depth+1))
			}
		}
	}
	return status
}

func (l *Listing) sort(list []vfs.Info) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if l.f.Has("r") {
			a, b = b, a
		}
		switch {
		case l.f.Has("t") && !a.MTime.Equal(b.MTime):
			return a.MTime.After(b.MTime)
		case l.f.Has("S") && a.Size != b.Size:
			return a.Size > b.Size
		}
		if l.c.Posix() {
			return a.Name < b.Name
		}
		return collation(a.Name) < collation(b.Name)
	})
}

// collation orders names as en_US does: punctuation and case come last.
func collation(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-+~@#", r) {
			return -1
		}
		return r
	}, name)) + "\x00" + name
}

func (l *Listing) size(n int64) string {
	if l.f.Has("h") {
		return program.Human(n)
	}
	return strconv.FormatInt(n, 10)
}

// Stamp is a time as ls -l shows it: the year where it is half a year away.
func (l *Listing) Stamp(t time.Time) string {
	t = t.In(l.Now.Location())
	switch {
	case l.f.Has("y"):
		return t.Format("2006-01-02 15:04:05.000000000 -0700")
	case t.After(l.Now) || l.Now.Sub(t) > 182*24*time.Hour:
		return t.Format("Jan _2  2006")
	}
	return t.Format("Jan _2 15:04")
}

func (l *Listing) show(list []vfs.Info, total bool) {
	if !l.long {
		l.names(list)
		return
	}
	m := l.c.Machine
	type row struct{ mode, links, user, group, size, stamp, name string }
	var rows []row
	var width [4]int
	blocks := int64(0)
	for _, info := range list {
		r := row{mode: program.ModeString(info.Mode), links: strconv.Itoa(info.Links), user: m.UserName(info.UID), group: m.GroupName(info.GID), size: l.size(info.Size), stamp: l.Stamp(info.MTime), name: l.decorate(info)}
		if l.f.Has("n") {
			r.user, r.group = strconv.Itoa(info.UID), strconv.Itoa(info.GID)
		}
		if t := info.Mode & vfs.TypeMask; t == vfs.TypeChar || t == vfs.TypeBlock {
			r.size = fmt.Sprintf("%d, %3d", info.Major, info.Minor)
		}
		if info.IsLink() {
			r.name += " -> " + info.Target
		} else {
			blocks += (info.Size + 4095) / 4096 * 4
		}
		for i, s := range []string{r.links, r.user, r.group, r.size} {
			width[i] = max(width[i], len(s))
		}
		rows = append(rows, r)
	}
	if l.c.Applet {
		width = [4]int{4, 8, 8, 9}
	}
	if total {
		if l.f.Has("h") {
			l.c.Print("total " + program.Human(blocks*1024) + "\n")
		} else {
			l.c.Printf("total %d\n", blocks)
		}
	}
	for i, r := range rows {
		line := fmt.Sprintf("%s %*s ", r.mode, width[0], r.links)
		if l.f.Has("i") {
			line = fmt.Sprintf("%d ", list[i].Ino) + line
		}
		if !l.f.Has("g") {
			line += fmt.Sprintf("%-*s ", width[1], r.user)
		}
		if !l.f.Has("G") && !l.f.Has("o") {
			line += fmt.Sprintf("%-*s ", width[2], r.group)
		}
		l.c.Print(line + fmt.Sprintf("%*s %s %s\n", width[3], r.size, r.stamp, r.name))
	}
}

// decorate is a name with -F's mark, and quotes where a terminal shows it.
func (l *Listing) decorate(info vfs.Info) string {
	name := info.Name
	if l.c.Out.TTY && !l.c.Applet && strings.ContainsAny(name, " \t'\"$&|;<>()*?[]\\!`") {
		name = word.Quote(name)
	}
	if l.f.Has("F") || l.f.Has("p") && info.IsDir() {
		switch {
		case info.IsDir():
			name += "/"
		case info.IsLink():
			name += "@"
		case info.Mode&0o111 != 0:
			name += "*"
		}
	}
	return name
}

func (l *Listing) names(list []vfs.Info) {
	var shown []string
	for _, info := range list {
		name := l.decorate(info)
		if l.f.Has("i") {
			name = fmt.Sprintf("%d %s", info.Ino, name)
		}
		shown = append(shown, name)
	}
	switch {
	case len(shown) == 0:
	case l.f.Has("m"):
		l.c.Print(strings.Join(shown, ", ") + "\n")
	case !l.columns:
		l.c.Print(strings.Join(shown, "\n") + "\n")
	default:
		l.c.Print(inColumns(shown, l.c.Cols))
	}
}

// inColumns lays names out downwards, as many columns as fit.
func inColumns(names []string, width int) string {
	for rows := 1; ; rows++ {
		columns := (len(names) + rows - 1) / rows
		widths := make([]int, columns)
		total := -2
		for i, n := range names {
			widths[i/rows] = max(widths[i/rows], utf8.RuneCountInString(n))
		}
		for _, w := range widths {
			total += w + 2
		}
		if total > width && columns > 1 {
			continue
		}
		var b strings.Builder
		for r := range rows {
			for col := 0; col*rows+r < len(names); col++ {
				n := names[col*rows+r]
				b.WriteString(n)
				if (col+1)*rows+r < len(names) {
					b.WriteString(strings.Repeat(" ", widths[col]-utf8.RuneCountInString(n)+2))
				}
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
}
