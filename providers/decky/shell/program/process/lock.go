package process

import (
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// flock runs a command while it has a file's lock (util-linux 2.38).
func flock(c *program.Call) int {
	c.Hint = "Try 'flock --help' for more information."
	f, args, ok := c.Parse("+sexnow:uE:cFhV", "shared=s exclusive=x unlock=u nonblocking=n nb=n nonblock=n timeout=:w wait=:w conflict-exit-code=:E close=o no-fork=F verbose=v help=h version=V")
	if !ok {
		return 64
	}
	if f.Has("V") {
		c.Version()
		return 0
	}
	conflict, patience := 1, time.Duration(-1)
	if f.Has("E") {
		n, err := strconv.Atoi(f.Value["E"])
		if err != nil || n < 0 || n > 255 {
			c.Err.Print("flock: invalid exit code: '" + f.Value["E"] + "'\n")
			return 64
		}
		conflict = n
	}
	if f.Has("w") {
		d, ok := program.Interval(f.Value["w"])
		if !ok {
			c.Err.Print("flock: invalid timeout value: '" + f.Value["w"] + "'\n")
			return 64
		}
		patience = d
	}
	if f.Has("n") {
		patience = 0
	}
	switch {
	case len(args) == 0:
		c.Err.Print("flock: not enough arguments\n" + c.Hint + "\n")
		return 64
	case len(args) == 1:
		return descriptor(c, args[0])
	}
	file, err := c.Open(args[0], vfs.Read|vfs.Create)
	if err != nil {
		if file, err = c.Open(args[0], vfs.Read); err != nil { // a directory
			c.Err.Print("flock: cannot open lock file " + args[0] + ": " + vfs.Text(err) + "\n")
			return map[bool]int{true: 66, false: 69}[strings.HasSuffix(vfs.Text(err), "directory")]
		}
	}
	_ = file
	release, got := taken(c, c.Path(args[0]), patience)
	if !got {
		return conflict
	}
	defer release()
	command := args[1:]
	if command[0] == "-c" || command[0] == "--command" {
		if len(command) != 2 {
			c.Err.Print("flock: -c requires exactly one command argument\n")
			return 64
		}
		command = []string{"/bin/sh", "-c", command[1]}
	}
	status := c.Execute(command, c.Streams, "failed to execute %s: %s")
	if status == 127 || status == 126 { // it is execvp(3)'s failure that has a status of its own
		if _, err := c.Find(command[0]); err != nil {
			return 69
		}
	}
	return status
}

// descriptor locks an open file, which nobody else has locked.
func descriptor(c *program.Call, name string) int {
	n, err := strconv.Atoi(name)
	if err != nil {
		c.Err.Print("flock: bad file descriptor: '" + name + "'\n")
		return 64
	}
	if _, open := c.Streams.Other[n]; !open && (n < 0 || n > 2) {
		c.Err.Print("flock: " + name + ": Bad file descriptor\n")
		return 65
	}
	return 0
}

// taken waits for a lock; below nought the patience has no end.
func taken(c *program.Call, path string, patience time.Duration) (release func(), ok bool) {
	for {
		if release, ok = c.Machine.Lock(path); ok {
			return release, true
		}
		if patience == 0 || c.Busy() || !c.Wait(glance) {
			return nil, false
		}
		if patience > 0 {
			patience = max(patience-glance, 0)
		}
	}
}

// stdbuf runs a command with other buffers, which nobody sees.
func stdbuf(c *program.Call) int {
	f, args, ok := c.Parse("+i:o:e:", "input=:i output=:o error=:e help=h version=V")
	if !ok {
		return 125
	}
	if f.Has("V") {
		c.Version()
		return 0
	}
	for _, mode := range []string{"i", "o", "e"} {
		value := f.Value[mode]
		if !f.Has(mode) || value == "L" && mode != "i" {
			continue
		}
		if value == "L" {
			c.Usage("line buffering stdin is meaningless")
			return 125
		}
		if _, ok := program.Count(value); !ok {
			return c.Complain("invalid mode ‘%s’", value) * 125
		}
	}
	switch {
	case len(args) == 0:
		return c.Missing() * 125
	case !f.Has("i") && !f.Has("o") && !f.Has("e"):
		c.Usage("you must specify a buffering mode option")
		return 125
	}
	return c.Execute(args, c.Streams, "failed to run command ‘%s’: %s")
}

// architectures are those that a kernel of x86-64 can show, with what uname -m
// then says; others run as they are.
var architectures = map[string]string{
	"linux32": "i686", "i386": "i686", "i486": "i686", "i586": "i686", "i686": "i686", "linux64": "x86_64", "x86_64": "x86_64", "athlon": "i686", "uname26": "",
}

// setarch runs a command as on another processor of the family.
func setarch(c *program.Call) int {
	args := c.Args
	name := c.Name
	if name == "setarch" {
		if len(args) == 0 {
			c.Err.Print("setarch: no architecture argument or personality flags specified\n")
			return 1
		}
		if !strings.HasPrefix(args[0], "-") {
			name, args = args[0], args[1:]
		}
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-V", "--version":
			c.Version()
			return 0
		case "--list":
			c.Print("uname26\nlinux32\nlinux64\ni386\ni486\ni586\ni686\nathlon\nx86_64\n")
			return 0
		}
		args = args[1:]
	}
	if _, known := architectures[name]; !known && name != "setarch" && name != c.Machine.Host.Machine {
		c.Err.Print("setarch: " + name + ": Unrecognized architecture\n")
		return 1
	}
	if len(args) == 0 {
		args = []string{"/bin/sh"}
	}
	return c.Execute(args, c.Streams, "failed to execute %s: %s")
}
