package script

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{"perl": perl, "perl5.36.0": perl, "python2.7": python2}
	for _, name := range strings.Fields("python3 python3.6 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13") {
		all[name] = python
	}
	return all
}

// release is the version of a package on this host, as its authors number it.
func release(c *program.Call, pack, otherwise string) string {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == pack {
			v := p.Version
			if _, after, ok := strings.Cut(v, ":"); ok {
				v = after
			}
			v, _, _ = strings.Cut(v, "-")
			return v
		}
	}
	return otherwise
}

// builds are what python's banner says of its making. Facts: sys.version of the
// distributions' packages.
var builds = map[string]string{
	"debian": "(main, Nov 30 2024, 21:22:50) [GCC 12.2.0]", "ubuntu22": "(main, Nov  6 2024, 20:22:13) [GCC 11.4.0]", "ubuntu20": "(default, Nov  7 2024, 15:18:55) \n[GCC 9.4.0]",
	"kali": "(main, Nov  8 2024, 12:13:57) [GCC 14.2.0]", "rocky9": "(main, Dec  5 2024, 00:00:00) \n[GCC 11.5.0 20240719 (Red Hat 11.5.0-2)]", "fedora": "(main, Oct  1 2024, 00:00:00) [GCC 14.2.1 20240912 (Red Hat 14.2.1-3)]",
	"arch": "(main, Oct  1 2024, 00:00:00) [GCC 14.2.1 20240910]", "alpine": "(main, Nov 20 2024, 00:00:00) [GCC 13.2.1 20231014]",
}

const pythonUsage = "usage: %s [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `python -h' for more information.\n"

// python2 is CentOS' python.
func python2(c *program.Call) int {
	return run(c, "2.7.5", "(default, Nov 14 2023, 16:14:06) \n[GCC 4.8.5 20150623 (Red Hat 4.8.5-44)]")
}

func python(c *program.Call) int {
	build := builds[c.Machine.Release.Slug]
	if build == "" {
		build = builds["debian"]
	}
	return run(c, release(c, "python3", "3.11.2"), build)
}

// run is a python of a version.
func run(c *program.Call, version, build string) int {
	p := &interpreter{c: c, version: version, build: build, old: version[0] == '2', values: map[string]any{}, file: "<string>"}
	args := c.Args
	var text string
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		a := args[0]
		switch {
		case a == "-V" || a == "--version" || a == "-VV":
			if p.old {
				c.Err.Print("Python " + version + "\n")
				return 0
			}
			c.Print("Python " + version + map[bool]string{true: " " + strings.ReplaceAll(build, "\n", "")}[a == "-VV"] + "\n")
			return 0
		case a == "-h" || a == "--help" || a == "-?":
			c.Printf("usage: %s [option] ... [-c cmd | -m mod | file | -] [arg] ...\nOptions:\n-c cmd : run a statement\n-i     : go on at the prompt\n-m mod : run a module\n-u     : do not hold output back\n-V     : tell the version\n", "/usr/bin/"+c.Name)
			return 0
		case strings.HasPrefix(a, "--"):
			c.Err.Print("unknown option " + a + "\n" + strings.Replace(pythonUsage, "%s", "/usr/bin/"+c.Name, 1))
			return 2
		}
		if at := strings.IndexAny(a, "cm"); at > 0 && strings.Trim(a[1:at], "bBdEiIOPqsSuvx") == "" {
			operand := a[at+1:]
			if operand == "" {
				if len(args) < 2 {
					c.Err.Print("Argument expected for the -" + a[at:at+1] + " option\n" + strings.Replace(pythonUsage, "%s", "/usr/bin/"+c.Name, 1))
					return 2
				}
				operand, args = args[1], args[1:]
			}
			if a[at] == 'm' {
				return p.module(operand, args[1:])
			}
			p.argv = append([]string{"-c"}, args[1:]...)
			return p.script(operand)
		}
		if bad := strings.Trim(a[1:], "bBdEiIOPqsSuvxWX"); bad != "" {
			c.Err.Print("Unknown option: -" + bad[:1] + "\n" + strings.Replace(pythonUsage, "%s", "/usr/bin/"+c.Name, 1))
			return 2
		}
		args = args[1:]
	}
	switch {
	case len(args) > 0 && args[0] != "-":
		data, err := c.Read(args[0])
		if err != nil {
			c.Err.Print("/usr/bin/" + c.Name + ": can't open file '" + c.Path(args[0]) + "': [Errno " + map[bool]string{true: "2", false: "13"}[vfs.Text(err) == "No such file or directory"] + "] " + vfs.Text(err) + "\n")
			return 2
		}
		text, p.file, p.argv = string(data), c.Path(args[0]), args
	default:
		if _, typed := c.In.(program.Keyboard); typed && c.Out.TTY {
			return p.prompt()
		}
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		text, p.file, p.argv = string(data), "<stdin>", []string{""}
	}
	return p.script(text)
}

// module is python -m.
func (p *interpreter) module(name string, args []string) int {
	c := p.c
	switch name {
	case "http.server", "SimpleHTTPServer":
		port := "8000"
		if len(args) > 0 {
			port = args[0]
		}
		c.Print("Serving HTTP on 0.0.0.0 port " + port + " (http://0.0.0.0:" + port + "/) ...\n")
		c.Wait(c.Kernel.Time())
		return 0
	case "pip", "venv", "ensurepip", "requests":
		c.Err.Print("/usr/bin/" + c.Name + ": No module named " + name + "\n")
		return 1
	case "this":
		c.Kernel.Unknown()
		return 0
	}
	c.Kernel.Unknown()
	if standard(name) {
		return 0
	}
	c.Err.Print("/usr/bin/" + c.Name + ": No module named " + name + "\n")
	return 1
}

// standard tells a module of the standard library.
func standard(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	return strings.Contains(" abc argparse array ast asyncio base64 binascii bisect bz2 calendar cmd code codecs collections concurrent configparser contextlib copy csv ctypes curses datetime decimal difflib dis email enum errno fcntl fileinput fnmatch fractions ftplib functools gc getopt getpass glob grp gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword locale logging lzma marshal math mimetypes mmap multiprocessing operator optparse os pathlib pdb pickle pkgutil platform poplib posix pprint pty pwd queue random re readline resource runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics string struct subprocess sys sysconfig syslog tarfile telnetlib tempfile termios textwrap threading time timeit token tokenize traceback tty types typing unicodedata unittest urllib uuid venv warnings weakref webbrowser xml xmlrpc zipfile zlib builtins __future__ ", " "+name+" ")
}

// prompt is the interactive python.
func (p *interpreter) prompt() int {
	c := p.c
	p.file, p.repl = "<stdin>", true
	c.Print("Python " + p.version + " " + p.build + " on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n")
	block := ""
	for !c.Busy() {
		mark := ">>> "
		if block != "" {
			mark = "... "
		}
		c.Print(mark)
		line, eof, err := program.ReadLine(c.In, '\n', 64<<10)
		if err != nil || eof && line == "" {
			c.Print("\n")
			return 0
		}
		if block != "" && strings.TrimSpace(line) != "" || strings.HasSuffix(strings.TrimSpace(line), ":") {
			if len(block) < 64<<10 {
				block += line + "\n"
			}
			continue
		}
		text := block + line
		block = ""
		if strings.TrimSpace(text) == "" {
			continue
		}
		p.script(text)
		if p.ended {
			return p.status
		}
	}
	return 1
}
