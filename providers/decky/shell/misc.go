package shell

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shellCommand is sh, bash and dash.
func shellCommand(c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" && args[0] != "-" && !strings.Contains(args[0], "c") {
		if args[0] == "--version" {
			c.print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright (C) 2022 Free Software Foundation, Inc.\n")
			return 0
		}
		args = args[1:]
	}
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "c"):
		if len(args) == 1 {
			return c.complain("-c: option requires an argument") * 2
		}
		params := append([]string{c.name}, args[min(3, len(args)):]...)
		if len(args) > 2 {
			params[0] = args[2]
		}
		c.stop = c.r.sourced(args[1], params, c.io)
	case len(args) > 0 && args[0] != "-":
		data, err := c.view().ReadFile(c.path(args[0]))
		if err != nil {
			c.err.print(c.name + ": " + args[0] + ": " + vfs.Text(err) + "\n")
			return 127
		}
		c.stop = c.r.sourced(string(data), args, c.io)
	case c.r.session.options.TTY != "" && c.out.tty:
		// A shell in the shell: the same one goes on.
		return 0
	default:
		data, err := c.r.readAll(c.in)
		if err != nil {
			c.stop = err
			return 1
		}
		c.stop = c.r.sourced(string(data), []string{c.name}, c.io)
	}
	return c.r.state.status
}

func seq(c *call) int {
	args := c.args
	separator := "\n"
	equal := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && (args[0][1] < '0' || args[0][1] > '9') {
		switch {
		case args[0] == "-s" && len(args) > 1:
			separator, args = args[1], args[1:]
		case args[0] == "-w":
			equal = true
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return c.missing()
	}
	numbers := [3]float64{1, 1, 1}
	for i, a := range args {
		n, err := strconv.ParseFloat(a, 64)
		if err != nil {
			c.usage("invalid floating point argument: ‘" + a + "’")
			return 1
		}
		if i < 3 {
			numbers[i] = n
		}
	}
	first, step, last := 1.0, 1.0, numbers[0]
	switch len(args) {
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	}
	if step == 0 {
		c.usage("invalid Zero increment value: ‘" + args[1] + "’")
		return 1
	}
	width := 0
	if equal {
		width = max(len(args[len(args)-1]), len(args[0]))
	}
	printed := false
	for i := 0; ; i++ {
		v := first + float64(i)*step
		if step > 0 && v > last || step < 0 && v < last || c.busy() {
			break
		}
		text := strconv.FormatFloat(v, 'f', -1, 64)
		for len(text) < width {
			text = "0" + text
		}
		if printed {
			text = separator + text
		}
		printed = true
		c.print(text)
	}
	if printed {
		c.print("\n")
	}
	return 0
}

func basename(c *call) int {
	f, names, ok := c.parse("+as:z", "multiple=a suffix=:s")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	suffix := f.value["s"]
	if len(names) == 2 && !f.has("a") && !f.has("s") {
		suffix, names = names[1], names[:1]
	}
	for _, name := range names {
		b := base("/" + strings.TrimRight(name, "/"))
		if b == "" {
			b = "/"
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		c.print(b + "\n")
	}
	return 0
}

func dirname(c *call) int {
	if len(c.args) == 0 {
		return c.missing()
	}
	for _, name := range c.args {
		trimmed := strings.TrimRight(name, "/")
		i := strings.LastIndexByte(trimmed, '/')
		switch {
		case i < 0 && trimmed != "":
			trimmed = "."
		case i <= 0:
			trimmed = "/"
		default:
			trimmed = trimmed[:i]
		}
		c.print(trimmed + "\n")
	}
	return 0
}

func expr(c *call) int {
	if len(c.args) == 0 {
		c.usage("missing operand")
		return 2
	}
	e := &expression{args: c.args}
	value, problem := e.parse(0, 0)
	if problem == "" && e.pos < len(e.args) {
		problem = "syntax error: unexpected argument ‘" + e.args[e.pos] + "’"
	}
	if problem != "" {
		c.complain("%s", problem)
		return 2
	}
	c.print(value + "\n")
	if value == "" || value == "0" {
		return 1
	}
	return 0
}

// expression is expr's operands, parsed by precedence.
type expression struct {
	args []string
	pos  int
}

var precedence = []string{"|", "&", "< <= = == != >= >", "+ -", "* / %", ":"}

func (e *expression) parse(level, depth int) (string, string) {
	if depth > 200 {
		return "", "syntax error"
	}
	if level == len(precedence) {
		return e.atom(depth)
	}
	left, problem := e.parse(level+1, depth+1)
	for problem == "" && e.pos < len(e.args) {
		op := e.args[e.pos]
		if !strings.Contains(" "+precedence[level]+" ", " "+op+" ") {
			break
		}
		e.pos++
		var right string
		if right, problem = e.parse(level+1, depth+1); problem == "" {
			left, problem = exprOperator(left, op, right)
		}
	}
	return left, problem
}

func (e *expression) atom(depth int) (string, string) {
	if e.pos >= len(e.args) {
		return "", "syntax error: missing argument after ‘" + e.args[len(e.args)-1] + "’"
	}
	a := e.args[e.pos]
	e.pos++
	switch {
	case a == "(":
		v, problem := e.parse(0, depth+1)
		if problem == "" && (e.pos >= len(e.args) || e.args[e.pos] != ")") {
			return "", "syntax error: expecting ')' after ‘" + e.args[e.pos-1] + "’"
		}
		e.pos++
		return v, problem
	case a == "length" && e.pos < len(e.args):
		e.pos++
		return strconv.Itoa(len([]rune(e.args[e.pos-1]))), ""
	case a == "substr" && e.pos+2 < len(e.args):
		from, _ := strconv.Atoi(e.args[e.pos+1])
		n, _ := strconv.Atoi(e.args[e.pos+2])
		s := e.args[e.pos]
		e.pos += 3
		if from < 1 || n < 1 || from > len(s) {
			return "", ""
		}
		return s[from-1 : min(len(s), from-1+n)], ""
	}
	return a, ""
}

func exprOperator(a, op, b string) (string, string) {
	n, err1 := strconv.ParseInt(a, 10, 64)
	m, err2 := strconv.ParseInt(b, 10, 64)
	numeric := err1 == nil && err2 == nil
	flag := func(ok bool) (string, string) { return strconv.FormatInt(truth(ok), 10), "" }
	switch op {
	case "|":
		if a != "" && a != "0" {
			return a, ""
		}
		return b, ""
	case "&":
		if a == "" || a == "0" || b == "" || b == "0" {
			return "0", ""
		}
		return a, ""
	case ":":
		re, err := regex("^"+b, false, false)
		if err != nil {
			return "", "Invalid regular expression"
		}
		found := re.FindStringSubmatch(a)
		switch {
		case len(found) > 1:
			return found[1], ""
		case strings.Contains(b, `\(`):
			return "", ""
		case found == nil:
			return "0", ""
		}
		return strconv.Itoa(len([]rune(found[0]))), ""
	case "+", "-", "*", "/", "%":
		if !numeric {
			return "", "non-integer argument"
		}
		if (op == "/" || op == "%") && m == 0 {
			return "", "division by zero"
		}
		switch op {
		case "+":
			return strconv.FormatInt(n+m, 10), ""
		case "-":
			return strconv.FormatInt(n-m, 10), ""
		case "*":
			return strconv.FormatInt(n*m, 10), ""
		case "/":
			return strconv.FormatInt(n/m, 10), ""
		}
		return strconv.FormatInt(n%m, 10), ""
	}
	order := strings.Compare(a, b)
	if numeric {
		order = int(truth(n > m) - truth(n < m))
	}
	switch op {
	case "<":
		return flag(order < 0)
	case "<=":
		return flag(order <= 0)
	case ">":
		return flag(order > 0)
	case ">=":
		return flag(order >= 0)
	case "!=":
		return flag(order != 0)
	}
	return flag(order == 0)
}

func xargs(c *call) int {
	f, command, ok := c.parse("+0a:d:E:I:L:n:P:prs:tx", "null=0 max-args=:n replace=:I no-run-if-empty=r max-procs=:P delimiter=:d")
	if !ok {
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		c.stop = err
		return 1
	}
	if len(command) == 0 {
		command = []string{"echo"}
	}
	items := strings.Fields(strings.NewReplacer(`"`, "", "'", "").Replace(string(data)))
	switch {
	case f.has("0"):
		items = strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	case f.has("d"):
		d, _ := escapes(f.value["d"], false)
		items = strings.Split(strings.TrimSuffix(string(data), d), d)
	case f.has("I"), f.has("L"):
		items = lines(data)
	}
	if len(items) == 0 && f.has("r") {
		return 0
	}
	size := max(len(items), 1)
	if n, ok := count(f.value["n"]); ok && n > 0 {
		size = int(n)
	}
	if f.has("I") || f.has("L") {
		size = 1
	}
	status := 0
	for first := true; first || len(items) > 0; first = false {
		n := min(size, len(items))
		batch := items[:n]
		items = items[n:]
		var args []string
		if f.has("I") {
			if n == 0 {
				break
			}
			for _, a := range command {
				args = append(args, strings.ReplaceAll(a, f.value["I"], strings.TrimLeft(batch[0], " ")))
			}
		} else {
			args = append(append(args, command...), batch...)
		}
		inner := c.io
		inner.in = strings.NewReader("")
		if c.stop = c.r.program(args, inner); c.stop != nil || c.busy() {
			return 1
		}
		switch {
		case c.r.state.status == 127:
			return 127
		case c.r.state.status != 0:
			status = 123
		}
	}
	return status
}

func tee(c *call) int {
	f, names, ok := c.parse("aip", "append=a ignore-interrupts=i")
	if !ok {
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		return 1
	}
	status := 0
	flags := vfs.Write | vfs.Create | vfs.Truncate
	if f.has("a") {
		flags = vfs.Write | vfs.Create | vfs.Append
	}
	c.write(c.out, string(data))
	for _, name := range names {
		file, err := c.r.open(name, flags, c.io)
		if err == nil {
			_, err = file.Write(data)
		}
		if err != nil {
			status = c.complain("%s: %s", name, vfs.Text(err))
		}
	}
	return status
}

// eachLine is a filter of lines.
func eachLine(f func(line string) string) command {
	return func(c *call) int {
		_, names, ok := c.parse("", "")
		if !ok {
			return 1
		}
		all, _, status := c.inputs(names, "%s: ")
		for _, data := range all {
			for _, line := range lines(data) {
				c.print(f(line) + "\n")
			}
		}
		return status
	}
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func tac(c *call) int {
	all, _, status := c.inputs(c.args, "failed to open '%s' for reading: ")
	for _, data := range all {
		list := lines(data)
		for i := len(list) - 1; i >= 0; i-- {
			c.print(list[i] + "\n")
		}
	}
	return status
}

func nl(c *call) int {
	f, names, ok := c.parse("b:w:s:n:v:", "body-numbering=:b")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	n := 0
	for _, data := range all {
		for _, line := range lines(data) {
			if line == "" && f.value["b"] != "a" {
				c.print("       \n")
				continue
			}
			n++
			c.printf("%6d\t%s\n", n, line)
		}
	}
	return status
}

func od(c *call) int {
	f, names, ok := c.parse("A:bcdoxt:N:j:vw:", "format=:t address-radix=:A read-bytes=:N")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	var data []byte
	for _, d := range all {
		data = append(data, d...)
	}
	if n, ok := count(f.value["N"]); ok {
		data = data[:min(int64(len(data)), max(n, 0))]
	}
	address := func(n int) string {
		switch f.value["A"] {
		case "n":
			return ""
		case "x":
			return fmt.Sprintf("%06x", n)
		case "d":
			return fmt.Sprintf("%07d", n)
		}
		return fmt.Sprintf("%07o", n)
	}
	for i := 0; i < len(data) && !c.busy(); i += 16 {
		row := data[i:min(i+16, len(data))]
		line := address(i)
		switch {
		case f.has("c") || f.value["t"] == "c":
			for _, b := range row {
				line += fmt.Sprintf("%4s", odChar(b))
			}
		case strings.HasPrefix(f.value["t"], "x1"):
			for _, b := range row {
				line += fmt.Sprintf(" %02x", b)
			}
		default:
			format, width := " %06o", 2
			if f.has("x") || f.value["t"] == "x2" {
				format = " %04x"
			}
			for j := 0; j < len(row); j += width {
				v := int(row[j])
				if j+1 < len(row) {
					v |= int(row[j+1]) << 8
				}
				line += fmt.Sprintf(format, v)
			}
		}
		c.print(line + "\n")
	}
	if end := address(len(data)); end != "" {
		c.print(end + "\n")
	}
	return status
}

func odChar(b byte) string {
	if i := strings.IndexByte("\x00\a\b\t\n\v\f\r", b); i >= 0 {
		return []string{`\0`, `\a`, `\b`, `\t`, `\n`, `\v`, `\f`, `\r`}[i]
	}
	if b >= 0x20 && b < 0x7f {
		return string(rune(b))
	}
	return fmt.Sprintf("%03o", b)
}

func xxd(c *call) int {
	f, names, ok := c.parse("pl:c:us:r", "")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	for _, data := range all {
		if n, ok := count(f.value["l"]); ok {
			data = data[:min(int64(len(data)), max(n, 0))]
		}
		for i := 0; i < len(data) && !c.busy(); i += 16 {
			row := data[i:min(i+16, len(data))]
			if f.has("p") {
				c.printf("%x\n", row)
				continue
			}
			hex, text := "", ""
			for j, b := range row {
				hex += fmt.Sprintf("%02x", b)
				if j%2 == 1 {
					hex += " "
				}
				if b >= 0x20 && b < 0x7f {
					text += string(rune(b))
				} else {
					text += "."
				}
			}
			c.printf("%08x: %-40s %s\n", i, hex, text)
		}
	}
	return status
}

func paste(c *call) int {
	f, names, ok := c.parse("d:sz", "delimiters=:d serial=s")
	if !ok {
		return 1
	}
	delimiter := "\t"
	if f.has("d") {
		delimiter, _ = escapes(f.value["d"], false)
	}
	var columns [][]string
	dashes := 0
	for _, n := range names {
		if n == "-" {
			dashes++
		}
	}
	if dashes > 1 && dashes == len(names) {
		data, err := c.read("-")
		if err != nil {
			return 1
		}
		list := lines(data)
		for i := 0; i < len(list); i += dashes {
			row := append([]string{}, list[i:min(i+dashes, len(list))]...)
			for len(row) < dashes {
				row = append(row, "")
			}
			c.print(strings.Join(row, delimiter) + "\n")
		}
		return 0
	}
	all, _, status := c.inputs(names, "%s: ")
	longest := 0
	for _, data := range all {
		list := lines(data)
		if f.has("s") {
			c.print(strings.Join(list, delimiter) + "\n")
		}
		columns = append(columns, list)
		longest = max(longest, len(list))
	}
	for i := 0; i < longest && !f.has("s"); i++ {
		var row []string
		for _, list := range columns {
			cell := ""
			if i < len(list) {
				cell = list[i]
			}
			row = append(row, cell)
		}
		c.print(strings.Join(row, delimiter) + "\n")
	}
	return status
}

func yes(c *call) int {
	text := "y"
	if len(c.args) > 0 {
		text = strings.Join(c.args, " ")
	}
	block := strings.Repeat(text+"\n", 64)
	for !c.busy() {
		c.print(block)
	}
	return 1
}

func dd(c *call) int {
	options := map[string]string{}
	for _, a := range c.args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			c.usage("unrecognized operand ‘" + a + "’")
			return 1
		}
		options[name] = value
	}
	began := time.Now()
	in := c.in
	if name, ok := options["if"]; ok {
		file, err := c.r.open(name, vfs.Read, c.io)
		if err != nil {
			return c.complain("failed to open '%s': %s", name, vfs.Text(err))
		}
		in = file
	}
	size := int64(512)
	if n, ok := count(options["bs"]); ok && n > 0 {
		size = n
	}
	blocks := int64(1 << 30)
	if n, ok := count(options["count"]); ok {
		blocks = n
	}
	limit := min(blocks, int64(c.r.budget.limits.Pipe)/max(size, 1)+1) * size
	if skip, ok := count(options["skip"]); ok && skip > 0 && in != nil {
		_, _ = io.CopyN(io.Discard, in, min(skip*size, 16<<20))
	}
	var data []byte
	if in != nil {
		data, _ = io.ReadAll(io.LimitReader(in, min(limit, 8<<20)))
	}
	if c.stop = c.r.budget.spend(len(data)); c.stop != nil {
		return 1
	}
	if name, ok := options["of"]; ok {
		file, err := c.r.open(name, vfs.Write|vfs.Create|vfs.Truncate, c.io)
		if err != nil {
			return c.complain("failed to open '%s': %s", name, vfs.Text(err))
		}
		if _, err := file.Write(data); err != nil {
			return c.complain("error writing '%s': %s", name, vfs.Text(err))
		}
	} else {
		c.write(c.out, string(data))
	}
	if options["status"] == "none" {
		return 0
	}
	full, partial := int64(len(data))/size, truth(int64(len(data))%size != 0)
	seconds := time.Since(began).Seconds() + 0.0001
	size64 := int64(len(data))
	amount := fmt.Sprintf("%d bytes", size64)
	if size64 == 1 {
		amount = "1 byte"
	}
	if size64 >= 1000 {
		amount += fmt.Sprintf(" (%s, %s)", decimal(size64), binaryUnit(size64))
	}
	rate := "0.0 kB/s"
	if size64 > 0 {
		rate = decimal(int64(float64(size64)/seconds)) + "/s"
	}
	c.err.print(fmt.Sprintf("%d+%d records in\n%d+%d records out\n%s copied, %g s, %s\n", full, partial, full, partial, amount, float64(int64(seconds*1e6))/1e6, rate))
	return 0
}

func decimal(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %s", v, []string{"B", "kB", "MB", "GB", "TB"}[unit])
}

func binaryUnit(n int64) string {
	v, unit := float64(n), 0
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %s", v, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}

func mktemp(c *call) int {
	f, names, ok := c.parse("dp:qtu", "directory=d tmpdir=:p dry-run=u")
	if !ok {
		return 1
	}
	template := "/tmp/tmp.XXXXXXXXXX"
	if len(names) > 0 {
		template = names[0]
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := []byte(template)
	for i := range b {
		if b[i] == 'X' && strings.Trim(template[i:], "X") == "" {
			b[i] = letters[c.r.session.rand.IntN(len(letters))]
		}
	}
	name := string(b)
	if f.has("d") {
		if err := c.view().Mkdir(c.path(name), 0o700); err != nil {
			return c.complain("failed to create directory via template ‘%s’: %s", template, vfs.Text(err))
		}
	} else if err := c.view().WriteFile(c.path(name), nil, 0o600); err != nil {
		return c.complain("failed to create file via template ‘%s’: %s", template, vfs.Text(err))
	}
	c.print(name + "\n")
	return 0
}

func readlink(c *call) int {
	f, names, ok := c.parse("efmnqsvz", "canonicalize=f canonicalize-existing=e no-newline=n")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		return c.missing()
	}
	status := 0
	for _, name := range names {
		if f.has("f") || f.has("e") || f.has("m") || c.name == "realpath" {
			path, err := c.view().Resolve(c.path(name))
			if err != nil {
				dir, dirErr := c.view().Resolve(c.path(name) + "/..")
				if c.name == "realpath" || f.has("e") || dirErr != nil {
					dir, err = "", c.lastMissing(name)
				}
				if path = dir; path != "" {
					path = strings.TrimSuffix(path, "/") + "/" + base(name)
				}
			}
			if path == "" {
				if status = 1; c.name == "realpath" {
					c.complain("%s: %s", name, vfs.Text(err))
				}
				continue
			}
			c.print(path + "\n")
			continue
		}
		info, err := c.view().Lstat(c.path(name))
		if err != nil || !info.IsLink() {
			status = 1
			continue
		}
		c.print(info.Target + "\n")
	}
	return status
}

// lastMissing is why a path cannot be resolved.
func (c *call) lastMissing(name string) error {
	_, err := c.view().Stat(c.path(name))
	return err
}

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

// wrapper runs its operands as a command: nohup, nice, timeout, setsid, time.
func wrapper(skip int) command {
	return func(c *call) int {
		args := c.args
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			args = args[1:]
		}
		if len(args) <= skip {
			return c.missing() * 125
		}
		if c.name == "nohup" && c.out.tty {
			c.err.print("nohup: ignoring input and appending output to 'nohup.out'\n")
		}
		c.stop = c.r.program(args[skip:], c.io)
		return c.r.state.status
	}
}

func fileCommand(c *call) int {
	for _, name := range c.args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		info, err := c.view().Lstat(c.path(name))
		kind := ""
		switch {
		case err != nil:
			kind = "cannot open `" + name + "' (" + vfs.Text(err) + ")"
		case info.IsDir():
			kind = "directory"
		case info.IsLink():
			kind = "symbolic link to " + info.Target
		default:
			data, _ := c.read(name)
			switch {
			case len(data) == 0:
				kind = "empty"
			case strings.HasPrefix(string(data), "\x7fELF"):
				kind = "ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically linked, interpreter /lib64/ld-linux-x86-64.so.2, for GNU/Linux 3.2.0, stripped"
			case strings.HasPrefix(string(data), "#!"):
				kind = "POSIX shell script, ASCII text executable"
			case strings.IndexByte(string(data[:min(len(data), 512)]), 0) < 0:
				kind = "ASCII text"
			default:
				kind = "data"
			}
		}
		c.print(name + ": " + kind + "\n")
	}
	return 0
}

func tty(c *call) int {
	if name := c.r.session.options.TTY; name != "" {
		c.print(name + "\n")
		return 0
	}
	c.print("not a tty\n")
	return 1
}
