package file

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func chmod(c *program.Call) int {
	// A mode such as -x is no option.
	if len(c.Args) > 0 && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && strings.Trim(c.Args[0][1:], "rwxst") == "" {
		c.Args = append([]string{"--"}, c.Args...)
	}
	f, names, ok := c.Parse("cfRv", "recursive=R verbose=v changes=c silent=f quiet=f reference=:z")
	if !ok {
		return 1
	}
	if f.Has("z") {
		info, err := c.View().Stat(c.Path(f.Value["z"]))
		if err != nil {
			return c.Complain("failed to get attributes of '%s': %s", f.Value["z"], vfs.Text(err))
		}
		names = append([]string{strconv.FormatUint(uint64(info.Mode&0o7777), 8)}, names...)
	}
	if len(names) == 0 {
		return c.Missing()
	}
	if len(names) == 1 {
		c.Usage("missing operand after ‘" + names[0] + "’")
		return 1
	}
	if _, ok := program.NewMode(names[0], 0); !ok {
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
		mode, _ := program.NewMode(names[0], info.Mode)
		if err := c.View().Chmod(c.Path(name), mode); err != nil {
			return c.Complain("changing permissions of '%s': %s", name, vfs.Text(err))
		}
		before := info.Mode & 0o7777
		switch {
		case (f.Has("v") || f.Has("c")) && mode != before:
			c.Printf("mode of '%s' changed from %04o (%s) to %04o (%s)\n", name, before, program.ModeString(before)[1:], mode, program.ModeString(mode)[1:])
		case f.Has("v"):
			c.Printf("mode of '%s' retained as %04o (%s)\n", name, mode, program.ModeString(mode)[1:])
		}
		return 0
	})
}

func chown(c *program.Call) int {
	f, names, ok := c.Parse("cfhRv", "recursive=R verbose=v")
	if !ok {
		return 1
	}
	if len(names) == 1 {
		c.Usage("missing operand after ‘" + names[0] + "’")
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	user, group, _ := strings.Cut(strings.Replace(names[0], ".", ":", 1), ":")
	if c.Name == "chgrp" {
		user, group = "", names[0]
	}
	uid, gid := -1, -1
	if user != "" {
		if uid = userID(c, user); uid < 0 {
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

func userID(c *program.Call, name string) int {
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
		text = now.Format("2006") + text
	case 10:
		text = "20" + text
	}
	t, err := time.ParseInLocation("20060102150405", text+seconds, now.Location())
	return t, err == nil
}

func touch(c *program.Call) int {
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
		t, ok := clock.ParseDate(f.Value["d"], c.Local(at))
		if !ok {
			return c.Complain("invalid date format ‘%s’", f.Value["d"])
		}
		at = t
	}
	if f.Has("t") {
		t, ok := touchStamp(f.Value["t"], c.Local(at))
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

func stat(c *program.Call) int {
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
			c.Print(statFormat(c, f.Value["c"], name, info) + "\n")
			continue
		}
		kind := kindText(info)
		shown := name
		if info.IsLink() {
			shown += " -> " + info.Target
		}
		stamp := c.Local(info.MTime).Format("2006-01-02 15:04:05.000000000 -0700")
		c.Print(fmt.Sprintf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: 4096   %s\nDevice: 8,1\tInode: %-11d Links: %d\nAccess: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\nAccess: %s\nModify: %s\nChange: %s\n Birth: %s\n",
			shown, info.Size, (info.Size+4095)/4096*8, kind, info.Ino, info.Links, info.Mode&0o7777, program.ModeString(info.Mode), info.UID, c.Machine.UserName(info.UID), info.GID, c.Machine.GroupName(info.GID), stamp, stamp, stamp, stamp))
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

func statFormat(c *program.Call, format, name string, info vfs.Info) string {
	m := c.Machine
	return strings.NewReplacer("%n", name, "%s", strconv.FormatInt(info.Size, 10), "%a", strconv.FormatUint(uint64(info.Mode&0o7777), 8), "%A", program.ModeString(info.Mode), "%U", m.UserName(info.UID), "%G", m.GroupName(info.GID),
		"%u", strconv.Itoa(info.UID), "%g", strconv.Itoa(info.GID), "%i", strconv.FormatUint(info.Ino, 10), "%F", kindText(info), "%Y", strconv.FormatInt(info.MTime.Unix(), 10), "%y", c.Local(info.MTime).Format("2006-01-02 15:04:05.000000000 -0700"), "%h", strconv.Itoa(info.Links), "%%", "%").Replace(format)
}
