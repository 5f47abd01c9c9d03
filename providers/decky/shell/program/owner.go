package program

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// ModeString is a mode as ls -l shows it.
func ModeString(mode uint32) string {
	kind := map[uint32]byte{vfs.TypeDir: 'd', vfs.TypeLink: 'l', vfs.TypeChar: 'c', vfs.TypeBlock: 'b', vfs.TypeFIFO: 'p', vfs.TypeSocket: 's'}[mode&vfs.TypeMask]
	if kind == 0 {
		kind = '-'
	}
	b := []byte{kind}
	for shift := 6; shift >= 0; shift -= 3 {
		for i, c := range []byte("rwx") {
			if mode>>shift&(4>>i) == 0 {
				c = '-'
			}
			b = append(b, c)
		}
	}
	for _, special := range []struct {
		bit  uint32
		at   int
		low  byte
		high byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}} {
		if mode&special.bit != 0 {
			if b[special.at] == 'x' {
				b[special.at] = special.low
			} else {
				b[special.at] = special.high
			}
		}
	}
	return string(b)
}

// each applies f to names, below directories too where recursive.
func (c *Call) Each(names []string, recursive bool, f func(name string) int) int {
	status := 0
	for _, name := range names {
		if !recursive {
			status = max(status, f(name))
			continue
		}
		c.walk(name, func(path string, _ vfs.Info, _ int) bool {
			status = max(status, f(path))
			return true
		})
	}
	return status
}

func chmod(c *Call) int {
	// A mode such as -x is no option.
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && strings.Trim(c.Args[0][1:], "rwxst") == "" {
		c.Args = append([]string{"--"}, c.Args...)
	}
	f, names, ok := c.Parse("cfRv", "recursive=R verbose=v changes=c silent=f quiet=f reference=:z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	if len(names) == 1 {
		c.Usage("missing operand after ‘" + names[0] + "’")
		return 1
	}
	if _, ok := newMode(names[0], 0); !ok {
		c.Usage("invalid mode: ‘" + names[0] + "’")
		return 1
	}
	return c.Each(names[1:], f.Has("R"), func(name string) int {
		info, err := c.View().Stat(c.Path(name))
		if err != nil {
			if f.Has("f") {
				return 1
			}
			return c.Complain("cannot access '%s': %s", name, vfs.Text(err))
		}
		mode, _ := newMode(names[0], info.Mode)
		if err := c.View().Chmod(c.Path(name), mode); err != nil {
			return c.Complain("changing permissions of '%s': %s", name, vfs.Text(err))
		}
		return 0
	})
}

// newMode applies an octal or symbolic mode to old.
func newMode(text string, old uint32) (uint32, bool) {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil {
		return uint32(n), n <= 0o7777
	}
	mode := old & 0o7777
	for clause := range strings.SplitSeq(text, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 || strings.Trim(clause[:i], "ugoa") != "" {
			return 0, false
		}
		who := clause[:i]
		if who == "" || strings.Contains(who, "a") {
			who = "ugo"
		}
		for i < len(clause) {
			op := clause[i]
			j := i + 1
			for j < len(clause) && strings.IndexByte("rwxXst", clause[j]) >= 0 {
				j++
			}
			if j < len(clause) && strings.IndexByte("+-=", clause[j]) < 0 {
				return 0, false
			}
			mode = symbolic(mode, old, who, op, clause[i+1:j])
			i = j
		}
	}
	return mode, true
}

func symbolic(mode, old uint32, who string, op byte, letters string) uint32 {
	var bits, mask uint32
	for _, w := range who {
		shift := map[rune]int{'u': 6, 'g': 3, 'o': 0}[w]
		mask |= 7 << shift
		for _, l := range letters {
			switch l {
			case 'r':
				bits |= 4 << shift
			case 'w':
				bits |= 2 << shift
			case 'x':
				bits |= 1 << shift
			case 'X':
				if old&0o111 != 0 || old&vfs.TypeMask == vfs.TypeDir {
					bits |= 1 << shift
				}
			case 's':
				bits |= map[rune]uint32{'u': 0o4000, 'g': 0o2000}[w]
			case 't':
				bits |= 0o1000
			}
		}
	}
	switch op {
	case '+':
		return mode | bits
	case '-':
		return mode &^ bits
	}
	return mode&^mask | bits
}

func chown(c *Call) int {
	f, names, ok := c.Parse("cfhRv", "recursive=R verbose=v")
	if !ok {
		return 1
	}
	if len(names) < 2 {
		return c.Missing()
	}
	user, group, _ := strings.Cut(strings.Replace(names[0], ".", ":", 1), ":")
	if c.Name == "chgrp" {
		user, group = "", names[0]
	}
	uid, gid := -1, -1
	if user != "" {
		if uid = c.uid(user); uid < 0 {
			return c.Complain("invalid user: ‘%s’", names[0])
		}
	}
	if group != "" {
		for _, g := range c.Machine.Groups() {
			if g.Name == group || strconv.Itoa(g.GID) == group {
				gid = g.GID
			}
		}
		if gid < 0 {
			return c.Complain("invalid group: ‘%s’", names[0])
		}
	}
	return c.Each(names[1:], f.Has("R"), func(name string) int {
		err := c.View().Chown(c.Path(name), uid, gid)
		switch {
		case errors.Is(err, syscall.ENOENT):
			return c.Complain("cannot access '%s': %s", name, vfs.Text(err))
		case err != nil:
			return c.Complain("changing ownership of '%s': %s", name, vfs.Text(err))
		}
		return 0
	})
}

func (c *Call) uid(name string) int {
	for _, a := range c.Machine.Accounts() {
		if a.Name == name {
			return a.UID
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n
	}
	return -1
}

// touchStamp reads [[CC]YY]MMDDhhmm[.ss].
func touchStamp(s string, now time.Time) (time.Time, bool) {
	text, seconds, _ := strings.Cut(s, ".")
	if seconds == "" {
		seconds = "00"
	}
	switch len(text) {
	case 8:
		text = now.UTC().Format("2006") + text
	case 10:
		text = "20" + text
	}
	t, err := time.Parse("20060102150405", text+seconds)
	return t, err == nil
}

func touch(c *Call) int {
	f, names, ok := c.Parse("acd:fhmr:t:", "no-create=c date=:d reference=:r")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		c.Usage("missing file operand")
		return 1
	}
	at := c.Now()
	if f.Has("r") {
		info, err := c.View().Stat(c.Path(f.Value["r"]))
		if err != nil {
			return c.Complain("failed to get attributes of '%s': %s", f.Value["r"], vfs.Text(err))
		}
		at = info.MTime
	}
	if f.Has("d") {
		t, ok := parseDate(f.Value["d"], at.UTC())
		if !ok {
			return c.Complain("invalid date format ‘%s’", f.Value["d"])
		}
		at = t
	}
	if f.Has("t") {
		t, ok := touchStamp(f.Value["t"], at)
		if !ok {
			return c.Complain("invalid date format ‘%s’", f.Value["t"])
		}
		at = t
	}
	status := 0
	for _, name := range names {
		_, err := c.View().Stat(c.Path(name))
		if err != nil && f.Has("c") {
			continue
		}
		if err == nil {
			if err := c.View().Chtimes(c.Path(name), at); err != nil {
				words := "cannot touch '%s': %s"
				if f.Has("r") || f.Has("t") || f.Has("d") {
					words = "setting times of '%s': %s"
				}
				status = c.Complain(words, name, vfs.Text(err))
			}
			continue
		}
		if _, err = c.View().Open(c.Path(name), vfs.Write|vfs.Create, 0o666&^c.Umask); err != nil {
			status = c.Complain("cannot touch '%s': %s", name, vfs.Text(err))
			continue
		}
		if f.Has("r") || f.Has("t") || f.Has("d") {
			// The file was made just now: its time may be set.
			_ = c.View().Chtimes(c.Path(name), at)
		}
	}
	return status
}

func stat(c *Call) int {
	f, names, ok := c.Parse("Lfc:t", "format=:c dereference=L terse=t printf=:p")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	status := 0
	for _, name := range names {
		look := c.View().Lstat
		if f.Has("L") {
			look = c.View().Stat
		}
		info, err := look(c.Path(name))
		if err != nil {
			status = c.Complain("cannot statx '%s': %s", name, vfs.Text(err))
			continue
		}
		if f.Has("c") {
			c.Print(c.statFormat(f.Value["c"], name, info) + "\n")
			continue
		}
		kind := kindText(info)
		shown := name
		if info.IsLink() {
			shown += " -> " + info.Target
		}
		stamp := info.MTime.UTC().Format("2006-01-02 15:04:05.000000000 -0700")
		c.Print(fmt.Sprintf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: 4096   %s\nDevice: 8,1\tInode: %-11d Links: %d\nAccess: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\nAccess: %s\nModify: %s\nChange: %s\n Birth: %s\n",
			shown, info.Size, (info.Size+4095)/4096*8, kind, info.Ino, info.Links, info.Mode&0o7777, ModeString(info.Mode), info.UID, c.Machine.UserName(info.UID), info.GID, c.Machine.GroupName(info.GID), stamp, stamp, stamp, stamp))
	}
	return status
}

func kindText(info vfs.Info) string {
	switch info.Mode & vfs.TypeMask {
	case vfs.TypeDir:
		return "directory"
	case vfs.TypeLink:
		return "symbolic link"
	case vfs.TypeChar:
		return "character special file"
	case vfs.TypeBlock:
		return "block special file"
	}
	if info.Size == 0 {
		return "regular empty file"
	}
	return "regular file"
}

func (c *Call) statFormat(format, name string, info vfs.Info) string {
	m := c.Machine
	return strings.NewReplacer("%n", name, "%s", strconv.FormatInt(info.Size, 10), "%a", strconv.FormatUint(uint64(info.Mode&0o7777), 8), "%A", ModeString(info.Mode), "%U", m.UserName(info.UID), "%G", m.GroupName(info.GID),
		"%u", strconv.Itoa(info.UID), "%g", strconv.Itoa(info.GID), "%i", strconv.FormatUint(info.Ino, 10), "%F", kindText(info), "%Y", strconv.FormatInt(info.MTime.Unix(), 10), "%y", info.MTime.UTC().Format("2006-01-02 15:04:05.000000000 -0700"), "%h", strconv.Itoa(info.Links), "%%", "%").Replace(format)
}
