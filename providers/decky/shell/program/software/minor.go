package software

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// chosen is the link that an alternative stands for, and what it leads to.
func chosen(c *program.Call, name string) (link, target string, ok bool) {
	info, err := root(c).Lstat("/etc/alternatives/" + name)
	if err != nil || info.Target == "" || strings.Contains(name, "/") {
		return "", "", false
	}
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"} {
		if l, err := root(c).Lstat(dir + name); err == nil && l.Target == "/etc/alternatives/"+name {
			return dir + name, info.Target, true
		}
	}
	return "/usr/bin/" + name, info.Target, true
}

// alternatives is update-alternatives; each has the one choice that is made.
func alternatives(c *program.Call) int {
	verb := ""
	var rest []string
	for _, a := range c.Args {
		if strings.HasPrefix(a, "--") && verb == "" && !slices.Contains([]string{"--quiet", "--verbose", "--force", "--skip-auto"}, a) {
			verb = a
		} else if !strings.HasPrefix(a, "--") {
			rest = append(rest, a)
		}
	}
	fail := func(text string) int {
		c.Err.Print("update-alternatives: error: " + text + "\n")
		return 2
	}
	if slices.Contains([]string{"--display", "--query", "--list", "--config", "--auto", "--remove-all"}, verb) && len(rest) == 0 {
		return fail(verb + " needs <name>\n\nUse 'update-alternatives --help' for program usage information.")
	}
	switch verb {
	case "--version":
		c.Print("Debian update-alternatives version " + dpkgVersion(c) + ".\n\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n")
	case "--help":
		c.Print("Usage: update-alternatives [<option> ...] <command>\n\nCommands:\n  --install <link> <name> <path> <priority>\n  --remove <name> <path>\n  --remove-all <name>\n  --auto <name>\n  --display <name>\n  --query <name>\n  --list <name>\n  --get-selections\n  --config <name>\n  --set <name> <path>\n  --all\n")
	case "--display", "--query", "--list", "--config", "--auto", "--remove-all":
		link, target, ok := chosen(c, rest[0])
		if !ok {
			return fail("no alternatives for " + rest[0])
		}
		switch verb {
		case "--display":
			c.Printf("%s - auto mode\n  link best version is %s\n  link currently points to %s\n  link %s is %s\n%s - priority 50\n", rest[0], target, target, rest[0], link, target)
		case "--query":
			c.Printf("Name: %s\nLink: %s\nStatus: auto\nBest: %s\nValue: %s\n\nAlternative: %s\nPriority: 50\n", rest[0], link, target, target, target)
		case "--list":
			c.Print(target + "\n")
		case "--config":
			c.Printf("There is only one alternative in link group %s (providing %s): %s\nNothing to configure.\n", rest[0], link, target)
		}
	case "--get-selections":
		entries, err := root(c).ReadDir("/etc/alternatives")
		if err != nil {
			return 2
		}
		for _, e := range entries {
			if e.Target != "" && !strings.HasSuffix(e.Name, ".gz") {
				c.Printf("%-30s %-8s %s\n", e.Name, "auto", e.Target)
			}
		}
	case "--install", "--set", "--remove":
		if want := map[string]int{"--install": 4, "--set": 2, "--remove": 2}[verb]; len(rest) < want {
			return fail(verb + map[string]string{"--install": " needs <link> <name> <path> <priority>", "--set": " needs <name> <path>", "--remove": " needs <name> <path>"}[verb] + "\n\nUse 'update-alternatives --help' for program usage information.")
		}
		name, target := rest[0], rest[1]
		if verb == "--install" {
			name, target = rest[1], rest[2]
		}
		if _, _, ok := chosen(c, name); !ok && verb != "--install" {
			return fail("no alternatives for " + name)
		}
		if strings.Contains(name, "/") {
			return fail("alternative name (" + name + ") must not contain '/' and spaces.")
		}
		if _, err := c.View().Stat(target); err != nil && verb == "--install" {
			return fail("alternative path " + target + " doesn't exist")
		}
		if c.User.UID != 0 {
			return fail("unable to create file '/var/lib/dpkg/alternatives/" + name + ".dpkg-tmp': Permission denied")
		}
		if verb == "--remove" {
			return 0
		}
		path := "/etc/alternatives/" + name
		if _, err := root(c).Lstat(path); err == nil && root(c).Remove(path) != nil {
			return 2
		}
		if err := root(c).Symlink(target, path); err != nil {
			return fail("unable to install '" + path + "': " + vfs.Text(err))
		}
		if verb == "--install" {
			if _, err := root(c).Lstat(rest[0]); err != nil {
				if err := root(c).Symlink(path, rest[0]); err != nil {
					return fail("unable to install '" + rest[0] + "': " + vfs.Text(err))
				}
			}
		}
		c.Printf("update-alternatives: using %s to provide %s (%s) in auto mode\n", target, map[bool]string{true: rest[0], false: "/usr/bin/" + name}[verb == "--install"], name)
	default:
		return fail("need --display, --query, --list, --get-selections, --config, --set, --set-selections, --install, --remove, --all, --remove-all or --auto\n\nUse 'update-alternatives --help' for program usage information.")
	}
	return 0
}

// helper is a program of dpkg or debconf that says what it wants: words without
// an argument, and nothing where there are some.
func helper(words string, status int) program.Func {
	return func(c *program.Call) int {
		for _, a := range c.Args {
			switch a {
			case "--version":
				c.Print("Debian " + c.Name + " version " + dpkgVersion(c) + ".\n")
				return 0
			case "--help", "-h":
				c.Print("Usage: " + c.Name + " [<option>...] <command>\n")
				return 0
			}
		}
		if len(c.Args) == 0 {
			c.Err.Print(words)
			return status
		}
		return 0
	}
}

// override is dpkg-statoverride: its list is a file.
func override(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Err.Print("dpkg-statoverride: error: need an action option\n\nUse --help for help about overriding file stat information.\n")
		return 2
	}
	data, err := root(c).ReadFile("/var/lib/dpkg/statoverride")
	switch {
	case c.Args[0] == "--list" && err == nil:
		c.Print(string(data))
		if len(data) == 0 {
			return 1
		}
	case c.Args[0] == "--add", c.Args[0] == "--remove", c.Args[0] == "--update":
		if c.User.UID != 0 {
			c.Err.Print("dpkg-statoverride: error: unable to create new file '/var/lib/dpkg/statoverride-new': Permission denied\n")
			return 2
		}
		if len(c.Args) >= 5 {
			if err := appendTo(root(c), "/var/lib/dpkg/statoverride", strings.Join(c.Args[len(c.Args)-4:], " ")+"\n"); err != nil {
				return 2
			}
		}
	}
	return 0
}

// realpath is dpkg-realpath.
func realpath(c *program.Call) int {
	if len(c.Args) == 0 {
		c.Err.Print("dpkg-realpath: error: missing pathname\n\nUse --help for help about this utility.\n")
		return 2
	}
	path, err := c.View().Resolve(c.Path(c.Args[len(c.Args)-1]))
	if err != nil {
		c.Err.Print(fmt.Sprintf("dpkg-realpath: error: cannot resolve pathname '%s': %s\n", c.Args[len(c.Args)-1], vfs.Text(err)))
		return 2
	}
	c.Print(path + "\n")
	return 0
}

// reconfigure is dpkg-reconfigure.
func reconfigure(c *program.Call) int {
	_, names, ok := c.Parse("p:f:ahu", "priority=:p frontend=:f all=a unseen-only=u default-priority=d force=9 no-reload=9 terse=9 help=h")
	switch {
	case !ok:
		return 1
	case c.User.UID != 0:
		c.Err.Print("/usr/sbin/dpkg-reconfigure must be run as root\n")
		return 1
	case len(names) == 0:
		c.Err.Print("/usr/sbin/dpkg-reconfigure: please specify a package to reconfigure\n")
		return 1
	}
	for _, n := range names {
		if _, ok := find(installed(c), n); !ok {
			c.Err.Print("/usr/sbin/dpkg-reconfigure: package '" + n + "' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n/usr/sbin/dpkg-reconfigure: " + n + " is not installed\n")
			return 1
		}
	}
	return 0
}

// quietly reads its input and says nothing, as debconf's programs for scripts do.
func quietly(c *program.Call) int {
	if len(c.Args) > 0 && c.Args[0] != "-" && !strings.HasPrefix(c.Args[0], "-") {
		return 0
	}
	if _, err := c.ReadAll(c.In); err != nil {
		return 1
	}
	return 0
}
