package shell

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func find(c *call) int {
	var roots []string
	args := c.args
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" && args[0] != "(" {
		roots, args = append(roots, args[0]), args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	q := &query{c: c, depth: 1 << 20}
	if problem := q.parse(args); problem != "" {
		return c.complain("%s", problem)
	}
	status := 0
	for _, root := range roots {
		if _, err := c.view().Lstat(c.path(root)); err != nil {
			status = c.complain("‘%s’: %s", root, vfs.Text(err))
			continue
		}
		c.walk(root, q.visit)
	}
	return status
}

// query is find's expression: tests joined by and.
type query struct {
	c      *call
	tests  []func(path string, info vfs.Info) bool
	depth  int
	above  int
	action func(path string, info vfs.Info)
}

func (q *query) parse(args []string) string {
	c := q.c
	negate := false
	for i := 0; i < len(args); i++ {
		arg := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		add := func(test func(string, vfs.Info) bool) {
			if negate {
				q.tests = append(q.tests, func(p string, info vfs.Info) bool { return !test(p, info) })
			} else {
				q.tests = append(q.tests, test)
			}
			negate = false
		}
		switch a := args[i]; a {
		case "!", "-not":
			negate = !negate
		case "-name", "-iname":
			pattern := arg()
			add(func(path string, _ vfs.Info) bool {
				name := base("/" + path)
				if a == "-iname" {
					return match(strings.ToLower(pattern), strings.ToLower(name))
				}
				return match(pattern, name)
			})
		case "-path", "-wholename":
			pattern := arg()
			add(func(path string, _ vfs.Info) bool { return match(pattern, path) })
		case "-type":
			kind := arg()
			add(func(_ string, info vfs.Info) bool {
				return strings.Contains(kind, strings.Replace(modeString(info.Mode)[:1], "-", "f", 1))
			})
		case "-perm":
			add(permTest(arg()))
		case "-user":
			uid := c.uid(arg())
			add(func(_ string, info vfs.Info) bool { return info.UID == uid })
		case "-writable":
			add(func(path string, _ vfs.Info) bool { return c.view().Access(c.path(path), 2) == nil })
		case "-executable":
			add(func(path string, _ vfs.Info) bool { return c.view().Access(c.path(path), 1) == nil })
		case "-size", "-mtime", "-mmin", "-newer", "-group", "-atime", "-ctime":
			arg()
		case "-empty":
			add(func(_ string, info vfs.Info) bool { return info.IsFile() && info.Size == 0 })
		case "-maxdepth":
			n, _ := count(arg())
			q.depth = int(n)
		case "-mindepth":
			n, _ := count(arg())
			q.above = int(n)
		case "-delete":
			q.action = func(path string, _ vfs.Info) { _ = c.view().Remove(c.path(path)) }
		case "-ls":
			q.action = func(path string, info vfs.Info) {
				info.Name = path
				(&listing{c: c, f: flags{}, long: true, now: c.r.session.machine.now()}).show([]vfs.Info{info}, false)
			}
		case "-exec", "-execdir", "-ok":
			var command []string
			for i++; i < len(args) && args[i] != ";" && args[i] != "+"; i++ {
				command = append(command, args[i])
			}
			if i >= len(args) || len(command) == 0 {
				return "missing argument to `-exec'"
			}
			q.action = q.execute(command)
		case "-print", "-a", "-and", "-xdev", "-mount", "-follow", "-noleaf", "(", ")", "-o", "-or", "-print0", "-prune":
		default:
			return "unknown predicate `" + a + "'"
		}
	}
	return ""
}

func permTest(text string) func(string, vfs.Info) bool {
	some, all := strings.HasPrefix(text, "/"), strings.HasPrefix(text, "-")
	bits, ok := newMode(strings.TrimLeft(text, "/-"), 0)
	return func(_ string, info vfs.Info) bool {
		mode := info.Mode & 0o7777
		switch {
		case !ok:
			return false
		case some:
			return mode&bits != 0
		case all:
			return mode&bits == bits
		}
		return mode == bits
	}
}

func (q *query) execute(command []string) func(string, vfs.Info) {
	return func(path string, _ vfs.Info) {
		args := make([]string, len(command))
		for i, a := range command {
			args[i] = strings.ReplaceAll(a, "{}", path)
		}
		if q.c.stop == nil {
			q.c.stop = q.c.r.program(args, q.c.io)
		}
	}
}

func (q *query) visit(path string, info vfs.Info, depth int) bool {
	hit := depth >= q.above
	for _, test := range q.tests {
		hit = hit && test(path, info)
	}
	if hit {
		if q.action != nil {
			q.action(path, info)
		} else {
			q.c.print(path + "\n")
		}
	}
	return depth < q.depth && q.c.stop == nil
}

func du(c *call) int {
	f, names, ok := c.parse("abcd:hkmsxS", "summarize=s human-readable=h max-depth=:d all=a")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		total := int64(0)
		c.walk(name, func(_ string, info vfs.Info, _ int) bool {
			total += (info.Size + 4095) / 4096 * 4
			return true
		})
		size := strconv.FormatInt(total, 10)
		if f.has("h") {
			size = human(total * 1024)
		}
		c.print(size + "\t" + name + "\n")
	}
	return 0
}
