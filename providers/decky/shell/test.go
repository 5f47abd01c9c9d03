package shell

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// testCommand is test and [.
func testCommand(c *call) int {
	args := c.Args
	if closing := map[string]string{"[": "]", "[[": "]]"}[c.Name]; closing != "" {
		if len(args) == 0 || args[len(args)-1] != closing {
			c.testError("missing `]'", args)
			return 2
		}
		args = args[:len(args)-1]
	}
	if c.Name == "[[" {
		args = slices.Clone(args)
		for i, a := range args {
			args[i] = cmp.Or(map[string]string{"&&": "-a", "||": "-o"}[a], a)
		}
	}
	t := &tester{c: c, args: args}
	ok, err := t.evaluate()
	if err != "" {
		if err != silentMistake {
			c.testError(err, args)
		}
		return 2
	}
	if ok {
		return 0
	}
	return 1
}

// tester evaluates the words of test(1), by their number where POSIX says so.
type tester struct {
	c    *call
	args []string
	pos  int
}

func (t *tester) evaluate() (bool, string) {
	a := t.args
	switch len(a) {
	case 0:
		return false, ""
	case 1:
		return a[0] != "", ""
	case 2:
		if a[0] == "!" {
			return a[1] == "", ""
		}
		if !t.c.isUnary(a[0]) {
			return false, a[0] + ": unary operator expected"
		}
		return t.c.unaryTest(a[0], a[1])
	case 3:
		if t.c.isBinary(a[1]) {
			return t.c.binaryTest(a[0], a[1], a[2])
		}
		if a[1] == "-a" || a[1] == "-o" {
			return a[1] == "-a" && a[0] != "" && a[2] != "" || a[1] == "-o" && (a[0] != "" || a[2] != ""), ""
		}
		if a[0] == "!" {
			ok, err := (&tester{c: t.c, args: a[1:]}).evaluate()
			return !ok, err
		}
		if a[0] == "(" && a[2] == ")" {
			return a[1] != "", ""
		}
		return false, a[1] + ": binary operator expected"
	}
	ok, err := t.or(0)
	if err == "" && t.pos < len(a) {
		return false, "too many arguments"
	}
	return ok, err
}

func (t *tester) peek() string {
	if t.pos < len(t.args) {
		return t.args[t.pos]
	}
	return ""
}

const maxTestDepth = 100

func (t *tester) or(depth int) (bool, string) {
	ok, err := t.and(depth)
	for err == "" && t.peek() == "-o" {
		t.pos++
		var right bool
		right, err = t.and(depth)
		ok = ok || right
	}
	return ok, err
}

func (t *tester) and(depth int) (bool, string) {
	ok, err := t.not(depth)
	for err == "" && t.peek() == "-a" {
		t.pos++
		var right bool
		right, err = t.not(depth)
		ok = ok && right
	}
	return ok, err
}

func (t *tester) not(depth int) (bool, string) {
	if depth > maxTestDepth {
		return false, "too many arguments"
	}
	if t.pos >= len(t.args) {
		return false, "argument expected"
	}
	left := len(t.args) - t.pos
	a := t.args[t.pos]
	switch {
	case a == "!" && left > 1:
		t.pos++
		ok, err := t.not(depth + 1)
		return !ok, err
	case a == "(" && left > 1:
		t.pos++
		ok, err := t.or(depth + 1)
		if err == "" && t.peek() != ")" {
			return false, "`)' expected"
		}
		t.pos++
		return ok, err
	case left >= 3 && t.c.isBinary(t.args[t.pos+1]):
		t.pos += 3
		return t.c.binaryTest(a, t.args[t.pos-2], t.args[t.pos-1])
	case left >= 2 && t.c.isUnary(a):
		t.pos += 2
		return t.c.unaryTest(a, t.args[t.pos-1])
	}
	t.pos++
	return a != "", ""
}

func isUnary(op string) bool {
	return len(op) == 2 && op[0] == '-' && strings.IndexByte("abcdefghknoprstuvwxzGLNORS", op[1]) >= 0
}

// isUnary tells an operator of the dialect.
func (c *call) isUnary(op string) bool {
	return isUnary(op) && (c.r.state.dialect.bash() || c.external || op != "-v" && op != "-o" && op != "-a" && op != "-N" && op != "-R")
}

// isBinary tells an operator of the dialect: dash knows no ==.
func (c *call) isBinary(op string) bool {
	if op == "=~" {
		return c.Name == "[[" && c.r.state.dialect.ash()
	}
	return isBinary(op) && (op != "==" || c.external || !c.r.state.dialect.dash())
}

func isBinary(op string) bool {
	switch op {
	case "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (c *call) unaryTest(op, arg string) (bool, string) {
	switch op {
	case "-z":
		return arg == "", ""
	case "-n":
		return arg != "", ""
	case "-t":
		return c.r.session.options.TTY != "" && (arg == "0" || arg == "1" && c.Out.TTY || arg == "2"), ""
	case "-v":
		_, ok := c.r.variable(arg)
		return ok, ""
	case "-o":
		return c.r.state.options[arg], ""
	}
	return c.fileTest(op, arg), ""
}

// fileTest is the tests on files.
func (c *call) fileTest(op, arg string) bool {
	view := c.View()
	path := c.Path(arg)
	if op == "-L" || op == "-h" {
		info, err := view.Lstat(path)
		return err == nil && info.IsLink()
	}
	info, err := view.Stat(path)
	if err != nil {
		return false
	}
	switch op {
	case "-f":
		return info.IsFile()
	case "-d":
		return info.IsDir()
	case "-s":
		return info.Size > 0
	case "-r":
		return view.Access(path, 4) == nil
	case "-w":
		return view.Access(path, 2) == nil
	case "-x":
		return view.Access(path, 1) == nil
	case "-c":
		return info.Mode&vfs.TypeMask == vfs.TypeChar
	case "-b":
		return info.Mode&vfs.TypeMask == vfs.TypeBlock
	case "-p":
		return info.Mode&vfs.TypeMask == vfs.TypeFIFO
	case "-S":
		return info.Mode&vfs.TypeMask == vfs.TypeSocket
	case "-u":
		return info.Mode&0o4000 != 0
	case "-g":
		return info.Mode&0o2000 != 0
	case "-k":
		return info.Mode&0o1000 != 0
	case "-O":
		return info.UID == c.r.asUser.UID
	case "-G":
		return info.GID == c.r.asUser.GID
	case "-N":
		return false
	}
	return true
}

func (c *call) binaryTest(a, op, b string) (bool, string) {
	if c.Name == "[[" && c.r.state.dialect.ash() && (op == "=" || op == "==" || op == "!=" || op == "=~") {
		return c.looseTest(a, op, b)
	}
	switch op {
	case "=", "==":
		return a == b, ""
	case "!=":
		return a != b, ""
	case "<":
		return a < b, ""
	case ">":
		return a > b, ""
	case "-nt", "-ot", "-ef":
		return c.compareFiles(a, op, b), ""
	}
	x, err1 := strconv.ParseInt(strings.TrimSpace(a), 10, 64)
	if err1 != nil {
		return false, a + ": integer expression expected"
	}
	y, err2 := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
	if err2 != nil {
		return false, b + ": integer expression expected"
	}
	return compareNumbers(op, x, y), ""
}

// looseTest is a comparison of ash's [[, whose right side is a pattern, quoted
// or not.
func (c *call) looseTest(a, op, b string) (bool, string) {
	if op != "=~" {
		return pattern.Match(b, a) == (op != "!="), ""
	}
	re, err := regex.New(b, regex.Options{Dialect: regex.Extended, Close: true})
	if err != nil {
		return false, silentMistake
	}
	return re.MatchString(a), ""
}

// silentMistake is one that test does not speak of.
const silentMistake = "-"

func compareNumbers(op string, x, y int64) bool {
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	}
	return x >= y
}

func (c *call) compareFiles(a, op, b string) bool {
	x, err1 := c.View().Stat(c.Path(a))
	y, err2 := c.View().Stat(c.Path(b))
	switch op {
	case "-nt":
		return err1 == nil && (err2 != nil && c.r.state.dialect.bash() || err2 == nil && x.MTime.After(y.MTime))
	case "-ot":
		return err2 == nil && (err1 != nil && c.r.state.dialect.bash() || err1 == nil && x.MTime.Before(y.MTime))
	}
	return err1 == nil && err2 == nil && x.Ino == y.Ino
}
