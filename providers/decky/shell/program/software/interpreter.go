package software

import (
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// printed is print("...") and the like: all that the interpreters evaluate.
var printed = regexp.MustCompile(`^\s*(?:print|say|echo)\s*\(?\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\d+)(?:\s*([-+*])\s*(\d+))?)\s*\)?\s*;?\s*$`)

// evaluate runs a script of single prints; ok is false where there is more.
func evaluate(script, end string) (out string, ok bool) {
	for line := range strings.FieldsFuncSeq(script, func(r rune) bool { return r == '\n' || r == ';' }) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		m := printed.FindStringSubmatch(line)
		switch {
		case m == nil:
			return out, false
		case m[3] != "":
			a, _ := word.Number(m[3])
			if b, isNumber := word.Number(m[5]); isNumber && m[5] != "" {
				switch m[4] {
				case "+":
					a += b
				case "-":
					a -= b
				default:
					a *= b
				}
			}
			out += program.Decimal(a) + end
		case m[2] != "":
			out += m[2] + end
		default:
			text, _ := word.Escapes(m[1], false)
			out += text + end
		}
	}
	return out, true
}

// python is python3: it prints what is to be printed and knows no module.
func python(c *program.Call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" && args[0] != "-m" && args[0] != "-" {
		switch args[0] {
		case "-V", "--version":
			c.Print("Python 3.11.2\n")
			return 0
		case "-h", "--help":
			c.Print("usage: " + c.Name + " [option] ... [-c cmd | -m mod | file | -] [arg] ...\n")
			return 0
		}
		if strings.Trim(args[0][1:], "BbdEhiIOqsSuvxW") != "" {
			c.Err.Print("Unknown option: " + args[0][:2] + "\nusage: " + c.Name + " [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `python -h' for more information.\n")
			return 2
		}
		args = args[1:]
	}
	script, file := "", "<string>"
	switch {
	case len(args) > 1 && args[0] == "-c":
		script = args[1]
	case len(args) > 0 && args[0] == "-c":
		c.Err.Print("Argument expected for the -c option\nusage: " + c.Name + " [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `python -h' for more information.\n")
		return 2
	case len(args) > 1 && args[0] == "-m":
		c.Kernel.Unknown()
		c.Err.Print("/usr/bin/" + c.Name + ": No module named " + args[1] + "\n")
		return 1
	case len(args) > 0 && args[0] != "-":
		data, err := c.Read(args[0])
		if err != nil {
			c.Err.Print(c.Name + ": can't open file '" + c.Path(args[0]) + "': [Errno 2] " + vfs.Text(err) + "\n")
			return 2
		}
		script, file = string(data), c.Path(args[0])
	default:
		if c.Out.TTY {
			c.Print("Python 3.11.2 (main, Nov 30 2024, 21:22:50) [GCC 12.2.0] on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n>>> \n")
			return 0
		}
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		script, file = string(data), "<stdin>"
	}
	out, ok := evaluate(strings.NewReplacer("import sys\n", "", "import os\n", "", "import sys;", "", "import os;", "").Replace(script), "\n")
	c.Print(out)
	if ok {
		return 0
	}
	c.Kernel.Unknown()
	if m := regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(\w+)`).FindStringSubmatch(script); m != nil {
		c.Err.Print("Traceback (most recent call last):\n  File \"" + file + "\", line 1, in <module>\nModuleNotFoundError: No module named '" + m[1] + "'\n")
		return 1
	}
	c.Err.Print("MemoryError\n")
	return 1
}

// perl is perl: it prints what is to be printed.
func perl(c *program.Call) int {
	args := c.Args
	script, end := "", ""
	given := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-v" || a == "--version":
			c.Print("\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64-linux-gnu-thread-multi\n(with 60 registered patches, see perl -V for more detail)\n\nCopyright 1987-2022, Larry Wall\n")
			return 0
		case strings.HasSuffix(a, "e") || strings.HasSuffix(a, "E"):
			if len(args) == 0 {
				c.Err.Print("No code specified for -e.\n")
				return 2
			}
			if strings.Contains(a, "l") || strings.HasSuffix(a, "E") {
				end = "\n"
			}
			script, args, given = script+args[0]+"\n", args[1:], true
		}
	}
	if !given {
		if len(args) == 0 {
			return 0
		}
		data, err := c.Read(args[0])
		if err != nil {
			c.Err.Print("Can't open perl script \"" + args[0] + "\": " + vfs.Text(err) + "\n")
			return 2
		}
		script = string(data)
	}
	out, ok := evaluate(script, end)
	c.Print(out)
	if !ok {
		c.Kernel.Unknown()
		c.Err.Print("Out of memory!\n")
		return 1
	}
	return 0
}
