package pager

import (
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

var section = regexp.MustCompile(`^[1-9nl][a-z]*$`)

// man shows a page of our own for what is installed, of the usual shape.
// Facts: man-db 2.11.2.
func man(c *program.Call) int {
	c.Hint = "Try 'man --help' or 'man --usage' for more information.\n"
	f, names, ok := c.Parse("+C:dDfkKlwWcR:L:m:M:S:s:e:iIauP:r:7E:p:tT::H::X::Z?V", "debug=d where=w path=w whatis=f apropos=k all=a pager=:P manpath=:M locale=:L sections=:s help=? version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print("man " + releaseOfMan(c) + "\n")
		return 0
	case f.Has("?"):
		c.Print("Usage: man [OPTION...] [SECTION] PAGE...\n\n  -a, --all                  all pages that fit\n  -f, --whatis               the line of NAME\n  -k, --apropos              search the lines of NAME\n  -w, --where, --path        where the page lies\n  -V, --version              print program version\n")
		return 0
	}
	wanted := ""
	if len(names) > 1 && section.MatchString(names[0]) {
		wanted, names = names[0], names[1:]
	}
	if len(names) == 0 {
		if f.Has("w") {
			c.Print("/usr/local/man:/usr/local/share/man:/usr/share/man\n")
			return 0
		}
		if wanted != "" {
			c.Err.Print("No manual entry for " + wanted + "\n")
			return 16
		}
		if f.Has("k") || f.Has("f") {
			c.Err.Print(map[bool]string{true: "apropos", false: "whatis"}[f.Has("k")] + " what?\n")
			return 1
		}
		c.Err.Print("What manual page do you want?\nFor example, try 'man man'.\n")
		return 1
	}
	status := 0
	for _, name := range names {
		path, number := pageOf(c, name, wanted)
		switch {
		case path == "" && (f.Has("k") || f.Has("f")):
			c.Err.Print(name + ": nothing appropriate.\n")
			status = 16
		case path == "" && wanted != "":
			c.Err.Print("No manual entry for " + name + " in section " + wanted + "\n")
			status = 16
		case path == "":
			c.Err.Print("No manual entry for " + name + "\n")
			status = 16
		case f.Has("w"):
			c.Print(path + "\n")
		case f.Has("k") || f.Has("f"):
			c.Printf("%-20s - %s\n", name+" ("+number+")", summary(c, name))
		default:
			text := manual(c, name, number)
			if !show(c, "", text) {
				c.Print(text)
			}
		}
	}
	return status
}

func releaseOfMan(c *program.Call) string {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == "man-db" {
			release, _, _ := strings.Cut(p.Version, "-")
			return release
		}
	}
	return "2.11.2"
}

// pageOf is where the page of a name lies and its section.
func pageOf(c *program.Call, name, wanted string) (path, number string) {
	if name == "" || strings.Contains(name, "/") {
		return "", ""
	}
	for _, number := range []string{"1", "8", "5", "7", "2", "3"} {
		if wanted != "" && wanted != number {
			continue
		}
		for _, dir := range []string{"/usr/share/man/man", "/usr/local/share/man/man"} {
			path := dir + number + "/" + name + "." + number + ".gz"
			if _, err := c.View().Stat(path); err == nil {
				return path, number
			}
		}
	}
	return "", ""
}

func summary(c *program.Call, name string) string {
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == name {
			return p.Summary
		}
	}
	return "manual page of " + name
}

// manual is a page: what is known of a program, as man sets it.
func manual(c *program.Call, name, number string) string {
	cols := c.Cols
	if cols < 40 || cols > 200 || !c.Out.TTY {
		cols = 80
	}
	title := strings.ToUpper(name) + "(" + number + ")"
	middle := map[string]string{"1": "User Commands", "8": "System Manager's Manual", "5": "File Formats Manual", "7": "Miscellaneous Information Manual"}[number]
	pad := max(1, (cols-len(middle)-2*len(title))/2)
	head := title + strings.Repeat(" ", pad) + middle + strings.Repeat(" ", max(1, cols-2*len(title)-len(middle)-pad)) + title
	return head + "\n\nNAME\n       " + name + " - " + summary(c, name) + "\n\nSYNOPSIS\n       " + name + " [OPTION]... [ARGUMENT]...\n\nSEE ALSO\n       The command " + name + " --help lists the options.\n\n" + head + "\n"
}
