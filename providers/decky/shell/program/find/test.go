package find

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// predicate reads a test or an action, whose name is read already.
func (q *query) predicate(a string) (predicate, string) {
	constant := func(ok bool) (predicate, string) { return func(*visit) bool { return ok }, "" }
	switch a {
	case "-true", "-follow", "-noleaf", "-daystart", "-warn", "-nowarn", "-ignore_readdir_race":
		return constant(true)
	case "-xdev", "-mount":
		q.mounts = map[string]bool{}
		for _, m := range q.c.Machine.Mounts() {
			q.mounts[m[1]] = true
		}
		return constant(true)
	case "-depth":
		q.after = true
		return constant(true)
	case "-false":
		return constant(false)
	case "-prune":
		return func(v *visit) bool { v.prune = !q.after; return true }, ""
	case "-quit":
		q.acts = true
		return func(*visit) bool { q.quit = true; return false }, ""
	case "-empty":
		return func(v *visit) bool {
			if v.info.IsDir() {
				list, err := q.c.View().ReadDir(q.c.Path(v.path))
				return err == nil && len(list) == 0
			}
			return v.info.IsFile() && v.info.Size == 0
		}, ""
	case "-readable", "-writable", "-executable":
		want := map[string]uint32{"-readable": 4, "-writable": 2, "-executable": 1}[a]
		return func(v *visit) bool { return q.c.View().Access(q.c.Path(v.path), want) == nil }, ""
	case "-nouser", "-nogroup":
		return constant(false)
	case "-print", "-print0", "-delete", "-ls":
		return q.action(a), ""
	case "-exec", "-execdir", "-ok", "-okdir":
		return q.execution(a)
	}
	return q.withArgument(a)
}

// withArgument reads the tests and options that take a word.
func (q *query) withArgument(a string) (predicate, string) {
	known := []string{"-name", "-iname", "-path", "-wholename", "-ipath", "-regex", "-iregex", "-type", "-perm", "-user", "-group", "-uid", "-gid", "-size", "-mtime", "-atime", "-ctime", "-mmin", "-amin", "-cmin", "-newer", "-samefile", "-links", "-inum", "-maxdepth", "-mindepth", "-printf", "-fstype", "-regextype", "-lname"}
	if !slices.Contains(known, a) {
		return nil, "unknown predicate `" + a + "'"
	}
	arg, problem := q.argument(a)
	if problem != "" {
		return nil, problem
	}
	switch a {
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return nil, "Expected a positive decimal integer argument to " + a + ", but got ‘" + arg + "’"
		}
		if a == "-maxdepth" {
			q.depth = n
		} else {
			q.above = n
		}
		return func(*visit) bool { return true }, ""
	case "-fstype", "-regextype":
		return func(*visit) bool { return a == "-regextype" || arg == "ext4" }, ""
	case "-printf":
		q.acts = true
		return func(v *visit) bool { q.c.Print(q.formatted(arg, v)); return true }, ""
	case "-name", "-iname", "-path", "-wholename", "-ipath", "-regex", "-iregex", "-lname":
		return nameTest(a, arg)
	case "-type":
		return typeTest(arg)
	case "-perm":
		return permTest(arg)
	case "-user", "-group", "-uid", "-gid":
		return q.ownerTest(a, arg)
	case "-newer", "-samefile":
		other, err := q.c.View().Stat(q.c.Path(arg))
		if err != nil {
			return nil, "‘" + arg + "’: " + vfs.Text(err)
		}
		return func(v *visit) bool {
			if a == "-samefile" {
				return v.info.Ino == other.Ino
			}
			return v.info.MTime.After(other.MTime)
		}, ""
	}
	return q.numberTest(a, arg)
}

func nameTest(a, glob string) (predicate, string) {
	fold := strings.HasPrefix(a, "-i")
	if fold {
		glob = strings.ToLower(glob)
	}
	var re *regex.Regexp
	if strings.HasSuffix(a, "regex") {
		var err error
		if re, err = regex.Compile("^\\("+glob+"\\)$", false, fold); err != nil {
			return nil, "failed to compile regular expression: " + regex.Problem(err)
		}
	}
	return func(v *visit) bool {
		subject := v.path
		switch a {
		case "-name", "-iname":
			subject = program.Base("/" + strings.TrimRight(v.path, "/"))
		case "-lname":
			subject = v.info.Target
		}
		if re != nil {
			return re.MatchString(subject)
		}
		if fold {
			subject = strings.ToLower(subject)
		}
		return pattern.Match(glob, subject)
	}, ""
}

func typeTest(kinds string) (predicate, string) {
	for kind := range strings.SplitSeq(kinds, ",") {
		if len(kind) != 1 || strings.IndexByte("bcdpflsD", kind[0]) < 0 {
			return nil, "Unknown argument to -type: " + kind
		}
	}
	return func(v *visit) bool { return strings.Contains(kinds, fileLetter(v.info)) }, ""
}

// fileLetter is a file's type as find names it.
func fileLetter(info vfs.Info) string {
	return strings.Replace(program.ModeString(info.Mode)[:1], "-", "f", 1)
}

func permTest(text string) (predicate, string) {
	some, all := strings.HasPrefix(text, "/"), strings.HasPrefix(text, "-")
	bits, ok := program.NewMode(strings.TrimLeft(text, "/-"), 0)
	if !ok {
		return nil, "invalid mode ‘" + text + "’"
	}
	return func(v *visit) bool {
		mode := v.info.Mode & 0o7777
		switch {
		case some:
			return bits == 0 || mode&bits != 0
		case all:
			return mode&bits == bits
		}
		return mode == bits
	}, ""
}

func (q *query) ownerTest(a, arg string) (predicate, string) {
	id, err := strconv.Atoi(arg)
	if err != nil {
		id = -1
	}
	m := q.c.Machine
	switch a {
	case "-user":
		for _, account := range m.Accounts() {
			if account.Name == arg {
				id = account.UID
			}
		}
		if id < 0 {
			return nil, "‘" + arg + "’ is not the name of a known user"
		}
	case "-group":
		for _, g := range m.Groups() {
			if g.Name == arg {
				id = g.GID
			}
		}
		if id < 0 {
			return nil, "‘" + arg + "’ is not the name of an existing group"
		}
	}
	return func(v *visit) bool {
		if a == "-user" || a == "-uid" {
			return v.info.UID == id
		}
		return v.info.GID == id
	}, ""
}

// numberTest is n, +n and -n of sizes, ages, links and inodes.
func (q *query) numberTest(a, arg string) (predicate, string) {
	digits := strings.TrimLeft(arg, "+-")
	unit := int64(512)
	if a == "-size" && digits != "" {
		units := map[byte]int64{'c': 1, 'w': 2, 'b': 512, 'k': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
		if last := digits[len(digits)-1]; last < '0' || last > '9' {
			var ok bool
			if unit, ok = units[last]; !ok {
				return nil, "invalid -size type `" + string(rune(last)) + "'"
			}
			digits = digits[:len(digits)-1]
		}
	}
	want, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, "invalid argument `" + arg + "' to `" + a + "'"
	}
	value := func(v *visit) int64 {
		age := q.c.Now().Sub(v.info.MTime)
		switch {
		case a == "-size":
			return (v.info.Size + unit - 1) / unit
		case strings.HasSuffix(a, "min"):
			return int64(age / time.Minute)
		case a == "-links":
			return int64(v.info.Links)
		case a == "-inum":
			return int64(v.info.Ino)
		}
		return int64(age / (24 * time.Hour))
	}
	return func(v *visit) bool {
		switch n := value(v); arg[0] {
		case '+':
			return n > want
		case '-':
			return n < want
		default:
			return n == want
		}
	}, ""
}
