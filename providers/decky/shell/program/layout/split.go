package layout

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// maxPieces bounds the files of one split.
const maxPieces = 2000

// split cuts a file into several.
func split(c *program.Call) int {
	old(c, "l")
	f, rest, ok := c.Parse("a:b:C:dex:l:n:t:u", "suffix-length=:a bytes=:b line-bytes=:C numeric-suffixes=::d hex-suffixes=::x lines=:l number=:n additional-suffix=:A verbose=v elide-empty-files=e filter=:F")
	if !ok {
		return 1
	}
	if len(rest) > 2 {
		c.Usage("extra operand ‘" + rest[2] + "’")
		return 1
	}
	name, prefix := "-", "x"
	if len(rest) > 0 {
		name = rest[0]
	}
	if len(rest) > 1 {
		prefix = rest[1]
	}
	data, err := c.Read(name)
	if err != nil {
		if c.Stop != nil {
			return 1
		}
		return c.Complain("cannot open '%s' for reading: %s", name, vfs.Text(err))
	}
	parts, problem := pieces(f, string(data))
	if problem != "" {
		return c.Complain("%s", problem)
	}
	width := 2
	if n, err := strconv.Atoi(f.Value["a"]); err == nil && n > 0 {
		width = min(n, 20)
	}
	for i, part := range parts {
		if part == "" && f.Has("e") {
			continue
		}
		if c.Busy() {
			return 1
		}
		suffix, ok := suffixOf(i, width, f)
		if !ok || i >= maxPieces {
			return c.Complain("output file suffixes exhausted")
		}
		out := prefix + suffix + f.Value["A"]
		if f.Has("v") {
			c.Print("creating file '" + out + "'\n")
		}
		if err := c.View().WriteFile(c.Path(out), []byte(part), 0o666&^c.Umask); err != nil {
			return c.Complain("%s: %s", out, vfs.Text(err))
		}
	}
	return 0
}

// pieces are the parts of a split.
func pieces(f program.Flags, data string) ([]string, string) {
	var parts []string
	size := func(text, what string) (int, string) {
		n, ok := program.Count(text)
		if ok && n == 0 {
			return 0, "invalid number of " + what + ": ‘" + text + "’: Numerical result out of range"
		}
		if !ok || n < 1 {
			return 0, "invalid number of " + what + ": ‘" + text + "’"
		}
		return int(min(n, 1<<40)), ""
	}
	switch {
	case f.Has("b"):
		n, problem := size(f.Value["b"], "bytes")
		if problem != "" {
			return nil, problem
		}
		for data != "" && len(parts) <= maxPieces {
			k := min(n, len(data))
			parts, data = append(parts, data[:k]), data[k:]
		}
	case f.Has("C"):
		n, problem := size(f.Value["C"], "bytes")
		if problem != "" {
			return nil, problem
		}
		for data != "" && len(parts) <= maxPieces {
			k := min(n, len(data))
			if i := strings.LastIndexByte(data[:k], '\n'); i >= 0 && k < len(data) {
				k = i + 1
			}
			parts, data = append(parts, data[:k]), data[k:]
		}
	case f.Has("n"):
		text, byLines := strings.CutPrefix(f.Value["n"], "l/")
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPieces {
			return nil, "invalid number of chunks: ‘" + text + "’"
		}
		at := 0
		for i := range n {
			end := len(data) * (i + 1) / n
			if byLines && i < n-1 {
				end = max(end, at)
				if end > 0 && end > at && data[end-1] != '\n' {
					if j := strings.IndexByte(data[end:], '\n'); j >= 0 {
						end += j + 1
					} else {
						end = len(data)
					}
				}
			}
			parts = append(parts, data[at:max(end, at)])
			at = max(end, at)
		}
	default:
		n := 1000
		if f.Has("l") {
			var problem string
			if n, problem = size(f.Value["l"], "lines"); problem != "" {
				return nil, problem
			}
		}
		for chunk := range slices.Chunk(slices.Collect(strings.Lines(data)), n) {
			if parts = append(parts, strings.Join(chunk, "")); len(parts) > maxPieces {
				break
			}
		}
	}
	return parts, ""
}

// suffixOf is aa, ab... or 00, 01...
func suffixOf(i, width int, f program.Flags) (string, bool) {
	letters, from := "abcdefghijklmnopqrstuvwxyz", 0
	if f.Has("d") {
		letters = "0123456789"
		from, _ = strconv.Atoi(f.Value["d"])
	}
	if f.Has("x") {
		letters = "0123456789abcdef"
	}
	i += from
	out := make([]byte, width)
	for k := width - 1; k >= 0; k-- {
		out[k] = letters[i%len(letters)]
		i /= len(letters)
	}
	return string(out), i == 0
}

// csplit cuts a file at lines and patterns.
func csplit(c *program.Call) int {
	f, rest, ok := c.Parse("b:f:kn:sqz", "suffix-format=:b prefix=:f keep-files=k digits=:n quiet=s silent=s elide-empty-files=z")
	if !ok {
		return 1
	}
	if len(rest) == 0 {
		return c.Missing()
	}
	if len(rest) == 1 {
		c.Usage("missing operand after ‘" + rest[0] + "’")
		return 1
	}
	data, err := c.Read(rest[0])
	if err != nil {
		return c.Complain("cannot open '%s' for reading: %s", rest[0], vfs.Text(err))
	}
	lines := slices.Collect(strings.Lines(string(data)))
	prefix, digits := "xx", 2
	if f.Has("f") {
		prefix = f.Value["f"]
	}
	if n, err := strconv.Atoi(f.Value["n"]); err == nil {
		digits = min(max(n, 1), 20)
	}
	var parts []string
	at := 0
	take := func(to int, keep bool) {
		to = min(max(to, at), len(lines))
		if keep {
			parts = append(parts, strings.Join(lines[at:to], ""))
		}
		at = to
	}
	problem := ""
	last := ""
	for _, p := range rest[1:] {
		times, again := 1, p
		if text, ok := strings.CutPrefix(p, "{"); ok {
			times, again = 0, last
			if n, err := strconv.Atoi(strings.TrimSuffix(text, "}")); err == nil {
				times = n
			} else if text == "*}" {
				times = maxPieces
			}
		}
		for range times {
			if c.Busy() || len(parts) > maxPieces {
				return 1
			}
			to, keep, found := target(again, lines, at)
			if !found {
				if times == maxPieces {
					break
				}
				problem = "‘" + again + "’: match not found"
				if again != "" && again[0] >= '0' && again[0] <= '9' {
					problem = "‘" + again + "’: line number out of range"
				}
				break
			}
			take(to, keep)
		}
		last = again
	}
	take(len(lines), true)
	for i, part := range parts {
		if part == "" && f.Has("z") {
			continue
		}
		if !f.Has("s") && !f.Has("q") {
			c.Printf("%d\n", len(part))
		}
		if problem != "" && !f.Has("k") {
			continue
		}
		name := fmt.Sprintf("%s%0*d", prefix, digits, i)
		if err := c.View().WriteFile(c.Path(name), []byte(part), 0o666&^c.Umask); err != nil {
			return c.Complain("%s: %s", name, vfs.Text(err))
		}
	}
	if problem != "" {
		return c.Complain("%s", problem)
	}
	return 0
}

// target is the line before which csplit cuts next, and whether what is before
// is kept.
func target(p string, lines []string, at int) (to int, keep, found bool) {
	if n, err := strconv.Atoi(p); err == nil {
		return n - 1, true, n-1 <= len(lines) && n-1 >= at
	}
	if p == "" || p[0] != '/' && p[0] != '%' {
		return 0, false, false
	}
	end := strings.LastIndexByte(p, p[0])
	if end == 0 {
		return 0, false, false
	}
	offset, _ := strconv.Atoi(strings.TrimPrefix(p[end+1:], "+"))
	re, err := regex.Compile(p[1:end], false, false)
	if err != nil {
		return 0, false, false
	}
	for i := at; i < len(lines); i++ {
		if (i > at || at == 0) && re.MatchString(strings.TrimSuffix(lines[i], "\n")) {
			return i + offset, p[0] == '/', true
		}
	}
	return 0, false, false
}

// tsort sorts pairs into an order.
func tsort(c *program.Call) int {
	_, names, ok := c.Parse("", "")
	if !ok {
		return 1
	}
	if len(names) > 1 {
		c.Usage("extra operand ‘" + names[1] + "’")
		return 1
	}
	name := "-"
	if len(names) > 0 {
		name = names[0]
	}
	data, err := c.Read(name)
	if err != nil {
		if errors.Is(err, syscall.EISDIR) {
			return c.Complain("%s: read error: %s", name, vfs.Text(err))
		}
		return c.Complain("%s: %s", name, vfs.Text(err))
	}
	words := strings.Fields(string(data))
	if len(words)%2 == 1 {
		return c.Complain("%s: input contains an odd number of tokens", name)
	}
	after := map[string][]string{}
	blocked := map[string]int{}
	for i := 0; i < len(words); i += 2 {
		a, b := words[i], words[i+1]
		for _, w := range []string{a, b} {
			if _, ok := blocked[w]; !ok {
				blocked[w] = 0
			}
		}
		if a != b {
			after[a] = append(after[a], b)
			blocked[b]++
		}
	}
	var queue []string
	for w, n := range blocked {
		if n == 0 {
			queue = append(queue, w)
		}
	}
	slices.Sort(queue)
	left := len(blocked)
	for len(queue) > 0 {
		if c.Busy() {
			return 1
		}
		w := queue[0]
		queue = queue[1:]
		left--
		c.Print(w + "\n")
		list := after[w]
		for i := len(list) - 1; i >= 0; i-- {
			if blocked[list[i]]--; blocked[list[i]] == 0 {
				queue = append(queue, list[i])
			}
		}
	}
	if left > 0 {
		c.Complain("%s: input contains a loop:", name)
		var loop []string
		for w, n := range blocked {
			if n > 0 {
				loop = append(loop, w)
			}
		}
		slices.Sort(loop)
		for _, w := range loop {
			c.Err.Print("tsort: " + w + "\n")
		}
		c.Print(strings.Join(loop, "\n") + "\n")
		return 1
	}
	return 0
}
