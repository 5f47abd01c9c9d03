package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// diskRow is a line of df.
type diskRow struct{ device, kind, size, used, available, percent, point string }

// df shows the machine's file systems, or those that hold what is named.
func df(c *program.Call) int {
	f, names, ok := c.Parse("ahHiklmPTt:x:B:", "human-readable=h si=H print-type=T all=a inodes=i block-size=:B portability=P local=l total=o type=:t exclude-type=:x sync=y no-sync=y output=::O")
	if !ok {
		return 1
	}
	unit, label := int64(1), "1K-blocks"
	switch value := f.Value["B"]; {
	case f.Has("m") || value == "M" || value == "1M":
		unit, label = 1024, "1M-blocks"
	case value == "G" || value == "1G":
		unit, label = 1024*1024, "1G-blocks"
	}
	list, status := chosenDisks(c, f, names)
	if len(list) == 0 {
		if status == 0 {
			c.Err.Print("df: no file systems processed\n")
		}
		return 1
	}
	head := diskRow{"Filesystem", "Type", label, "Used", "Available", "Use%", "Mounted on"}
	switch {
	case f.Has("i"):
		head.size, head.used, head.available, head.percent = "Inodes", "IUsed", "IFree", "IUse%"
	case f.Has("h") || f.Has("H"):
		head.size, head.available = "Size", "Avail"
	case f.Has("P"):
		head.size, head.percent = "1024-blocks", "Capacity"
	}
	if f.Has("o") {
		sum := machine.Filesystem{Source: "total", Type: "-", Point: "-"}
		for _, x := range list {
			sum.Size, sum.Used, sum.Available = sum.Size+x.Size, sum.Used+x.Used, sum.Available+x.Available
			sum.Inodes, sum.UsedInodes = sum.Inodes+x.Inodes, sum.UsedInodes+x.UsedInodes
		}
		list = append(list, sum)
	}
	rows := []diskRow{head}
	for _, x := range list {
		rows = append(rows, diskLine(x, f, unit))
	}
	if f.Has("O") {
		return max(diskFields(c, f, list, unit), status)
	}
	diskTable(c, rows, f.Has("T"))
	return status
}

// diskFields is df --output.
func diskFields(c *program.Call, f program.Flags, list []machine.Filesystem, unit int64) int {
	titles := map[string]string{"source": "Filesystem", "fstype": "Type", "itotal": "Inodes", "iused": "IUsed", "iavail": "IFree", "ipcent": "IUse%", "size": "1K-blocks", "used": "Used", "avail": "Avail", "pcent": "Use%", "file": "File", "target": "Mounted on"}
	if f.Has("h") {
		titles["size"] = "Size"
	}
	fields := strings.Split(f.Value["O"], ",")
	if f.Value["O"] == "" {
		fields = strings.Split("source,fstype,itotal,iused,iavail,ipcent,size,used,avail,pcent,file,target", ",")
	}
	inodes := program.Flags{Value: f.Value, Count: map[string]int{"i": 1, "h": f.Count["h"]}}
	blocks := program.Flags{Value: f.Value, Count: map[string]int{"h": f.Count["h"]}}
	table := [][]string{make([]string, len(fields))}
	for i, name := range fields {
		if titles[name] == "" {
			c.Complain("option --output: field ‘%s’ unknown", name)
			c.Err.Print("Try 'df --help' for more information.\n")
			return 1
		}
		least := map[string]int{"source": 14, "fstype": 4, "pcent": 4, "ipcent": 5, "file": 0, "target": 0}
		width, given := least[name]
		if !given {
			width = 5
		}
		left := name == "source" || name == "fstype"
		table[0][i] = titles[name]
		if left {
			table[0][i] = fmt.Sprintf("%-*s", width, titles[name])
		} else {
			table[0][i] = fmt.Sprintf("%*s", width, titles[name])
		}
	}
	for _, x := range list {
		b, n := diskLine(x, blocks, unit), diskLine(x, inodes, unit)
		values := map[string]string{"source": x.Source, "fstype": x.Type, "itotal": n.size, "iused": n.used, "iavail": n.available, "ipcent": n.percent, "size": b.size, "used": b.used, "avail": b.available, "pcent": b.percent, "file": "-", "target": x.Point}
		var line []string
		for _, name := range fields {
			line = append(line, values[name])
		}
		table = append(table, line)
	}
	c.Print(aligned(table, func(i int) bool {
		return fields[i] == "source" || fields[i] == "fstype" || fields[i] == "file" || fields[i] == "target"
	}))
	return 0
}

// chosenDisks are the file systems that the options and operands leave.
func chosenDisks(c *program.Call, f program.Flags, names []string) (list []machine.Filesystem, status int) {
	all := c.Machine.Filesystems()
	keep := func(x machine.Filesystem) bool {
		return (!f.Has("t") || x.Type == f.Value["t"]) && (!f.Has("x") || x.Type != f.Value["x"])
	}
	for _, name := range names {
		path := c.Path(name)
		if _, err := c.View().Stat(path); err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
			continue
		}
		if target, err := c.View().Resolve(path); err == nil {
			path = target
		}
		best := -1
		for i, x := range all {
			under := x.Point == "/" || path == x.Point || strings.HasPrefix(path, x.Point+"/")
			if (under || x.Source == path) && (best < 0 || len(x.Point) > len(all[best].Point) || x.Source == path) {
				best = i
			}
		}
		if best >= 0 && keep(all[best]) {
			list = append(list, all[best])
		}
	}
	if len(names) == 0 {
		list = slices.DeleteFunc(slices.Clone(all), func(x machine.Filesystem) bool { return !keep(x) })
	}
	return list, status
}

// diskLine is a file system in the units that were asked for.
func diskLine(x machine.Filesystem, f program.Flags, unit int64) diskRow {
	size, used, available := x.Size, x.Used, x.Available
	if f.Has("i") {
		size, used, available = x.Inodes, x.UsedInodes, x.Inodes-x.UsedInodes
	}
	text := func(n int64) string {
		switch {
		case f.Has("h") && f.Has("i"):
			return human(n)
		case f.Has("h"):
			return human(n * 1024)
		case f.Has("i"):
			return fmt.Sprint(n)
		}
		return fmt.Sprint((n + unit - 1) / unit)
	}
	percent := "-"
	if used+available > 0 {
		percent = fmt.Sprintf("%d%%", (used*100+used+available-1)/(used+available))
	}
	return diskRow{x.Source, x.Type, text(size), text(used), text(available), percent, x.Point}
}

// diskTable prints rows under each other.
func diskTable(c *program.Call, rows []diskRow, kinds bool) {
	width := func(of func(diskRow) string, least int) int {
		for _, r := range rows {
			least = max(least, len(of(r)))
		}
		return least
	}
	device, kind := width(func(r diskRow) string { return r.device }, 14), width(func(r diskRow) string { return r.kind }, 4)
	size, used := width(func(r diskRow) string { return r.size }, 5), width(func(r diskRow) string { return r.used }, 5)
	available, percent := width(func(r diskRow) string { return r.available }, 5), width(func(r diskRow) string { return r.percent }, 4)
	for _, r := range rows {
		c.Printf("%-*s ", device, r.device)
		if kinds {
			c.Printf("%-*s ", kind, r.kind)
		}
		c.Printf("%*s %*s %*s %*s %s\n", size, r.size, used, r.used, available, r.available, percent, r.percent, r.point)
	}
}
