package text

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func basename(c *program.Call) int {
	f, names, ok := c.Parse("+as:z", "multiple=a suffix=:s")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	if len(names) > 2 && !f.Has("a") && !f.Has("s") {
		c.Usage("extra operand ‘" + names[2] + "’")
		return 1
	}
	suffix := f.Value["s"]
	if len(names) == 2 && !f.Has("a") && !f.Has("s") {
		suffix, names = names[1], names[:1]
	}
	for _, name := range names {
		b := program.Base("/" + strings.TrimRight(name, "/"))
		if b == "" && name != "" {
			b = "/"
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		c.Print(b + "\n")
	}
	return 0
}

func dirname(c *program.Call) int {
	f, names, ok := c.Parse("z", "zero=z")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.Missing()
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	for _, name := range names {
		trimmed := strings.TrimRight(name, "/")
		i := strings.LastIndexByte(trimmed, '/')
		for i > 0 && trimmed[i-1] == '/' {
			i--
		}
		switch {
		case i < 0 && (trimmed != "" || name == ""):
			trimmed = "."
		case i <= 0:
			trimmed = "/"
		default:
			trimmed = trimmed[:i]
		}
		c.Print(trimmed + end)
	}
	return 0
}

func tee(c *program.Call) int {
	f, names, ok := c.Parse("aip", "append=a ignore-interrupts=i")
	if !ok {
		return 1
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	status := 0
	flags := vfs.Write | vfs.Create | vfs.Truncate
	if f.Has("a") {
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	c.Write(c.Out, string(data))
	for _, name := range names {
		file, err := c.Open(name, flags)
		if err == nil {
			_, err = file.Write(data)
		}
		if err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
		}
	}
	return status
}

func yes(c *program.Call) int {
	text := "y"
	if len(c.Args) > 0 {
		text = strings.Join(c.Args, " ")
	}
	block := strings.Repeat(text+"\n", 64)
	for !c.Busy() {
		c.Print(block)
	}
	return 1
}
