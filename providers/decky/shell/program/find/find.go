package find

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func find(c *program.Call) int {
	var roots []string
	args := c.Args
	for len(args) > 0 && (args[0] == "-H" || args[0] == "-L" || args[0] == "-P") {
		args = args[1:]
	}
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" && args[0] != "(" {
		roots, args = append(roots, args[0]), args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	q := &query{c: c, args: args, depth: 1 << 20}
	test, problem := q.expression(0)
	if problem == "" && q.pos < len(args) {
		problem = "invalid expression; you have too many ')'"
	}
	if problem != "" {
		return c.Complain("%s", problem)
	}
	if test == nil {
		test = func(*visit) bool { return true }
	}
	for _, root := range roots {
		if _, err := c.View().Lstat(c.Path(root)); err != nil {
			q.status = c.Complain("‘%s’: %s", root, vfs.Text(err))
			continue
		}
		q.walk(root, root, test, 0)
	}
	q.finish()
	return q.status
}

// predicate is a test or an action.
type predicate func(*visit) bool

// visit is one file that find comes by.
type visit struct {
	path, root string
	info       vfs.Info
	depth      int
	prune      bool
}

// query is find's expression as it is parsed and run.
type query struct {
	c      *program.Call
	args   []string
	pos    int
	depth  int
	above  int
	acts   bool // an action stands in it: no -print of its own
	after  bool // -depth and -delete: what is in a directory comes first
	quit   bool
	seen   int
	status int
	groups []*grouped      // of -exec {} +
	mounts map[string]bool // where -xdev goes no further
}

// grouped collects what one -exec {} + is given.
type grouped struct {
	command []string
	names   []string
}

// maxFindDepth bounds nested parentheses.
const maxFindDepth = 100

// expression reads terms joined by -o and a comma up to a closing parenthesis;
// nil is an empty one.
func (q *query) expression(depth int) (predicate, string) {
	if depth > maxFindDepth {
		return nil, "invalid expression; too many parentheses"
	}
	var whole, left predicate
	for {
		term, problem := q.conjunction(depth)
		if problem != "" {
			return nil, problem
		}
		switch {
		case left == nil:
			left = term
		case term == nil:
			return nil, "invalid expression; you have used a binary operator '" + q.args[q.pos-1] + "' with nothing after it."
		default:
			a, b := left, term
			left = func(v *visit) bool { return a(v) || b(v) }
		}
		switch q.peek() {
		case "-o", "-or":
			if term == nil {
				return nil, "invalid expression; you have used a binary operator '" + q.peek() + "' with nothing before it."
			}
			q.pos++
			continue
		case ",":
			q.pos++
			whole, left = sequenced(whole, left), nil
			continue
		}
		break
	}
	whole = sequenced(whole, left)
	if depth == 0 && !q.acts {
		test := whole
		whole = func(v *visit) bool {
			if test == nil || test(v) {
				q.c.Print(v.path + "\n")
			}
			return true
		}
	}
	return whole, ""
}

// sequenced runs both and takes the second's answer.
func sequenced(a, b predicate) predicate {
	if a == nil {
		return b
	}
	return func(v *visit) bool { a(v); return b == nil || b(v) }
}

func (q *query) peek() string {
	if q.pos < len(q.args) {
		return q.args[q.pos]
	}
	return ""
}

// conjunction reads terms that stand side by side or with -a between them.
func (q *query) conjunction(depth int) (predicate, string) {
	var all predicate
	for q.pos < len(q.args) {
		a := q.args[q.pos]
		if a == "-o" || a == "-or" || a == "," || a == ")" {
			break
		}
		if a == "-a" || a == "-and" {
			q.pos++
			continue
		}
		term, problem := q.term(depth)
		if problem != "" {
			return nil, problem
		}
		if all == nil {
			all = term
		} else {
			x, y := all, term
			all = func(v *visit) bool { return x(v) && y(v) }
		}
	}
	return all, ""
}

func (q *query) term(depth int) (predicate, string) {
	a := q.args[q.pos]
	q.pos++
	switch a {
	case "!", "-not":
		if q.pos >= len(q.args) {
			return nil, "expected an expression after '" + a + "'"
		}
		if depth > maxFindDepth {
			return nil, "invalid expression; too many negations"
		}
		term, problem := q.term(depth + 1)
		if problem != "" {
			return nil, problem
		}
		return func(v *visit) bool { return !term(v) }, ""
	case "(":
		inner, problem := q.expression(depth + 1)
		switch {
		case problem != "":
			return nil, problem
		case q.peek() != ")":
			return nil, "invalid expression; I was expecting to find a ')' somewhere but did not see one."
		case inner == nil:
			return nil, "invalid expression; empty parentheses are not allowed."
		}
		q.pos++
		return inner, ""
	}
	if !strings.HasPrefix(a, "-") {
		problem := "paths must precede expression: `" + a + "'"
		if q.pos > 2 && (q.args[q.pos-3] == "-name" || q.args[q.pos-3] == "-iname" || q.args[q.pos-3] == "-path") {
			problem += "\nfind: possible unquoted pattern after predicate `" + q.args[q.pos-3] + "'?"
		}
		return nil, problem
	}
	return q.predicate(a)
}

// argument is what follows a predicate.
func (q *query) argument(name string) (string, string) {
	if q.pos >= len(q.args) {
		return "", "missing argument to `" + name + "'"
	}
	q.pos++
	return q.args[q.pos-1], ""
}

// walk visits a file and what is below it.
func (q *query) walk(path, root string, test predicate, depth int) {
	c := q.c
	info, err := c.View().Lstat(c.Path(path))
	if q.seen++; err != nil || q.seen > program.MaxWalk || depth > 64 || q.quit || c.Busy() {
		return
	}
	v := &visit{path: path, root: root, info: info, depth: depth}
	if depth >= q.above && !q.after {
		test(v)
	}
	if info.IsDir() && depth < q.depth && !v.prune && !q.quit && !(depth > 0 && q.mounts[c.Path(path)]) {
		list, err := c.View().ReadDir(c.Path(path))
		if err != nil {
			q.status = c.Complain("‘%s’: %s", path, vfs.Text(err))
		}
		for _, entry := range list {
			q.walk(strings.TrimSuffix(path, "/")+"/"+entry.Name, root, test, depth+1)
		}
	}
	if depth >= q.above && q.after && !q.quit {
		test(v)
	}
}

// finish runs what -exec {} + collected.
func (q *query) finish() {
	for _, g := range q.groups {
		if len(g.names) == 0 || q.c.Stop != nil {
			continue
		}
		if q.c.Run(append(append([]string{}, g.command...), g.names...), q.c.Streams) != 0 {
			q.status = 1
		}
	}
}

func du(c *program.Call) int {
	f, names, ok := c.Parse("abcd:hkmsxS", "summarize=s human-readable=h max-depth=:d all=a total=c bytes=b")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	depth := 1 << 20
	if n, err := strconv.Atoi(f.Value["d"]); err == nil {
		depth = n
	}
	if f.Has("s") {
		depth = 0
	}
	u := &usage{c: c, f: f, depth: depth}
	total := int64(0)
	for _, name := range names {
		info, err := c.View().Lstat(c.Path(name))
		if err != nil {
			u.status = c.Complain("cannot access '%s': %s", name, vfs.Text(err))
			continue
		}
		total += u.sum(name, info, 0)
	}
	if f.Has("c") {
		u.show("total", total)
	}
	return u.status
}

// usage is one du.
type usage struct {
	c      *program.Call
	f      program.Flags
	depth  int
	seen   int
	status int
}

func (u *usage) show(name string, size int64) {
	text := strconv.FormatInt((size+1023)/1024, 10)
	switch {
	case u.f.Has("h"):
		text = program.Human(size)
	case u.f.Has("b"):
		text = strconv.FormatInt(size, 10)
	case u.f.Has("m"):
		text = strconv.FormatInt((size+1<<20-1)>>20, 10)
	}
	u.c.Print(text + "\t" + name + "\n")
}

// sum shows a directory's size after those below it, and returns it.
func (u *usage) sum(name string, info vfs.Info, depth int) int64 {
	size := info.Size
	if !u.f.Has("b") {
		size = (info.Size + 4095) / 4096 * 4096
		if info.IsLink() {
			size = 0
		}
	}
	if u.seen++; u.seen > program.MaxWalk || depth > 64 || u.c.Busy() {
		return size
	}
	if info.IsDir() {
		list, err := u.c.View().ReadDir(u.c.Path(name))
		if err != nil {
			u.status = u.c.Complain("cannot read directory '%s': %s", name, vfs.Text(err))
		}
		for _, entry := range list {
			size += u.sum(strings.TrimSuffix(name, "/")+"/"+entry.Name, entry, depth+1)
		}
	}
	if depth <= u.depth && (info.IsDir() || u.f.Has("a") || depth == 0) {
		u.show(name, size)
	}
	return size
}
