package file

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// truncate sets the size of files.
func truncate(c *program.Call) int {
	f, names, ok := c.Parse("cor:s:", "no-create=c io-blocks=o reference=:r size=:s")
	if !ok {
		return 1
	}
	if !f.Has("s") && !f.Has("r") {
		c.Usage("you must specify either ‘--size’ or ‘--reference’")
		return 1
	}
	if len(names) == 0 {
		c.Usage("missing file operand")
		return 1
	}
	text := strings.TrimLeft(f.Value["s"], "+-<>/%")
	mark := strings.TrimSuffix(f.Value["s"], text)
	n, ok := program.Count(text)
	if !ok && f.Has("s") {
		return c.Complain("Invalid number: ‘%s’", f.Value["s"])
	}
	if f.Has("r") {
		info, err := c.View().Stat(c.Path(f.Value["r"]))
		if err != nil {
			return c.Complain("cannot stat '%s': %s", f.Value["r"], vfs.Text(err))
		}
		n = info.Size
	}
	status := 0
	for _, name := range names {
		data, err := c.View().ReadFile(c.Path(name))
		if err != nil && f.Has("c") {
			continue
		}
		size := n
		switch old := int64(len(data)); mark {
		case "+":
			size = old + n
		case "-":
			size = max(old-n, 0)
		case "<":
			size = min(old, n)
		case ">":
			size = max(old, n)
		}
		if size > vfs.MaxFile {
			status = c.Complain("failed to truncate '%s' at %d bytes: File too large", name, size)
			continue
		}
		out := make([]byte, size)
		copy(out, data)
		if err := c.Kernel.Spend(len(out)); err != nil {
			c.Stop = err
			return 1
		}
		if err := c.View().WriteFile(c.Path(name), out, 0o666&^c.Umask); err != nil {
			status = c.Complain("cannot open '%s' for writing: %s", name, vfs.Text(err))
		}
	}
	return status
}

// fallocate makes room in a file.
func fallocate(c *program.Call) int {
	f, names, ok := c.Parse("cdil:no:pvxz", "length=:l offset=:o keep-size=n posix=x")
	if !ok {
		return 1
	}
	if !f.Has("l") {
		c.Err.Print("fallocate: no length argument specified\n")
		return 1
	}
	n, ok := program.Count(strings.TrimSuffix(f.Value["l"], "iB"))
	if !ok || n < 1 {
		c.Err.Print("fallocate: invalid length value specified\n")
		return 1
	}
	if len(names) != 1 {
		c.Err.Print("fallocate: no filename specified\n")
		return 1
	}
	data, _ := c.View().ReadFile(c.Path(names[0]))
	if n > vfs.MaxFile {
		c.Err.Print("fallocate: fallocate failed: No space left on device\n")
		return 1
	}
	out := make([]byte, max(n, int64(len(data))))
	copy(out, data)
	if err := c.View().WriteFile(c.Path(names[0]), out, 0o666&^c.Umask); err != nil {
		c.Err.Print("fallocate: cannot open " + names[0] + ": " + vfs.Text(err) + "\n")
		return 1
	}
	return 0
}

// install copies files and sets what they are.
func install(c *program.Call) int {
	f, names, ok := c.Parse("bcCdDg:m:o:psS:t:TvZ", "directory=d mode=:m owner=:o group=:g verbose=v target-directory=:t no-target-directory=T preserve-timestamps=p strip=s")
	if !ok {
		return 1
	}
	mode := uint32(0o755)
	if f.Has("m") {
		if mode, ok = program.NewMode(f.Value["m"], 0); !ok {
			return c.Complain("invalid mode ‘%s’", f.Value["m"])
		}
	}
	status := 0
	if f.Has("d") {
		for _, name := range names {
			if parents(c, name, mode, f.Has("v")) != 0 || c.View().Chmod(c.Path(name), mode) != nil {
				status = 1
			}
		}
		return status
	}
	sources, to, into, ok := operands(c, names, f.Value["t"])
	if !ok {
		return 1
	}
	for _, from := range sources {
		dest := to
		if into {
			dest = strings.TrimSuffix(to, "/") + "/" + program.Base("/"+from)
		}
		data, err := c.View().ReadFile(c.Path(from))
		if err != nil {
			status = c.Complain("cannot stat '%s': %s", from, vfs.Text(err))
			continue
		}
		_ = c.View().Remove(c.Path(dest))
		if f.Has("D") {
			_ = MkdirAll(c, dest[:max(strings.LastIndexByte(dest, '/'), 0)], 0o755)
		}
		if err := c.View().WriteFile(c.Path(dest), data, mode); err != nil {
			status = c.Complain("cannot create regular file '%s': %s", dest, vfs.Text(err))
			continue
		}
		if f.Has("v") {
			c.Print("'" + from + "' -> '" + dest + "'\n")
		}
	}
	return status
}

// mkfifo makes named pipes.
func mkfifo(c *program.Call) int {
	f, names, ok := c.Parse("m:Z", "mode=:m")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	mode := 0o666 &^ c.Umask
	if f.Has("m") {
		if mode, ok = program.NewMode(f.Value["m"], 0o666); !ok {
			return c.Complain("invalid mode")
		}
	}
	status := 0
	for _, name := range names {
		if err := c.View().Mknod(c.Path(name), vfs.TypeFIFO|mode, 0, 0); err != nil {
			status = c.Complain("cannot create fifo '%s': %s", name, vfs.Text(err))
		}
	}
	return status
}

// mknod makes pipes and devices.
func mknod(c *program.Call) int {
	_, rest, ok := c.Parse("m:Z", "mode=:m")
	if !ok {
		return 1
	}
	switch {
	case len(rest) == 0:
		return c.Missing()
	case len(rest) == 1:
		c.Usage("missing operand after ‘" + rest[0] + "’")
		return 1
	case rest[1] == "p" && len(rest) > 2:
		c.Err.Print("mknod: extra operand ‘" + rest[2] + "’\nFifos do not have major and minor device numbers.\nTry 'mknod --help' for more information.\n")
		return 1
	case rest[1] != "p" && len(rest) < 4:
		c.Err.Print("mknod: missing operand after ‘" + rest[len(rest)-1] + "’\nSpecial files require major and minor device numbers.\nTry 'mknod --help' for more information.\n")
		return 1
	}
	kind := uint32(vfs.TypeFIFO)
	major, minor := 0, 0
	switch rest[1] {
	case "p":
	case "c", "u", "b":
		var err1, err2 error
		major, err1 = strconv.Atoi(rest[2])
		minor, err2 = strconv.Atoi(rest[3])
		if err1 != nil || err2 != nil {
			return c.Complain("invalid major device number ‘%s’", rest[2])
		}
		if kind = vfs.TypeChar; rest[1] == "b" {
			kind = vfs.TypeBlock
		}
		if c.User.UID != 0 {
			return c.Complain("%s: Operation not permitted", rest[0])
		}
	default:
		c.Usage("invalid device type ‘" + rest[1] + "’")
		return 1
	}
	if err := c.View().Mknod(c.Path(rest[0]), kind|0o666&^c.Umask, major, minor); err != nil {
		return c.Complain("%s: %s", rest[0], vfs.Text(err))
	}
	return 0
}

// link is link(2).
func link(c *program.Call) int {
	_, names, ok := c.Parse("", "")
	if !ok {
		return 1
	}
	switch {
	case len(names) == 0:
		return c.Missing()
	case len(names) == 1:
		c.Usage("missing operand after ‘" + names[0] + "’")
		return 1
	}
	if err := c.View().Link(c.Path(names[0]), c.Path(names[1])); err != nil {
		return c.Complain("cannot create link '%s' to '%s': %s", names[1], names[0], vfs.Text(err))
	}
	return 0
}

// shred writes over files.
func shred(c *program.Call) int {
	f, names, ok := c.Parse("fn:s:uvxz", "force=f iterations=:n size=:s remove=::u verbose=v exact=x zero=z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		c.Usage("missing file operand")
		return 1
	}
	passes := 3
	if n, err := strconv.Atoi(f.Value["n"]); err == nil {
		passes = min(max(n, 0), 25)
	}
	if f.Has("z") {
		passes++
	}
	status := 0
	for _, name := range names {
		data, err := c.View().ReadFile(c.Path(name))
		if err != nil {
			status = c.Complain("%s: failed to open for writing: %s", name, vfs.Text(err))
			continue
		}
		for i := range passes {
			if c.Busy() {
				return 1
			}
			if f.Has("v") {
				what := "random"
				if f.Has("z") && i == passes-1 {
					what = "000000"
				}
				c.Err.Print("shred: " + name + ": pass " + strconv.Itoa(i+1) + "/" + strconv.Itoa(passes) + " (" + what + ")...\n")
			}
		}
		size := (len(data) + 4095) / 4096 * 4096
		if err := c.View().WriteFile(c.Path(name), make([]byte, min(size, vfs.MaxFile)), 0o600); err != nil {
			status = c.Complain("%s: failed to open for writing: %s", name, vfs.Text(err))
		}
		if f.Has("u") {
			_ = c.View().Remove(c.Path(name))
		}
	}
	return status
}

// whereis finds a program and its pages.
func whereis(c *program.Call) int {
	f, names, ok := c.Parse("bmsB:M:S:fuglv", "")
	if !ok {
		return 1
	}
	for _, name := range names {
		line := name + ":"
		for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/etc"} {
			if _, err := c.View().Stat(dir + "/" + name); err == nil && !f.Has("m") {
				line += " " + dir + "/" + name
			}
		}
		for _, section := range []string{"1", "8"} {
			if _, err := c.View().Stat("/usr/share/man/man" + section + "/" + name + "." + section + ".gz"); err == nil && !f.Has("b") {
				line += " /usr/share/man/man" + section + "/" + name + "." + section + ".gz"
			}
		}
		c.Print(line + "\n")
	}
	return 0
}
