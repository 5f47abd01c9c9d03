package system

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// findmnt shows what is mounted as a tree, or what names ask for.
func findmnt(c *program.Call) int {
	f, names, ok := c.Parse("AabCcDdeF:fhiJklMmN:nO:o:PpRrS:sT:t:UuvVw:x", "all=A ascii=a canonicalize=c df=D direction=:d evaluate=e tab-file=:F first-only=f invert=i json=J kernel=k list=l mtab=m noheadings=n options=:O output=:o pairs=P raw=r submounts=R source=:S fstab=s target=:T mountpoint=:M types=:t uniq=U notruncate=u nofsroot=v verify=x poll=::p bytes=b version=V help=h")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	}
	columns := []string{"TARGET", "SOURCE", "FSTYPE", "OPTIONS"}
	if f.Has("D") {
		columns = []string{"SOURCE", "FSTYPE", "SIZE", "USED", "AVAIL", "USE%", "TARGET"}
	}
	if f.Has("o") {
		columns = strings.Split(strings.ToUpper(f.Value["o"]), ",")
	}
	sizes := map[string][4]string{}
	for _, x := range c.Machine.Filesystems() {
		percent := "-"
		if x.Used+x.Available > 0 {
			percent = program.Decimal(x.Used*100/(x.Used+x.Available)) + "%"
		}
		sizes[x.Point] = [4]string{blockSize(x.Size * 1024), blockSize(x.Used * 1024), blockSize(x.Available * 1024), percent}
	}
	mounts := c.Machine.Mounts()
	slices.SortStableFunc(mounts, func(a, b [4]string) int { return strings.Compare(treeKey(a[1]), treeKey(b[1])) })
	named := len(names) > 0 || f.Has("S") || f.Has("T") || f.Has("M")
	flat := f.Has("l") || f.Has("r") || f.Has("D") || named || f.Has("t") || f.Has("P")
	var table [][]string
	if !f.Has("n") {
		table = append(table, slices.Clone(columns))
	}
	found := false
	for i, m := range mounts {
		if f.Has("t") && !slices.Contains(strings.Split(f.Value["t"], ","), m[2]) || f.Has("D") && sizes[m[1]] == [4]string{} || named && !fits(c, f.Value["S"], f.Value["T"]+f.Value["M"], names, m, f.Has("T")) {
			continue
		}
		found = true
		var line []string
		for _, name := range columns {
			s := sizes[m[1]]
			value, known := map[string]string{"TARGET": m[1], "SOURCE": m[0], "FSTYPE": m[2], "OPTIONS": m[3], "SIZE": s[0], "USED": s[1], "AVAIL": s[2], "USE%": s[3], "FSROOT": "/", "LABEL": ""}[name]
			if !known {
				return c.Complain("unknown column: %s", strings.ToLower(name))
			}
			if name == "TARGET" && !flat {
				value = branch(mounts, i) + value
			}
			line = append(line, value)
		}
		table = append(table, line)
		if f.Has("f") {
			break
		}
	}
	if !found {
		return 1
	}
	if f.Has("r") {
		for _, line := range table {
			c.Print(strings.Join(line, " ") + "\n")
		}
		return 0
	}
	c.Print(aligned(table, func(i int) bool { return !slices.Contains([]string{"SIZE", "USED", "AVAIL", "USE%"}, columns[i]) }))
	return 0
}

// treeKey orders mounts below their parents.
func treeKey(point string) string { return strings.ReplaceAll(point, "/", "\x01") }

// above is the mount that point lies in, "" for the root.
func above(mounts [][4]string, point string) string {
	best := ""
	for _, m := range mounts {
		if m[1] != point && (m[1] == "/" || strings.HasPrefix(point, m[1]+"/")) && len(m[1]) > len(best) {
			best = m[1]
		}
	}
	return best
}

// branch are the lines in front of a mount in the tree.
func branch(mounts [][4]string, i int) string {
	point := mounts[i][1]
	text, mark := "", true
	for parent := above(mounts, point); parent != ""; point, parent = parent, above(mounts, parent) {
		last := true
		for _, m := range mounts {
			if m[1] != point && above(mounts, m[1]) == parent && treeKey(m[1]) > treeKey(point) {
				last = false
			}
		}
		switch {
		case mark && last:
			text = "└─" + text
		case mark:
			text = "├─" + text
		case last:
			text = "  " + text
		default:
			text = "│ " + text
		}
		mark = false
	}
	return text
}

// fits tells that a mount is what the operands ask for.
func fits(c *program.Call, source, target string, names []string, m [4]string, within bool) bool {
	if source != "" && m[0] != source {
		return false
	}
	if target != "" && m[1] != c.Path(target) && !(within && above(c.Machine.Mounts(), c.Path(target)+"/.") == m[1]) {
		return false
	}
	for _, n := range names {
		if m[0] != n && m[1] != c.Path(n) {
			return false
		}
	}
	return true
}
