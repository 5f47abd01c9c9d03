package software

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

const dpkgHelp = "\nType dpkg --help for help about installing and deinstalling packages [*];\nUse 'apt' or 'aptitude' for user-friendly package management;\nType dpkg -Dhelp for a list of dpkg debug flag values;\nType dpkg --force-help for a list of forcing options;\nType dpkg-deb --help for help about manipulating *.deb files;\n\nOptions marked [*] produce a lot of output - pipe it through 'less' or 'more' !\n"

// dpkgVersion is that of the host's dpkg.
func dpkgVersion(c *program.Call) string {
	if p, ok := find(installed(c), "dpkg"); ok {
		return p.version
	}
	return "1.21.22"
}

// dpkgVerbs are the actions by their options.
var dpkgVerbs = map[string]string{
	"-l": "list", "--list": "list", "-s": "status", "--status": "status", "-L": "files", "--listfiles": "files", "-S": "search", "--search": "search", "-i": "install", "--install": "install", "-r": "remove", "--remove": "remove", "-P": "purge", "--purge": "purge", "-p": "print", "--print-avail": "print", "-W": "show", "--show": "show",
	"--get-selections": "selections", "--set-selections": "set", "--print-architecture": "arch", "--print-foreign-architectures": "none", "--version": "version", "--help": "help", "-?": "help", "--configure": "configure", "--audit": "none", "-C": "none", "--compare-versions": "compare", "--unpack": "install", "-V": "verify", "--verify": "verify",
	"--add-architecture": "root", "--remove-architecture": "root", "--clear-avail": "root", "--update-avail": "root", "-c": "contents", "--contents": "contents", "-I": "info", "--info": "info", "-x": "info", "--extract": "info", "-X": "info", "-f": "info", "--field": "info", "-b": "build", "--build": "build", "--control-path": "none", "-e": "info", "--fsys-tarfile": "info",
}

// dpkg is dpkg and dpkg-query.
func dpkg(c *program.Call) int {
	verb, option, format := "", "", ""
	var names []string
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		name, value, assigned := strings.Cut(a, "=")
		switch {
		case dpkgVerbs[a] != "" && verb == "" && (a != "-f" || c.Name != "dpkg-query"):
			verb, option = dpkgVerbs[a], a
		case a == "-f" || a == "--showformat":
			if i++; i < len(c.Args) {
				format = c.Args[i]
			}
		case assigned && (name == "-f" || name == "--showformat"):
			format = value
		case strings.HasPrefix(a, "-f") && c.Name == "dpkg-query":
			format = strings.TrimPrefix(a[2:], "=")
		case strings.HasPrefix(a, "--force") || strings.HasPrefix(a, "--no-") || strings.HasPrefix(a, "--root") || strings.HasPrefix(a, "--admindir") || slices.Contains([]string{"-a", "--pending", "-E", "-G", "-R", "--recursive", "-O", "-B", "-D", "--no-pager", "--skip-same-version", "--load-avail", "--auto-deconfigure"}, a):
			if a == "-a" || a == "--pending" {
				names = append(names, a)
			}
		case strings.HasPrefix(a, "-") && len(a) > 1 && verb != "compare":
			c.Err.Print(c.Name + ": error: unknown option " + a + "\n" + dpkgTail(c))
			return 2
		default:
			names = append(names, a)
		}
	}
	if verb == "" {
		c.Err.Print(c.Name + ": error: need an action option\n" + dpkgTail(c))
		return 2
	}
	return dpkgDo(c, verb, option, format, names)
}

func dpkgTail(c *program.Call) string {
	if c.Name == "dpkg-query" {
		return "\nUse --help for help about querying packages.\n"
	}
	return dpkgHelp
}

func dpkgDo(c *program.Call, verb, option, format string, names []string) int {
	have := installed(c)
	need := func(what string) int {
		c.Err.Print(c.Name + ": error: " + option + " needs at least one " + what + " argument\n" + dpkgTail(c))
		return 2
	}
	switch verb {
	case "version":
		who, what := "Debian 'dpkg' package management program", "."
		if c.Name == "dpkg-query" {
			who = "Debian dpkg-query package management program query tool"
		}
		c.Print(who + " version " + dpkgVersion(c) + " (" + architecture(c.Machine.Release) + ")" + what + "\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n")
	case "help":
		c.Print("Usage: " + c.Name + " [<option>...] <command>\n\nCommands:\n")
		for _, v := range []string{"-i|--install <.deb file name>...", "-r|--remove <package>...", "-P|--purge <package>...", "-V|--verify <package>...", "-l|--list [<pattern>...]", "-s|--status [<package>...]", "-L|--listfiles <package>...", "-S|--search <pattern>...", "--get-selections [<pattern>...]", "--print-architecture"} {
			c.Print("  " + v + "\n")
		}
	case "arch":
		c.Print(architecture(c.Machine.Release) + "\n")
	case "list":
		return dpkgList(c, have, names)
	case "show":
		return dpkgShow(c, have, names, format)
	case "status", "print":
		return dpkgStatusOf(c, have, names)
	case "files":
		if len(names) == 0 {
			return need("package name")
		}
		status := 0
		for i, n := range names {
			p, ok := find(have, n)
			if !ok {
				c.Err.Print("dpkg-query: package '" + n + "' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n")
				status = 1
				continue
			}
			if i > 0 {
				c.Print("\n")
			}
			c.Print("/.\n" + strings.Join(filesOf(c, p), "\n") + "\n")
		}
		return status
	case "search":
		if len(names) == 0 {
			return need("file name pattern")
		}
		return dpkgSearch(c, have, names)
	case "selections":
		for _, p := range have {
			if like(p.name, names) {
				c.Print(p.name + strings.Repeat("\t", max(1, (48-len(p.name)-1)/8+1-len(p.name)%8/8)-0) + "install\n")
			}
		}
	case "compare":
		return compareVersions(c, names)
	case "verify", "none":
	case "set", "root", "configure":
		if c.User.UID != 0 {
			c.Err.Print("dpkg: error: requested operation requires superuser privilege\n")
			return 2
		}
	case "contents", "info", "build":
		inner := *c
		inner.Name = "dpkg-deb"
		return dpkgDeb(&inner)
	case "install":
		return dpkgInstall(c, option, names)
	case "remove", "purge":
		return dpkgRemove(c, have, names, need)
	}
	return 0
}

// dpkgList is the table of packages: as wide as the names are, or the terminal.
func dpkgList(c *program.Call, have []pack, names []string) int {
	var rows []pack
	for _, p := range have {
		if like(p.name, names) {
			rows = append(rows, p)
		}
	}
	if len(rows) > 0 {
		n, v, a, d := 14, 12, 12, 33
		for _, p := range rows {
			n, v, a, d = max(n, len(p.name)), max(v, len(p.version)), max(a, len(p.arch)), max(d, len(p.summary))
		}
		if c.Out.TTY && c.Cols > 0 { // dpkg fits the table to the terminal
			d = max(c.Cols-n-v-a-7, 10)
		} else if len(names) > 0 && d < 80 {
			d = max(d, 33)
		}
		c.Print("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n")
		c.Printf("||/ %-*s %-*s %-*s %s\n+++-%s-%s-%s-%s\n", n, "Name", v, "Version", a, "Architecture", "Description", strings.Repeat("=", n), strings.Repeat("=", v), strings.Repeat("=", a), strings.Repeat("=", d))
		for _, p := range rows {
			s := p.summary
			if c.Out.TTY && len(s) > d {
				s = s[:d]
			}
			c.Printf("ii  %-*s %-*s %-*s %s\n", n, p.name, v, p.version, a, p.arch, s)
		}
	}
	status := 0
	for _, n := range names {
		if !slices.ContainsFunc(have, func(p pack) bool { return like(p.name, []string{n}) }) {
			c.Err.Print("dpkg-query: no packages found matching " + n + "\n")
			status = 1
		}
	}
	return status
}

// dpkgShow is dpkg-query -W.
func dpkgShow(c *program.Call, have []pack, names []string, format string) int {
	if format == "" {
		format = "${binary:Package}\\t${Version}\\n"
	}
	format = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`).Replace(format)
	for _, p := range have {
		if !like(p.name, names) {
			continue
		}
		fields := map[string]string{"binary:Package": p.name, "db:Status-Abbrev": "ii ", "db:Status-Status": "installed", "db:Status-Want": "install", "binary:Summary": p.summary, "source:Package": p.name, "source:Version": p.version}
		for line := range strings.SplitSeq(p.fields, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				fields[name] = value
			}
		}
		c.Print(expand(format, fields))
	}
	status := 0
	for _, n := range names {
		if !slices.ContainsFunc(have, func(p pack) bool { return like(p.name, []string{n}) }) {
			c.Err.Print("dpkg-query: no packages found matching " + n + "\n")
			status = 1
		}
	}
	return status
}

// expand fills ${Field;width} in.
func expand(format string, fields map[string]string) string {
	var b strings.Builder
	for format != "" {
		before, rest, ok := strings.Cut(format, "${")
		b.WriteString(before)
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("${" + rest)
			break
		}
		name, width, wide := strings.Cut(name, ";")
		value := fields[name]
		if wide {
			var n int
			if _, err := fmt.Sscan(width, &n); err == nil && n > -200 && n < 200 {
				value = fmt.Sprintf("%*s", n, value)
			}
		}
		b.WriteString(value)
		format = after
	}
	return b.String()
}

func dpkgStatusOf(c *program.Call, have []pack, names []string) int {
	status := 0
	if len(names) == 0 {
		for _, p := range have {
			c.Print(p.fields + "\n\n")
		}
		return 0
	}
	for i, n := range names {
		p, ok := find(have, n)
		if !ok {
			c.Err.Print("dpkg-query: package '" + n + "' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n")
			status = 1
			continue
		}
		if i > 0 {
			c.Print("\n")
		}
		c.Print(p.fields + "\n")
	}
	return status
}

// dpkgSearch says which packages bring files.
func dpkgSearch(c *program.Call, have []pack, names []string) int {
	status := 0
	for _, n := range names {
		found := false
		whole := strings.HasPrefix(n, "/")
		for _, p := range have {
			if c.Busy() {
				return 2
			}
			for _, f := range filesOf(c, p) {
				// A merged /usr is spelled both ways.
				if whole && (f == n || strings.TrimPrefix(f, "/usr") == strings.TrimPrefix(n, "/usr")) {
					c.Print(p.name + ": " + n + "\n")
					found = true
				} else if !whole && strings.Contains(f, strings.Trim(n, "*")) {
					c.Print(p.name + ": " + f + "\n")
					found = true
				}
			}
			if found && whole {
				break
			}
		}
		if !found {
			c.Err.Print("dpkg-query: no path found matching pattern " + n + "\n")
			status = 1
		}
	}
	return status
}

func dpkgInstall(c *program.Call, option string, names []string) int {
	if len(names) == 0 {
		c.Err.Print("dpkg: error: " + option + " needs at least one package archive file argument\n" + dpkgHelp)
		return 2
	}
	if c.User.UID != 0 {
		c.Err.Print("dpkg: error: requested operation requires superuser privilege\n")
		return 2
	}
	for _, n := range names {
		_, err := c.View().Stat(c.Path(n))
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, fs.ErrNotExist) {
			c.Err.Print("dpkg: error: cannot access archive '" + n + "': No such file or directory\n")
			return 2
		}
	}
	var bad []string
	for _, n := range names {
		c.Err.Print("dpkg-deb: error: '" + n + "' is not a Debian format archive\ndpkg: error processing archive " + n + " (--install):\n dpkg-deb --control subprocess returned error exit status 2\n")
		bad = append(bad, " "+n)
	}
	c.Err.Print("Errors were encountered while processing:\n" + strings.Join(bad, "\n") + "\n")
	return 1
}

func dpkgRemove(c *program.Call, have []pack, names []string, need func(string) int) int {
	if len(names) == 0 {
		return need("package name")
	}
	if c.User.UID != 0 {
		c.Err.Print("dpkg: error: requested operation requires superuser privilege\n")
		return 2
	}
	for _, n := range names {
		p, ok := find(have, n)
		if !ok {
			c.Err.Print("dpkg: warning: ignoring request to remove " + n + " which isn't installed\n")
			continue
		}
		c.Printf("(Reading database ... %d files and directories currently installed.)\nRemoving %s (%s) ...\n", 25_000+int(c.Machine.Number("dpkg/files", 2000, 19_000)), p.name, p.version)
		if err := take(c, p); err != nil {
			c.Err.Print("dpkg: error: " + vfs.Text(err) + "\n")
			return 2
		}
	}
	return 0
}

// compareVersions is --compare-versions.
func compareVersions(c *program.Call, names []string) int {
	if len(names) != 3 {
		c.Err.Print("dpkg: error: --compare-versions takes three arguments: <version> <relation> <version>\n" + dpkgHelp)
		return 2
	}
	d := versionOrder(names[0], names[2])
	ok := false
	switch names[1] {
	case "lt", "lt-nl", "<<":
		ok = d < 0
	case "le", "le-nl", "<=", "<":
		ok = d <= 0
	case "eq", "=":
		ok = d == 0
	case "ne":
		ok = d != 0
	case "ge", "ge-nl", ">=", ">":
		ok = d >= 0
	case "gt", "gt-nl", ">>":
		ok = d > 0
	default:
		c.Err.Print("dpkg: error: --compare-versions bad relation\n" + dpkgHelp)
		return 2
	}
	if ok {
		return 0
	}
	return 1
}

// versionOrder compares versions as deb-version(7) orders them.
func versionOrder(a, b string) int {
	epoch := func(v string) (string, string) {
		if e, rest, ok := strings.Cut(v, ":"); ok {
			return e, rest
		}
		return "0", v
	}
	ea, a := epoch(a)
	eb, b := epoch(b)
	if d := partOrder(ea, eb); d != 0 {
		return d
	}
	parts := func(v string) (string, string) {
		if i := strings.LastIndexByte(v, '-'); i >= 0 {
			return v[:i], v[i+1:]
		}
		return v, ""
	}
	ua, ra := parts(a)
	ub, rb := parts(b)
	if d := partOrder(ua, ub); d != 0 {
		return d
	}
	return partOrder(ra, rb)
}

// partOrder compares one part: text and numbers in turn, "~" before the end.
func partOrder(a, b string) int {
	weight := func(s string) int {
		switch {
		case s == "", s[0] >= '0' && s[0] <= '9':
			return 0
		case s[0] == '~':
			return -1
		case s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z':
			return int(s[0])
		}
		return int(s[0]) + 256
	}
	for a != "" || b != "" {
		for weight(a) != 0 || weight(b) != 0 {
			if d := weight(a) - weight(b); d != 0 {
				return d
			}
			a, b = a[1:], b[1:]
		}
		na := strings.TrimLeft(a[:len(a)-len(strings.TrimLeft(a, "0123456789"))], "0")
		nb := strings.TrimLeft(b[:len(b)-len(strings.TrimLeft(b, "0123456789"))], "0")
		a, b = strings.TrimLeft(a, "0123456789"), strings.TrimLeft(b, "0123456789")
		if d := len(na) - len(nb); d != 0 {
			return d
		}
		if d := strings.Compare(na, nb); d != 0 {
			return d
		}
	}
	return 0
}

// dpkgDeb looks into archives, which no file here is.
func dpkgDeb(c *program.Call) int {
	var names []string
	verb := ""
	for _, a := range c.Args {
		switch {
		case a == "--version":
			c.Print("Debian 'dpkg-deb' package archive backend version " + dpkgVersion(c) + " (" + architecture(c.Machine.Release) + ").\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. There is NO warranty.\n")
			return 0
		case a == "--help" || a == "-?":
			c.Print("Usage: dpkg-deb [<option>...] <command>\n\nCommands:\n  -b|--build <directory> [<deb>]\n  -c|--contents <deb>\n  -I|--info <deb> [<cfile>...]\n  -x|--extract <deb> <directory>\n")
			return 0
		case strings.HasPrefix(a, "-"):
			verb = a
		default:
			names = append(names, a)
		}
	}
	const tail = "\nType dpkg-deb --help for help about manipulating *.deb files;\nType dpkg --help for help about installing and deinstalling packages.\n"
	switch {
	case verb == "":
		c.Err.Print("dpkg-deb: error: need an action option\n" + tail)
		return 2
	case len(names) == 0:
		c.Err.Print("dpkg-deb: error: " + verb + " needs a .deb filename argument\n" + tail)
		return 2
	}
	if _, err := c.View().Stat(c.Path(names[0])); err != nil {
		c.Err.Print("dpkg-deb: error: failed to read archive '" + names[0] + "': " + vfs.Text(err) + "\n")
		return 2
	}
	c.Err.Print("dpkg-deb: error: '" + names[0] + "' is not a Debian format archive\n")
	return 2
}
