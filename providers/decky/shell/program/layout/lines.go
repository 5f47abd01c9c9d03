package layout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// rev turns each line round.
func rev(c *program.Call) int {
	_, names, ok := c.Parse("0", "zero=0")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "cannot open %s: ")
	for _, data := range all {
		for line := range strings.Lines(string(data)) {
			if c.Busy() {
				return 1
			}
			body, ended := strings.CutSuffix(line, "\n")
			r := []rune(body)
			for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
				r[i], r[j] = r[j], r[i]
			}
			c.Print(string(r))
			if ended {
				c.Print("\n")
			}
		}
	}
	return status
}

// tac prints files from their ends.
func tac(c *program.Call) int {
	f, names, ok := c.Parse("brs:", "before=b regex=r separator=:s")
	if !ok {
		return 1
	}
	separator := "\n"
	if f.Has("s") {
		separator = f.Value["s"]
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		data, err := c.Read(name)
		if c.Stop != nil {
			return 1
		}
		if err != nil {
			words := "failed to open '%s' for reading: %s"
			if errors.Is(err, syscall.EISDIR) { // it seeks before it reads
				words, err = "%s: read error: %s", syscall.EINVAL
			}
			status = c.Complain(words, name, vfs.Text(err))
			continue
		}
		parts := strings.SplitAfter(string(data), separator)
		if f.Has("b") {
			parts = strings.Split(string(data), separator)
			for i := 1; i < len(parts); i++ {
				parts[i] = separator + parts[i]
			}
		}
		var b strings.Builder
		for i := len(parts) - 1; i >= 0; i-- {
			b.WriteString(parts[i])
		}
		c.Print(b.String())
	}
	return status
}

// nl numbers lines.
func nl(c *program.Call) int {
	f, names, ok := c.Parse("b:d:f:h:i:l:n:ps:v:w:", "body-numbering=:b section-delimiter=:d footer-numbering=:f header-numbering=:h line-increment=:i join-blank-lines=:l number-format=:n no-renumber=p number-separator=:s starting-line-number=:v number-width=:w")
	if !ok {
		return 1
	}
	number := func(letter string, standard int, words string) (int, bool) {
		if !f.Has(letter) {
			return standard, true
		}
		n, err := strconv.Atoi(f.Value[letter])
		if err != nil {
			c.Complain(words, f.Value[letter])
		}
		return n, err == nil
	}
	first, ok1 := number("v", 1, "invalid starting line number: ‘%s’")
	step, ok2 := number("i", 1, "invalid line number increment: ‘%s’")
	width, ok3 := number("w", 6, "invalid line number field width: ‘%s’")
	if !ok1 || !ok2 || !ok3 {
		return 1
	}
	width = min(max(width, 1), 1000)
	style := map[string]string{"b": "t", "h": "n", "f": "n"}
	patterns := map[string]*regex.Regexp{}
	for _, section := range []string{"b", "h", "f"} {
		if !f.Has(section) {
			continue
		}
		style[section] = f.Value[section]
		if p, ok := strings.CutPrefix(style[section], "p"); ok {
			re, err := regex.Compile(p, false, false)
			if err != nil {
				return c.Complain("%s", regex.Problem(err))
			}
			patterns[section] = re
		} else if len(style[section]) != 1 || strings.Trim(style[section], "atn") != "" {
			c.Usage(map[string]string{"b": "invalid body numbering style: ‘", "h": "invalid header numbering style: ‘", "f": "invalid footer numbering style: ‘"}[section] + style[section] + "’")
			return 1
		}
	}
	separator := "\t"
	if f.Has("s") {
		separator = f.Value["s"]
	}
	verb := map[string]string{"ln": "%-*d", "rz": "%0*d"}[f.Value["n"]]
	if verb == "" {
		verb = "%*d"
	}
	mark := `\:`
	if f.Has("d") {
		if mark = f.Value["d"]; len(mark) == 1 {
			mark += ":"
		}
	}
	all, _, status := c.Inputs(names, "%s: ")
	n, section := first, "b"
	for _, data := range all {
		for _, line := range program.Lines(data) {
			if c.Busy() {
				return 1
			}
			if line != "" && line == strings.Repeat(mark, len(line)/len(mark)) && len(line) <= 3*len(mark) {
				section = []string{"f", "b", "h"}[len(line)/len(mark)-1]
				if !f.Has("p") {
					n = first
				}
				c.Print("\n")
				continue
			}
			count := style[section] == "a" || style[section] == "t" && line != ""
			if re := patterns[section]; re != nil {
				count = re.MatchString(line)
			}
			if !count {
				c.Print(strings.Repeat(" ", width+len(separator)) + line + "\n")
				continue
			}
			c.Print(fmt.Sprintf(verb, width, n) + separator + line + "\n")
			n += step
		}
	}
	return status
}

// shuf mixes lines.
func shuf(c *program.Call) int {
	f, rest, ok := c.Parse("ei:n:o:rz", "echo=e input-range=:i head-count=:n output=:o repeat=r zero-terminated=z random-source=:R")
	if !ok {
		return 1
	}
	var lines []string
	status := 0
	switch {
	case f.Has("i"):
		a, b, _ := strings.Cut(f.Value["i"], "-")
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil || to < from-1 {
			return c.Complain("invalid input range: ‘%s’", f.Value["i"])
		}
		if len(rest) > 0 {
			c.Usage("extra operand ‘" + rest[0] + "’")
			return 1
		}
		for n := from; n <= to && len(lines) < program.MaxValue/16; n++ {
			lines = append(lines, strconv.Itoa(n))
		}
	case f.Has("e"):
		lines = rest
	default:
		var all [][]byte
		all, _, status = c.Inputs(rest[:min(1, len(rest))], "%s: ")
		for _, data := range all {
			lines = append(lines, program.Lines(data)...)
		}
		if status != 0 {
			return 1
		}
	}
	count := len(lines)
	if f.Has("n") {
		n, ok := program.Count(f.Value["n"])
		if !ok || n < 0 {
			return c.Complain("invalid line count: ‘%s’", f.Value["n"])
		}
		if count = int(min(n, int64(count))); f.Has("r") {
			count = int(min(n, program.MaxValue))
		}
	}
	var b strings.Builder
	if f.Has("r") {
		if len(lines) == 0 {
			return c.Complain("no lines to repeat")
		}
		for i := 0; (i < count || !f.Has("n")) && !c.Busy(); i++ {
			c.Print(lines[rand.IntN(len(lines))] + "\n")
		}
		return status
	}
	for _, i := range rand.Perm(len(lines))[:count] {
		b.WriteString(lines[i] + "\n")
	}
	if f.Has("o") {
		if err := c.View().WriteFile(c.Path(f.Value["o"]), []byte(b.String()), 0o666&^c.Umask); err != nil {
			return c.Complain("%s: %s", f.Value["o"], vfs.Text(err))
		}
		return status
	}
	c.Print(b.String())
	return status
}

// look finds lines that begin with a string.
func look(c *program.Call) int {
	f, rest, ok := c.Parse("abdft:", "alternative=a binary=b alphanum=d ignore-case=f terminate=:t")
	if !ok || len(rest) == 0 {
		c.Err.Print("look: bad usage\nTry 'look --help' for more information.\n")
		return 1
	}
	if len(rest) == 1 {
		rest = append(rest, "/usr/share/dict/words")
	}
	data, err := c.Read(rest[1])
	if err != nil {
		return c.Complain("%s: %s", rest[1], vfs.Text(err))
	}
	status := 1
	for _, line := range program.Lines(data) {
		if strings.HasPrefix(line, rest[0]) || f.Has("f") && strings.HasPrefix(strings.ToLower(line), strings.ToLower(rest[0])) {
			c.Print(line + "\n")
			status = 0
		}
		if c.Busy() {
			break
		}
	}
	return status
}
