package shell

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// inputs reads the operands of a text tool, standard input where there are
// none; what cannot be read is complained about and sets the status.
func (c *call) inputs(names []string, complaint string) (all [][]byte, opened []string, status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.read(name)
		if c.stop != nil {
			return all, opened, 1
		}
		if err != nil {
			c.err.print(c.name + ": " + fmt.Sprintf(complaint, name) + vfs.Text(err) + "\n")
			status = 1
			continue
		}
		all, opened = append(all, data), append(opened, name)
	}
	return all, opened, status
}

// lines splits text at line feeds; the last line may lack one.
func lines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func cat(c *call) int {
	f, names, ok := c.parse("AbeEnstTuv", "show-all=A number-nonblank=b show-ends=E number=n squeeze-blank=s show-tabs=T show-nonprinting=v")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	status, n := 0, 0
	for _, name := range names {
		if name == "-" && c.out.tty && len(f.count) == 0 {
			if c.copyLines() != nil {
				return 1
			}
			continue
		}
		all, _, failed := c.inputs([]string{name}, "%s: ")
		status = max(status, failed)
		for _, data := range all {
			if f.has("n") || f.has("b") || f.has("E") || f.has("A") || f.has("e") || f.has("T") {
				data, n = decorated(data, f, n)
			}
			c.write(c.out, string(data))
		}
		if c.busy() {
			return 1
		}
	}
	return status
}

// copyLines echoes a terminal's lines as they come.
func (c *call) copyLines() error {
	for {
		line, eof, err := readLine(c.in, '\n', maxValue)
		if err != nil || eof && line == "" || c.busy() {
			return err
		}
		if !eof {
			line += "\n"
		}
		c.print(line)
		if eof {
			return nil
		}
	}
}

func decorated(data []byte, f flags, n int) ([]byte, int) {
	var b bytes.Buffer
	for line := range bytes.SplitAfterSeq(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		if f.has("b") && len(body) > 0 || f.has("n") && !f.has("b") {
			n++
			fmt.Fprintf(&b, "%6d\t", n)
		}
		if f.has("T") || f.has("A") {
			body = bytes.ReplaceAll(body, []byte("\t"), []byte("^I"))
		}
		b.Write(body)
		if ended {
			if f.has("E") || f.has("A") || f.has("e") {
				b.WriteByte('$')
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), n
}

// count reads the number of head and tail, with its suffix.
func count(s string) (n int64, ok bool) {
	factor := int64(1)
	for suffix, v := range map[string]int64{"k": 1024, "K": 1024, "M": 1 << 20, "G": 1 << 30, "b": 512, "kB": 1000, "MB": 1_000_000} {
		if digits, found := strings.CutSuffix(s, suffix); found && digits != "" && strings.Trim(digits, "0123456789+-") == "" {
			s, factor = digits, v
		}
	}
	n, err := strconv.ParseInt(s, 10, 40)
	return n * factor, err == nil
}

// oldStyle turns head -5 into head -n 5.
func (c *call) oldStyle() {
	if len(c.args) > 0 && len(c.args[0]) > 1 && c.args[0][0] == '-' && strings.Trim(c.args[0][1:], "0123456789") == "" {
		c.args = append([]string{"-n", c.args[0][1:]}, c.args[1:]...)
	}
}

func head(c *call) int {
	c.oldStyle()
	f, names, ok := c.parse("c:n:qvz", "bytes=:c lines=:n quiet=q silent=q verbose=v")
	if !ok {
		return 1
	}
	return c.ends(f, names, func(data []byte, n int64, byBytes, _ bool) []byte {
		if byBytes {
			if n < 0 {
				return data[:max(int64(len(data))+n, 0)]
			}
			return data[:min(n, int64(len(data)))]
		}
		all := bytes.SplitAfter(data, []byte("\n"))
		if len(all) > 0 && len(all[len(all)-1]) == 0 {
			all = all[:len(all)-1]
		}
		if n < 0 {
			n = max(int64(len(all))+n, 0)
		}
		return bytes.Join(all[:min(n, int64(len(all)))], nil)
	})
}

func tail(c *call) int {
	c.oldStyle()
	f, names, ok := c.parse("c:n:qvfFs:z", "bytes=:c lines=:n quiet=q silent=q verbose=v follow=f")
	if !ok {
		return 1
	}
	return c.ends(f, names, func(data []byte, n int64, byBytes, fromStart bool) []byte {
		if n < 0 {
			n = -n
		}
		if byBytes {
			if fromStart {
				return data[min(max(n-1, 0), int64(len(data))):]
			}
			return data[max(int64(len(data))-n, 0):]
		}
		all := bytes.SplitAfter(data, []byte("\n"))
		if len(all) > 0 && len(all[len(all)-1]) == 0 {
			all = all[:len(all)-1]
		}
		if fromStart {
			return bytes.Join(all[min(max(n-1, 0), int64(len(all))):], nil)
		}
		return bytes.Join(all[max(int64(len(all))-n, 0):], nil)
	})
}

// ends is what head and tail share.
func (c *call) ends(f flags, names []string, cut func(data []byte, n int64, byBytes, fromStart bool) []byte) int {
	value, byBytes := "10", false
	if f.has("n") {
		value = f.value["n"]
	}
	if f.has("c") {
		value, byBytes = f.value["c"], true
	}
	n, ok := count(value)
	if !ok {
		what := "lines"
		if byBytes {
			what = "bytes"
		}
		return c.complain("invalid number of %s: ‘%s’", what, value)
	}
	status, shown := 0, 0
	many := len(names) > 1 && !f.has("q") || f.has("v")
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.read(name)
		if c.stop != nil {
			return 1
		}
		if err != nil {
			status = 1
			if errors.Is(err, syscall.EISDIR) {
				c.complain("error reading '%s': Is a directory", name)
			} else {
				c.complain("cannot open '%s' for reading: %s", name, vfs.Text(err))
			}
			continue
		}
		if many {
			title := name
			if name == "-" {
				title = "standard input"
			}
			if shown > 0 {
				c.print("\n")
			}
			c.print("==> " + title + " <==\n")
		}
		shown++
		c.write(c.out, string(cut(data, n, byBytes, strings.HasPrefix(value, "+"))))
	}
	if f.has("f") || f.has("F") {
		c.wait(c.r.budget.limits.Time)
	}
	return status
}

func wc(c *call) int {
	f, names, ok := c.parse("clLmw", "bytes=c chars=m lines=l words=w max-line-length=L")
	if !ok {
		return 1
	}
	all, opened, status := c.inputs(names, "%s: ")
	if c.stop != nil {
		return 1
	}
	var total [5]int
	plain := len(f.count) == 0
	var rows [][5]int
	for _, data := range all {
		row := [5]int{bytes.Count(data, []byte("\n")), len(bytes.Fields(data)), utf8.RuneCount(data), len(data), longest(data)}
		for i := range row {
			total[i] += row[i]
		}
		total[4] = max(total[4]-row[4], row[4])
		rows = append(rows, row)
	}
	if len(names) > 1 {
		rows, opened = append(rows, total), append(opened, "total")
	}
	show := [5]bool{plain || f.has("l"), plain || f.has("w"), f.has("m"), plain || f.has("c"), f.has("L")}
	columns := 0
	for _, s := range show {
		if s {
			columns++
		}
	}
	width := 1
	if len(names) == 0 && columns > 1 {
		width = 7
	} else if columns > 1 || len(rows) > 1 {
		width = len(strconv.Itoa(total[3]))
	}
	for i, row := range rows {
		var cells []string
		for j, s := range show {
			if s {
				cells = append(cells, fmt.Sprintf("%*d", width, row[j]))
			}
		}
		if name := opened[i]; len(names) > 0 {
			cells = append(cells, name)
		}
		c.print(strings.Join(cells, " ") + "\n")
	}
	return status
}

func longest(data []byte) int {
	n := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		n = max(n, utf8.RuneCount(line))
	}
	return n
}

func cut(c *call) int {
	f, names, ok := c.parse("b:c:d:f:ns", "bytes=:b characters=:c delimiter=:d fields=:f only-delimited=s complement=C output-delimiter=:O")
	if !ok {
		return 1
	}
	list := f.value["b"] + f.value["c"] + f.value["f"]
	if list == "" {
		c.usage("you must specify a list of bytes, characters, or fields")
		return 1
	}
	in, ok := ranges(list)
	if !ok {
		c.usage("invalid field value ‘" + list + "’")
		return 1
	}
	delimiter := "\t"
	if f.has("d") {
		if delimiter = f.value["d"]; len(delimiter) != 1 {
			c.usage("the delimiter must be a single character")
			return 1
		}
	}
	out := delimiter
	if f.has("O") {
		out = f.value["O"]
	}
	all, _, status := c.inputs(names, "%s: ")
	for _, data := range all {
		for _, line := range lines(data) {
			if c.busy() {
				return 1
			}
			if !f.has("f") {
				var b strings.Builder
				for i, r := range []byte(line) {
					if in(i+1) != f.has("C") {
						b.WriteByte(r)
					}
				}
				c.print(b.String() + "\n")
				continue
			}
			if !strings.Contains(line, delimiter) {
				if !f.has("s") {
					c.print(line + "\n")
				}
				continue
			}
			var kept []string
			for i, field := range strings.Split(line, delimiter) {
				if in(i+1) != f.has("C") {
					kept = append(kept, field)
				}
			}
			c.print(strings.Join(kept, out) + "\n")
		}
	}
	return status
}

// ranges reads a list such as 1,3-5,7-.
func ranges(list string) (func(int) bool, bool) {
	type span struct{ from, to int }
	var spans []span
	for part := range strings.SplitSeq(list, ",") {
		a, b, dash := strings.Cut(part, "-")
		s := span{1, 1 << 30}
		var err error
		if a != "" {
			if s.from, err = strconv.Atoi(a); err != nil || s.from < 1 {
				return nil, false
			}
		}
		if !dash {
			s.to = s.from
		} else if b != "" {
			if s.to, err = strconv.Atoi(b); err != nil {
				return nil, false
			}
		}
		if part == "" || part == "-" {
			return nil, false
		}
		spans = append(spans, s)
	}
	return func(n int) bool {
		for _, s := range spans {
			if s.from <= n && n <= s.to {
				return true
			}
		}
		return false
	}, true
}

func tr(c *call) int {
	f, sets, ok := c.parse("+cCdst", "complement=c delete=d squeeze-repeats=s truncate-set1=t")
	if !ok {
		return 1
	}
	switch {
	case len(sets) == 0:
		return c.missing()
	case len(sets) == 1 && !f.has("d") && !f.has("s"):
		c.err.print("tr: missing operand after ‘" + sets[0] + "’\nTwo strings must be given when translating.\nTry 'tr --help' for more information.\n")
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		c.stop = err
		return 1
	}
	first := charset(sets[0])
	if f.has("c") || f.has("C") {
		first = complement(first)
	}
	var second []byte
	if len(sets) > 1 {
		second = charset(sets[1])
	}
	var table [256]int
	for i := range table {
		table[i] = i
	}
	for i, b := range first {
		switch {
		case f.has("d"):
			table[b] = -1
		case len(second) > 0:
			table[b] = int(second[min(i, len(second)-1)])
		}
	}
	squeezed := second
	if len(second) == 0 {
		squeezed = first
	}
	out := make([]byte, 0, len(data))
	for _, b := range data {
		to := table[b]
		if to < 0 {
			continue
		}
		if f.has("s") && len(out) > 0 && out[len(out)-1] == byte(to) && bytes.IndexByte(squeezed, byte(to)) >= 0 {
			continue
		}
		out = append(out, byte(to))
	}
	c.write(c.out, string(out))
	return 0
}

// charset expands a-z, [:class:] and escapes.
func charset(s string) []byte {
	s, _ = escapes(strings.ReplaceAll(s, `\0`, `\x00`), true)
	var out []byte
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "[:") {
			if name, _, ok := strings.Cut(s[i+2:], ":]"); ok {
				for b := range 256 {
					if inClass(name, byte(b)) {
						out = append(out, byte(b))
					}
				}
				i += len(name) + 3
				continue
			}
		}
		if i+2 < len(s) && s[i+1] == '-' && s[i+2] >= s[i] {
			for b := int(s[i]); b <= int(s[i+2]); b++ {
				out = append(out, byte(b))
			}
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

func complement(set []byte) []byte {
	var out []byte
	for b := range 256 {
		if bytes.IndexByte(set, byte(b)) < 0 {
			out = append(out, byte(b))
		}
	}
	return out
}
