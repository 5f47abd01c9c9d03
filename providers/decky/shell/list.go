package shell

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// listing is one ls.
type listing struct {
	c       *call
	f       flags
	long    bool
	columns bool
	now     time.Time
}

func ls(c *call) int {
	f, names, ok := c.parse("aAbBcCdDfFgGhHiklLmnNopqQrRsStTuUvw:xXZ1", "all=a almost-all=A directory=d human-readable=h recursive=R reverse=r color=K classify=F inode=i size=s full-time=y time-style=:Y group-directories-first=D no-group=G")
	if !ok {
		return 2
	}
	l := &listing{c: c, f: f, long: f.has("l") || f.has("n") || f.has("g") || f.has("o"), now: c.r.session.machine.now()}
	l.columns = c.out.tty && !f.has("1") && !l.long || f.has("C")
	if len(names) == 0 {
		names = []string{"."}
	}
	status := 0
	var files, dirs []vfs.Info
	for _, name := range names {
		info, err := c.view().Lstat(c.path(name))
		if err == nil && info.IsLink() && !l.long {
			if followed, followErr := c.view().Stat(c.path(name)); followErr == nil {
				info = followed
			}
		}
		if err != nil {
			c.complain("cannot access '%s': %s", name, vfs.Text(err))
			status = 2
			continue
		}
		info.Name = name
		if info.IsDir() && !f.has("d") {
			dirs = append(dirs, info)
		} else {
			files = append(files, info)
		}
	}
	l.sort(files)
	l.sort(dirs)
	l.show(files, false)
	for i, d := range dirs {
		if len(names) > 1 || f.has("R") {
			if i > 0 || len(files) > 0 {
				c.print("\n")
			}
			c.print(d.Name + ":\n")
		}
		status = max(status, l.directory(d.Name, 0))
	}
	return status
}

func (l *listing) directory(name string, depth int) int {
	c := l.c
	if c.busy() {
		return 2
	}
	list, err := c.view().ReadDir(c.path(name))
	if err != nil {
		c.complain("cannot open directory '%s': %s", name, vfs.Text(err))
		return 2
	}
	var shown []vfs.Info
	if l.f.has("a") || l.f.has("f") {
		for _, dot := range []string{".", ".."} {
			if info, err := c.view().Stat(strings.TrimSuffix(c.path(name), "/") + "/" + dot); err == nil {
				info.Name = dot
				shown = append(shown, info)
			}
		}
	}
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name, ".") || l.f.has("a") || l.f.has("A") || l.f.has("f") {
			shown = append(shown, entry)
		}
	}
	l.sort(shown)
	l.show(shown, true)
	status := 0
	if l.f.has("R") && depth < 32 {
		for _, entry := range shown {
			if entry.IsDir() && entry.Name != "." && entry.Name != ".." {
				below := strings.TrimSuffix(name, "/") + "/" + entry.Name
				c.print("\n" + below + ":\n")
				status = max(status, l.directory(below, depth+1))
			}
		}
	}
	return status
}

func (l *listing) sort(list []vfs.Info) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if l.f.has("r") {
			a, b = b, a
		}
		switch {
		case l.f.has("t") && !a.MTime.Equal(b.MTime):
			return a.MTime.After(b.MTime)
		case l.f.has("S") && a.Size != b.Size:
			return a.Size > b.Size
		}
		if l.c.posix() {
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

func (l *listing) size(n int64) string {
	if l.f.has("h") {
		return human(n)
	}
	return strconv.FormatInt(n, 10)
}

// human is a size as -h shows it.
func human(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 5 {
		v /= 1024
		unit++
	}
	letter := string("KMGTP"[unit-1])
	if v < 10 {
		tenths := int64(v*10 + 0.9999)
		if tenths < 100 {
			return fmt.Sprintf("%d.%d%s", tenths/10, tenths%10, letter)
		}
		return "10" + letter
	}
	return strconv.FormatInt(int64(v+0.9999), 10) + letter
}

// stamp is a time as ls -l shows it: the year where it is half a year away.
func (l *listing) stamp(t time.Time) string {
	t = t.UTC()
	switch {
	case l.f.has("y"):
		return t.Format("2006-01-02 15:04:05.000000000 -0700")
	case t.After(l.now) || l.now.Sub(t) > 182*24*time.Hour:
		return t.Format("Jan _2  2006")
	}
	return t.Format("Jan _2 15:04")
}

func (l *listing) show(list []vfs.Info, total bool) {
	if !l.long {
		l.names(list)
		return
	}
	m := l.c.r.session.machine
	type row struct{ mode, links, user, group, size, stamp, name string }
	var rows []row
	var width [4]int
	blocks := int64(0)
	for _, info := range list {
		r := row{mode: modeString(info.Mode), links: strconv.Itoa(info.Links), user: m.userName(info.UID), group: m.groupName(info.GID), size: l.size(info.Size), stamp: l.stamp(info.MTime), name: l.decorate(info)}
		if l.f.has("n") {
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
	if total {
		if l.f.has("h") {
			l.c.print("total " + human(blocks*1024) + "\n")
		} else {
			l.c.printf("total %d\n", blocks)
		}
	}
	for i, r := range rows {
		line := fmt.Sprintf("%s %*s ", r.mode, width[0], r.links)
		if l.f.has("i") {
			line = fmt.Sprintf("%d ", list[i].Ino) + line
		}
		if !l.f.has("g") {
			line += fmt.Sprintf("%-*s ", width[1], r.user)
		}
		if !l.f.has("G") && !l.f.has("o") {
			line += fmt.Sprintf("%-*s ", width[2], r.group)
		}
		l.c.print(line + fmt.Sprintf("%*s %s %s\n", width[3], r.size, r.stamp, r.name))
	}
}

// decorate is a name with -F's mark, and quotes where a terminal shows it.
func (l *listing) decorate(info vfs.Info) string {
	name := info.Name
	if l.c.out.tty && strings.ContainsAny(name, " \t'\"$&|;<>()*?[]\\!`") {
		name = quote(name)
	}
	if l.f.has("F") || l.f.has("p") && info.IsDir() {
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

func (l *listing) names(list []vfs.Info) {
	var shown []string
	for _, info := range list {
		name := l.decorate(info)
		if l.f.has("i") {
			name = fmt.Sprintf("%d %s", info.Ino, name)
		}
		shown = append(shown, name)
	}
	switch {
	case len(shown) == 0:
	case l.f.has("m"):
		l.c.print(strings.Join(shown, ", ") + "\n")
	case !l.columns:
		l.c.print(strings.Join(shown, "\n") + "\n")
	default:
		l.c.print(inColumns(shown, int(l.c.r.session.cols.Load())))
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
