package archive

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// wrappers are the scripts around grep, diff and cmp that look into what is
// compressed: by what they unpack with.
var wrappers = map[string]string{"z": "gzip", "bz": "bzip2", "xz": "xz"}

// wrapped are those scripts by their names.
func wrapped() map[string]program.Func {
	all := map[string]program.Func{}
	for prefix, unpacker := range wrappers {
		for _, tool := range []string{"grep", "egrep", "fgrep"} {
			all[prefix+tool] = func(c *program.Call) int { return grepIn(c, unpacker, tool) }
		}
		for _, tool := range []string{"diff", "cmp"} {
			all[prefix+tool] = func(c *program.Call) int { return compareIn(c, unpacker, tool) }
		}
	}
	return all
}

// unpacked is what a file holds, compressed or not.
func unpacked(c *program.Call, unpacker, name string) (text string, ok bool) {
	pipe := &program.Pipe{Budget: c.Kernel}
	s := c.Streams
	s.Out = program.Stream{Writer: pipe}
	args := []string{unpacker, "-cdf"}
	if name != "-" {
		args = append(args, "--", name)
	}
	status := c.Run(args, s)
	return pipe.String(), status == 0
}

// takers are grep's letters that take an argument.
const takers = "ABCDdefm"

// grepIn is zgrep and its kin. Facts: gzip 1.12, bzip2 1.0.8, xz 5.4.
func grepIn(c *program.Call, unpacker, tool string) int {
	var options, files []string
	pattern := false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "--version" && unpacker != "bzip2":
			if unpacker == "gzip" {
				c.Print(c.Name + " (gzip) 1.12\nCopyright (C) 2010-2018 Free Software Foundation, Inc.\nThis is free software.  You may redistribute copies of it under the terms of\nthe GNU General Public License <https://www.gnu.org/licenses/gpl.html>.\nThere is NO WARRANTY, to the extent permitted by law.\n\nWritten by Jean-loup Gailly.\n")
			} else {
				c.Print(c.Name + " (XZ Utils) 5.4.1\n")
			}
			return 0
		case a == "--help" && unpacker != "bzip2":
			c.Print("Usage: " + c.Name + " [OPTION]... [-e] PATTERN [FILE]...\nLook for a pattern in files that may be compressed; options are those of " + tool + ".\n")
			return 0
		case a == "--":
		case len(a) > 1 && a[0] == '-' && !pattern || len(a) > 1 && a[0] == '-' && files == nil:
			options = append(options, a)
			if a[1] != '-' && strings.IndexByte(takers, a[len(a)-1]) >= 0 && i+1 < len(c.Args) {
				i++
				options = append(options, c.Args[i])
				pattern = pattern || a[len(a)-1] == 'e' || a[len(a)-1] == 'f'
			}
		case !pattern:
			options, pattern = append(options, "-e", a), true
		default:
			files = append(files, a)
		}
	}
	if !pattern {
		switch unpacker {
		case "gzip":
			c.Err.Print("/usr/bin/" + c.Name + ": 188: 1: missing pattern; try `/usr/bin/" + c.Name + " --help' for help\n")
			return 2
		case "bzip2":
			c.Print("grep through bzip2 files\nusage: " + c.Name + " [grep_options] pattern [files]\n")
			return 2
		}
		c.Err.Print(c.Name + ": No pattern. See `" + c.Name + " --help'\n")
		return 2
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	status := 1
	for _, name := range files {
		text, ok := unpacked(c, unpacker, name)
		if !ok {
			status = 2
			continue
		}
		s := c.Streams
		s.In = strings.NewReader(text)
		pipe := &program.Pipe{Budget: c.Kernel}
		named := len(files) > 1 && !slices.Contains(options, "-h")
		if named {
			s.Out = program.Stream{Writer: pipe}
		}
		if c.Run(append([]string{tool}, options...), s) == 0 && status == 1 {
			status = 0
		}
		if named {
			for line := range strings.Lines(pipe.String()) {
				c.Print(name + ":" + line)
			}
		}
		if c.Stop != nil {
			return status
		}
	}
	return status
}

// compareIn is zdiff, zcmp and their kin.
func compareIn(c *program.Call, unpacker, tool string) int {
	var options, files []string
	for _, a := range c.Args {
		switch {
		case a == "--version" && unpacker == "gzip":
			c.Print(c.Name + " (gzip) 1.12\nCopyright (C) 2009-2022 Free Software Foundation, Inc.\n")
			return 0
		case a == "--help":
			c.Print("Usage: " + c.Name + " [OPTION]... FILE1 [FILE2]\nCompare files that may be compressed; options are those of " + tool + ".\n")
			return 0
		case len(a) > 1 && a[0] == '-':
			options = append(options, a)
		default:
			files = append(files, a)
		}
	}
	switch {
	case len(files) == 0 && unpacker == "gzip":
		c.Err.Print("/usr/bin/" + c.Name + ": missing operand\n/usr/bin/" + c.Name + ": Try '/usr/bin/" + c.Name + " --help' for more information.\n")
		return 2
	case len(files) == 0 || len(files) > 2:
		c.Err.Print("Invalid number of operands; try `" + c.Name + " --help' for help\n")
		return 2
	}
	second := ""
	if len(files) == 2 {
		second = files[1]
	} else {
		second = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(files[0], ".gz"), ".bz2"), ".xz")
	}
	a, ok := unpacked(c, unpacker, files[0])
	if !ok {
		return 2
	}
	b, ok := unpacked(c, unpacker, second)
	if !ok {
		return 2
	}
	// The first comes through the pipe, the second through a file that is gone
	// afterwards, as the scripts have it.
	name := "/tmp/" + program.Base(second) + "." + program.Decimal(int64(c.Machine.NextPID()))
	if err := c.View().WriteFile(name, []byte(b), 0o600); err != nil {
		return 2
	}
	s := c.Streams
	s.In = strings.NewReader(a)
	pipe := &program.Pipe{Budget: c.Kernel}
	s.Out = program.Stream{Writer: pipe}
	status := c.Run(append(append([]string{tool}, options...), "-", name), s)
	shown := strings.NewReplacer("- "+name, "/dev/fd/5 -", name, "-")
	if !strings.HasSuffix(second, "z") && !strings.HasSuffix(second, "z2") {
		shown = strings.NewReplacer(name, second)
	}
	c.Print(shown.Replace(pipe.String()))
	if err := c.View().Remove(name); err != nil {
		return 2
	}
	return status
}
