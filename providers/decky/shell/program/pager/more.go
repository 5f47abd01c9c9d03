package pager

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// more is util-linux' more. Facts: 2.38.1.
func more(c *program.Call) int {
	if c.Applet {
		return plainMore(c)
	}
	f, names, ok := c.Parse("dflpceusn:0123456789Vh", "silent=d logical=f no-pause=l print-over=c exit-on-eof=e plain=u squeeze=s lines=:n version=V help=h")
	if !ok {
		return 1
	}
	if f.Has("V") {
		c.Version()
		return 0
	}
	if len(names) == 0 {
		if _, typed := c.In.(program.Keyboard); typed && c.Out.TTY {
			c.Err.Print("more: bad usage\nTry 'more --help' for more information.\n")
			return 1
		}
		names = []string{"-"}
	}
	for _, name := range names {
		if info, err := c.View().Stat(c.Path(name)); name != "-" && err == nil && info.IsDir() {
			c.Print("\n*** " + name + ": directory ***\n\n")
			continue
		}
		data, err := c.Read(name)
		if err != nil {
			c.Err.Print("more: cannot open " + name + ": " + vfs.Text(err) + "\n")
			continue
		}
		if len(names) > 1 {
			c.Print("::::::::::::::\n" + name + "\n::::::::::::::\n")
		}
		if pause(c, string(data)) {
			return 0
		}
	}
	return 0
}

// plainMore is busybox' more.
func plainMore(c *program.Call) int {
	data, _, status := c.Inputs(c.Args, "%s: ")
	for _, text := range data {
		if pause(c, string(text)) {
			break
		}
	}
	return status
}

// pause shows a text a page at a time; it tells that enough was seen.
func pause(c *program.Call, text string) bool {
	var from program.Keyboard
	if c.Out.TTY {
		if keyboard, restore, ok := c.Keys(); ok {
			from = keyboard
			defer restore()
		}
	}
	rows := c.Rows
	if rows < 3 {
		rows = 24
	}
	if from == nil {
		c.Print(text)
		return c.Stop != nil
	}
	room, seen := rows-1, 0
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if line == "" {
			continue
		}
		if room == 0 {
			c.Printf("\x1b[7m--More--(%d%%)\x1b[27m", 100*seen/len(text))
			var b [1]byte
			for room == 0 {
				if _, err := from.Read(b[:]); err != nil || c.Busy() {
					return true
				}
				switch b[0] {
				case ' ', 'f', 'z':
					room = rows - 1
				case '\r', '\n', 's':
					room = 1
				case 'd', 4:
					room = 11
				case 'q', 'Q', 3:
					c.Print("\r\x1b[K")
					return true
				case '=':
					c.Print(fmt.Sprintf("\r\x1b[K%d", i))
				default:
					c.Print("\r\x1b[K\x1b[7m[Press 'h' for instructions.]\x1b[27m")
				}
			}
			c.Print("\r")
			line = strings.TrimSuffix(line, "\n") + "\x1b[K\n"
		}
		seen += len(lines[i])
		c.Print(line)
		room--
	}
	return false
}

// compressed is zless and its kin: what they show is taken out of its wrapping.
func compressed(c *program.Call) int {
	unpack := map[byte]string{'z': "zcat", 'b': "bzcat", 'x': "xzcat"}[c.Name[0]]
	if len(c.Args) == 1 && (c.Args[0] == "--version" || c.Args[0] == "-V") {
		c.Print(c.Name + " (gzip) 1.12\nCopyright (C) 2007, 2011-2022 Free Software Foundation, Inc.\n")
		return 0
	}
	if len(c.Args) == 1 && c.Args[0] == "--help" {
		c.Print("Usage: " + c.Name + " [OPTION]... [FILE]...\n")
		return 0
	}
	if _, typed := c.In.(program.Keyboard); len(c.Args) == 0 && typed && c.Out.TTY {
		c.Err.Print("usage: " + c.Name + " files...\n")
		return 1
	}
	p := &program.Pipe{Budget: c.Kernel}
	out := c.Streams
	out.Out = program.Stream{Writer: p}
	var files []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			files = append(files, a)
		}
	}
	status := c.Run(append([]string{unpack, "-f"}, files...), out)
	if c.Stop != nil {
		return status
	}
	if strings.HasSuffix(c.Name, "more") {
		pause(c, p.String())
	} else if !show(c, "", p.String()) {
		c.Print(p.String())
	}
	return status
}
