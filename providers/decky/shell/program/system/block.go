package system

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// blockColumns are what lsblk -o knows of a device.
var blockColumns = map[string]func(c *program.Call, b persona.Block) string{
	"NAME": func(_ *program.Call, b persona.Block) string {
		if mapped, ok := strings.CutPrefix(b.Path, "/dev/mapper/"); ok {
			return mapped
		}
		return b.Name
	},
	"KNAME":   func(_ *program.Call, b persona.Block) string { return b.Name },
	"PATH":    func(_ *program.Call, b persona.Block) string { return b.Path },
	"MAJ:MIN": func(_ *program.Call, b persona.Block) string { return fmt.Sprintf("%3d:%-3d", b.Major, b.Minor) },
	"RM":      func(_ *program.Call, b persona.Block) string { return flag(b.Removable) },
	"RO":      func(_ *program.Call, b persona.Block) string { return flag(b.ReadOnly) },
	"ROTA":    func(_ *program.Call, b persona.Block) string { return flag(b.Rotational) },
	"SIZE":    func(_ *program.Call, b persona.Block) string { return blockSize(b.Sectors * 512) },
	"TYPE":    func(_ *program.Call, b persona.Block) string { return b.Kind },
	"FSTYPE":  func(_ *program.Call, b persona.Block) string { return b.FS },
	"FSVER": func(_ *program.Call, b persona.Block) string {
		return map[string]string{"ext4": "1.0", "swap": "1", "LVM2_member": "LVM2 001", "vfat": "FAT32"}[b.FS]
	},
	"LABEL":    func(*program.Call, persona.Block) string { return "" },
	"UUID":     func(_ *program.Call, b persona.Block) string { return b.UUID },
	"PARTUUID": func(_ *program.Call, b persona.Block) string { return b.PartUUID },
	"MODEL":    func(_ *program.Call, b persona.Block) string { return b.Model },
	"SERIAL":   func(_ *program.Call, b persona.Block) string { return b.Serial },
	"VENDOR":   func(_ *program.Call, b persona.Block) string { return b.Vendor },
	"PKNAME":   func(_ *program.Call, b persona.Block) string { return b.Parent },
	"TRAN": func(_ *program.Call, b persona.Block) string {
		if b.Kind == "disk" && !strings.HasPrefix(b.Name, "vd") {
			return "sata"
		}
		return ""
	},
	"MOUNTPOINT":  func(_ *program.Call, b persona.Block) string { return b.Mount },
	"MOUNTPOINTS": func(_ *program.Call, b persona.Block) string { return b.Mount },
	"FSAVAIL":     func(c *program.Call, b persona.Block) string { return room(c, b, false) },
	"FSUSE%":      func(c *program.Call, b persona.Block) string { return room(c, b, true) },
	"OWNER":       func(*program.Call, persona.Block) string { return "root" },
	"GROUP": func(_ *program.Call, b persona.Block) string {
		return map[bool]string{true: "cdrom", false: "disk"}[b.Kind == "rom"]
	},
	"MODE": func(*program.Call, persona.Block) string { return "brw-rw----" },
	"STATE": func(_ *program.Call, b persona.Block) string {
		return map[bool]string{true: "running"}[b.Kind == "disk"]
	},
	"LOG-SEC": func(*program.Call, persona.Block) string { return "512" }, "PHY-SEC": func(*program.Call, persona.Block) string { return "512" },
}

func flag(b bool) string { return map[bool]string{true: "1", false: "0"}[b] }

// blockSize is a size as lsblk shows it.
func blockSize(n int64) string { return strings.Replace(program.Human(n), ".0", "", 1) }

// room is what a mounted file system has left, or how full it is.
func room(c *program.Call, b persona.Block, percent bool) string {
	for _, x := range c.Machine.Filesystems() {
		if x.Source != b.Path || b.Mount == "" {
			continue
		}
		if percent {
			return fmt.Sprintf("%d%%", x.Used*100/max(x.Size, 1))
		}
		return blockSize(x.Available * 1024)
	}
	return ""
}

// leftBlock tells the columns that lsblk sets to the left.
func leftBlock(name string) bool {
	return !slices.Contains([]string{"RM", "RO", "SIZE", "ROTA", "FSAVAIL", "FSUSE%", "LOG-SEC", "PHY-SEC"}, name)
}

// lsblk shows the machine's devices as a tree.
func lsblk(c *program.Call) int {
	f, names, ok := c.Parse("aAbdDe:fhiI:JlmMnNo:OpPrsStTvVx:zE:w:y", "all=a bytes=b nodeps=d discard=D exclude=:e fs=f help=h ascii=i include=:I json=J list=l perms=m merge=M noheadings=n output=:o output-all=O paths=p pairs=P raw=r inverse=s scsi=S topology=t tree=::T version=V sort=:x zoned=z nvme=N noempty=A width=:w sysroot=:1")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	}
	points := "MOUNTPOINTS"
	if slug := c.Machine.Release.Slug; slug == "centos7" || slug == "ubuntu20" {
		points = "MOUNTPOINT"
	}
	columns := []string{"NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", points}
	switch {
	case f.Has("f"):
		columns = []string{"NAME", "FSTYPE", "FSVER", "LABEL", "UUID", "FSAVAIL", "FSUSE%", points}
	case f.Has("m"):
		columns = []string{"NAME", "SIZE", "OWNER", "GROUP", "MODE"}
	case f.Has("S"):
		columns = []string{"NAME", "TYPE", "MODEL", "VENDOR", "TRAN"}
	}
	if f.Has("o") {
		list := strings.ToUpper(f.Value["o"])
		if extra, add := strings.CutPrefix(list, "+"); add {
			columns = append(columns, strings.Split(extra, ",")...)
		} else {
			columns = strings.Split(list, ",")
		}
	}
	for _, name := range columns {
		if blockColumns[name] == nil {
			return c.Complain("unknown column: %s\nTry 'lsblk --help' for more information.", strings.ToLower(name))
		}
	}
	rows, marks, problem := blockRows(c, f, names)
	if problem != "" {
		return c.Complain("%s", problem) * 32
	}
	if f.Has("J") {
		c.Print(blockJSON(c, f, columns, rows))
		return 0
	}
	blockTable(c, f, columns, rows, marks)
	return 0
}

// blockRows are the devices with the lines of the tree in front of them.
func blockRows(c *program.Call, f program.Flags, names []string) (rows []persona.Block, marks []string, problem string) {
	all := c.Machine.Hardware.Blocks
	only, middle, last, beside := "└─", "├─", "└─", "│ "
	if f.Has("i") {
		only, middle, last, beside = "`-", "|-", "`-", "| "
	}
	flat := f.Has("l") || f.Has("r") || f.Has("P") || f.Has("d")
	var walk func(b persona.Block, mark, indent string)
	walk = func(b persona.Block, mark, indent string) {
		rows = append(rows, b)
		if flat {
			mark = ""
		}
		marks = append(marks, mark)
		if f.Has("d") {
			return
		}
		var below []persona.Block
		for _, x := range all {
			if x.Parent == b.Name {
				below = append(below, x)
			}
		}
		for i, x := range below {
			m, next := middle, beside
			if i == len(below)-1 {
				m, next = last, "  "
				if len(below) == 1 {
					m = only
				}
			}
			walk(x, indent+m, indent+next)
		}
	}
	if len(names) == 0 {
		for _, b := range all {
			if b.Parent == "" {
				walk(b, "", "")
			}
		}
		return rows, marks, ""
	}
	for _, n := range names {
		path := c.Path(n)
		if resolved, err := c.View().Resolve(path); err == nil {
			path = resolved
		}
		i := slices.IndexFunc(all, func(b persona.Block) bool { return b.Path == path || "/dev/"+b.Name == path })
		if i < 0 {
			return nil, nil, n + ": not a block device"
		}
		walk(all[i], "", "")
	}
	return rows, marks, ""
}

// cell is what a column shows of a device.
func cell(c *program.Call, f program.Flags, column string, b persona.Block) string {
	switch {
	case column == "SIZE" && f.Has("b"):
		return strconv.FormatInt(b.Sectors*512, 10)
	case column == "NAME" && f.Has("p"):
		return b.Path
	case column == "MAJ:MIN" && (f.Has("r") || f.Has("P") || f.Has("J")):
		return fmt.Sprintf("%d:%d", b.Major, b.Minor)
	}
	return blockColumns[column](c, b)
}

func blockTable(c *program.Call, f program.Flags, columns []string, rows []persona.Block, marks []string) {
	if f.Has("P") {
		for _, b := range rows {
			var parts []string
			for _, name := range columns {
				parts = append(parts, strings.ReplaceAll(name, ":", "_")+"=\""+cell(c, f, name, b)+"\"")
			}
			c.Print(strings.Join(parts, " ") + "\n")
		}
		return
	}
	var table [][]string
	if !f.Has("n") {
		table = append(table, slices.Clone(columns))
	}
	for i, b := range rows {
		var line []string
		for j, name := range columns {
			text := cell(c, f, name, b)
			if j == 0 {
				text = marks[i] + text
			}
			line = append(line, text)
		}
		table = append(table, line)
	}
	if f.Has("r") {
		for _, line := range table {
			c.Print(strings.Join(line, " ") + "\n")
		}
		return
	}
	c.Print(aligned(table, func(i int) bool { return leftBlock(columns[i]) }))
}

// aligned sets a table's columns below each other with a blank between.
func aligned(table [][]string, left func(column int) bool) string {
	var width []int
	for _, line := range table {
		for i, text := range line {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(text)))
		}
	}
	var b strings.Builder
	for _, line := range table {
		var out strings.Builder
		for i, text := range line {
			pad := strings.Repeat(" ", width[i]-len([]rune(text)))
			switch {
			case !left(i):
				out.WriteString(pad + text)
			case i == len(line)-1:
				out.WriteString(text)
			default:
				out.WriteString(text + pad)
			}
			if i < len(line)-1 {
				out.WriteByte(' ')
			}
		}
		b.WriteString(out.String() + "\n")
	}
	return b.String()
}

// blockJSON is lsblk -J.
func blockJSON(c *program.Call, f program.Flags, columns []string, rows []persona.Block) string {
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			return `""`
		}
		return string(text)
	}
	var object func(b persona.Block, indent string) string
	object = func(b persona.Block, indent string) string {
		var fields []string
		inner := indent + "   "
		for _, name := range columns {
			text := cell(c, f, name, b)
			value := quoted(text)
			switch {
			case name == "MOUNTPOINTS" && text == "":
				value = "[\n" + inner + "    null\n" + inner + "]"
			case name == "MOUNTPOINTS":
				value = "[\n" + inner + "    " + quoted(text) + "\n" + inner + "]"
			case text == "":
				value = "null"
			case name == "RM" || name == "RO" || name == "ROTA":
				value = map[bool]string{true: "true", false: "false"}[text == "1"]
			case name == "SIZE" && f.Has("b"):
				value = text
			}
			fields = append(fields, inner+`"`+strings.ToLower(name)+`": `+value)
		}
		var below []string
		for _, x := range c.Machine.Hardware.Blocks {
			if x.Parent == b.Name && !f.Has("d") && !f.Has("l") {
				below = append(below, object(x, inner+"   "))
			}
		}
		if len(below) > 0 {
			fields = append(fields, inner+`"children": [`+"\n"+inner+"   "+strings.Join(below, ",")+"\n"+inner+"]")
		}
		return "{\n" + strings.Join(fields, ",\n") + "\n" + indent + "}"
	}
	var all []string
	for _, b := range rows {
		if b.Parent == "" || f.Has("l") {
			all = append(all, object(b, "      "))
		}
	}
	return "{\n   \"blockdevices\": [\n      " + strings.Join(all, ",") + "\n   ]\n}\n"
}

// blkid names file systems.
func blkid(c *program.Call) int {
	f, names, ok := c.Parse("c:dghlL:n:o:pP:s:t:u:U:wVDiH:O:S:k", "cache-file=:c garbage-collect=g label=:L uuid=:U list-one=l match-tag=:s match-token=:t match-types=:n output=:o probe=p info=i version=V help=h")
	switch {
	case !ok:
		return 4
	case f.Has("V"):
		v := c.VersionOf("util-linux")
		c.Print("blkid from util-linux " + v + "  (libblkid " + v + ", 04-Aug-2022)\n")
		return 0
	case c.User.UID != 0:
		return 2
	}
	status := 2
	for _, b := range c.Machine.Hardware.Blocks {
		if b.FS == "" || len(names) > 0 && !slices.Contains(names, b.Path) && !slices.Contains(names, "/dev/"+b.Name) {
			continue
		}
		tags := [][2]string{{"UUID", b.UUID}}
		if b.FS == "ext4" || b.FS == "xfs" {
			tags = append(tags, [2]string{"BLOCK_SIZE", map[string]string{"ext4": "4096", "xfs": "512"}[b.FS]})
		}
		tags = append(tags, [2]string{"TYPE", b.FS}, [2]string{"PARTUUID", b.PartUUID})
		if f.Has("U") && b.UUID != f.Value["U"] || f.Has("L") {
			continue
		}
		if name, value, ok := strings.Cut(f.Value["t"], "="); ok && !slices.Contains(tags, [2]string{name, strings.Trim(value, `"`)}) {
			continue
		}
		status = 0
		if f.Has("U") || f.Value["o"] == "device" {
			c.Print(b.Path + "\n")
			continue
		}
		var parts []string
		for _, t := range tags {
			if t[1] == "" || f.Has("s") && t[0] != f.Value["s"] {
				continue
			}
			switch f.Value["o"] {
			case "value":
				c.Print(t[1] + "\n")
			case "export":
				parts = append(parts, t[0]+"="+t[1])
			default:
				parts = append(parts, t[0]+`="`+t[1]+`"`)
			}
		}
		switch f.Value["o"] {
		case "value":
		case "export":
			c.Print("DEVNAME=" + b.Path + "\n" + strings.Join(parts, "\n") + "\n\n")
		default:
			c.Print(b.Path + ": " + strings.Join(parts, " ") + "\n")
		}
	}
	return status
}

// swapon shows the swap; it takes no more of it.
func swapon(c *program.Call) int {
	f, names, ok := c.Parse("ad::ehfo:p:sL:U:vV", "all=a discard=::d ifexists=e fixpgsz=f options=:o priority=:p summary=s show=::S noheadings=N raw=r bytes=b version=V verbose=v help=h")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("s"):
		if data, err := c.View().ReadFile("/proc/swaps"); err == nil && strings.Count(string(data), "\n") > 1 {
			c.Print(string(data))
		}
		return 0
	case len(names) == 0 && !f.Has("a"):
		return swapTable(c, f)
	}
	for _, n := range names {
		switch _, err := c.View().Stat(c.Path(n)); {
		case err != nil:
			return c.Complain("cannot open %s: No such file or directory", n) * 255
		case c.User.UID != 0:
			return c.Complain("cannot open %s: Permission denied", n) * 255
		default:
			return c.Complain("%s: read swap header failed", n) * 255
		}
	}
	return 0
}

func swapTable(c *program.Call, f program.Flags) int {
	data, err := c.View().ReadFile("/proc/swaps")
	if err != nil {
		return 1
	}
	table := [][]string{{"NAME", "TYPE", "SIZE", "USED", "PRIO"}}
	for _, line := range program.Lines(data)[1:] {
		if w := strings.Fields(line); len(w) == 5 {
			kib, _ := strconv.ParseInt(w[2], 10, 64) // the machine writes numbers
			table = append(table, []string{w[0], w[1], blockSize(kib * 1024), "0B", w[4]})
		}
	}
	if len(table) == 1 {
		return 0
	}
	if f.Has("N") {
		table = table[1:]
	}
	c.Print(aligned(table, func(i int) bool { return i < 2 }))
	return 0
}

// swapoff would give the swap back.
func swapoff(c *program.Call) int {
	f, names, ok := c.Parse("aeL:U:vVh", "all=a ifexists=e version=V verbose=v help=h")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case len(names) == 0 && !f.Has("a"):
		c.Err.Print("swapoff: bad usage\nTry 'swapoff --help' for more information.\n")
		return 1
	case c.User.UID != 0:
		c.Err.Print("swapoff: Not superuser.\n")
		return 16
	}
	return 0
}

// fdisk lists disks; it changes none.
func fdisk(c *program.Call) int {
	f, names, ok := c.Parse("b:Bc::C:H:hL::lno:sS:t:u::w:W:xV", "list=l list-details=x version=V help=h bytes=B noauto-pt=n output=:o getsz=s type=:t")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case !f.Has("l") && !f.Has("x") && len(names) == 0:
		c.Err.Print("fdisk: bad usage\nTry 'fdisk --help' for more information.\n")
		return 1
	}
	status, shown := 0, 0
	for _, b := range m.Hardware.Blocks {
		if b.Kind != "disk" && b.Kind != "lvm" && b.Kind != "rom" || len(names) == 0 && b.Kind == "rom" || len(names) > 0 && !slices.Contains(names, b.Path) {
			continue
		}
		switch {
		case c.User.UID != 0:
			c.Err.Print("fdisk: cannot open " + b.Path + ": Permission denied\n")
			status = int(program.Truth(len(names) > 0))
		case b.Kind == "rom":
			c.Err.Print("fdisk: cannot open " + b.Path + ": No medium found\n")
			status = 1
		case !f.Has("l") && !f.Has("x"):
			return fdiskDialogue(c, b)
		default:
			if shown > 0 {
				c.Print("\n\n")
			}
			fdiskList(c, m, b)
		}
		shown++
	}
	for _, n := range names {
		if _, err := c.View().Stat(c.Path(n)); err != nil {
			status = c.Complain("cannot open %s: No such file or directory", n)
		}
	}
	return status
}

// fdiskDialogue greets and takes no command but q.
func fdiskDialogue(c *program.Call, b persona.Block) int {
	c.Print("\nWelcome to fdisk (util-linux " + c.VersionOf("util-linux") + ").\nChanges will remain in memory only, until you decide to write them.\nBe careful before using the write command.\n\nThis disk is currently in use - repartitioning is probably a bad idea.\nIt's recommended to umount all file systems, and swapoff all swap\npartitions on this disk.\n\n\n")
	for range 50 {
		c.Print("Command (m for help): ")
		line, eof, err := program.ReadLine(c.In, '\n', 256)
		c.Print("\n")
		switch line = strings.TrimSpace(line); {
		case err != nil || eof || line == "q" || c.Stop != nil:
			return 0
		case line == "p":
			fdiskList(c, c.Machine, b)
		case line == "w":
			c.Print("The partition table has been altered.\nSyncing disks.\n\n")
			return 0
		case line != "":
			c.Print(line[:1] + ": unknown command\n")
		}
		c.Print("\n")
	}
	return 0
}

func fdiskList(c *program.Call, m *machine.Machine, b persona.Block) {
	bytes := b.Sectors * 512
	unit, v := "GiB", float64(bytes)/(1<<30)
	if bytes < 1<<30 {
		unit, v = "MiB", float64(bytes)/(1<<20)
	}
	c.Printf("Disk %s: %s %s, %d bytes, %d sectors\n", b.Path, strings.TrimSuffix(strconv.FormatFloat(v, 'f', 2, 64), ".00"), unit, bytes, b.Sectors)
	if b.Model != "" {
		c.Printf("Disk model: %-16s\n", b.Model)
	}
	c.Print("Units: sectors of 1 * 512 = 512 bytes\nSector size (logical/physical): 512 bytes / 512 bytes\nI/O size (minimum/optimal): 512 bytes / 512 bytes\n")
	if b.Kind == "lvm" {
		return
	}
	kinds := map[string]string{"83": "83 Linux", "82": "82 Linux swap / Solaris", "5": "5 Extended", "8e": "8e Linux LVM"}
	if b.GPT {
		kinds = map[string]string{"bios": "BIOS boot", "efi": "EFI System", "linux": "Linux filesystem", "lvm": "Linux LVM"}
		c.Printf("Disklabel type: gpt\nDisk identifier: %s\n\n", strings.ToUpper(m.Persona.UUID("disk/label")))
	} else {
		label, _, _ := strings.Cut(firstPart(m, b).PartUUID, "-")
		c.Printf("Disklabel type: dos\nDisk identifier: 0x%s\n\n", label)
	}
	table := [][]string{{"Device", "Boot", "Start", "End", "Sectors", "Size", "Id", "Type"}}
	if b.GPT {
		table = [][]string{{"Device", "Start", "End", "Sectors", "Size", "Type"}}
	}
	parts := slices.DeleteFunc(slices.Clone(m.Hardware.Blocks), func(p persona.Block) bool { return p.Kind != "part" || p.Parent != b.Name })
	for i, p := range parts {
		sectors, end := p.Sectors, p.Start+p.Sectors-1
		if p.Type == "5" && i+1 < len(parts) { // an extended partition holds the next
			end = parts[i+1].Start + parts[i+1].Sectors - 1
			sectors = end - p.Start + 1
		}
		start, stop, count, size := strconv.FormatInt(p.Start, 10), strconv.FormatInt(end, 10), strconv.FormatInt(sectors, 10), blockSize(sectors*512)
		if b.GPT {
			table = append(table, []string{p.Path, start, stop, count, size, kinds[p.Type]})
			continue
		}
		boot := ""
		if i == 0 {
			boot = "*"
		}
		id, kind, _ := strings.Cut(kinds[p.Type], " ")
		table = append(table, []string{p.Path, boot, start, stop, count, size, id, kind})
	}
	last := len(table[0]) - 1
	c.Print(aligned(table, func(i int) bool { return i == 0 || i == last || !b.GPT && i == 1 }))
}

func firstPart(m *machine.Machine, b persona.Block) persona.Block {
	for _, p := range m.Hardware.Blocks {
		if p.Parent == b.Name {
			return p
		}
	}
	return persona.Block{}
}
