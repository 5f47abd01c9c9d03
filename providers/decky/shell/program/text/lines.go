package text

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// source is one file of paste; several - share theirs.
type source struct {
	lines []string
	done  bool
}

func (s *source) next() (string, bool) {
	if len(s.lines) == 0 {
		s.done = true
		return "", false
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	return line, true
}

func paste(c *program.Call) int {
	f, names, ok := c.Parse("d:sz", "delimiters=:d serial=s zero-terminated=z")
	if !ok {
		return 1
	}
	delimiters := []string{"\t"}
	if f.Has("d") {
		delimiters = pasteDelimiters(f.Value["d"])
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	var list []*source
	var input *source
	status := 0
	for _, name := range names {
		if name == "-" && input != nil && !f.Has("s") {
			list = append(list, input)
			continue
		}
		all, _, failed := c.Inputs([]string{name}, "%s: ")
		status = max(status, failed)
		if failed != 0 {
			if f.Has("s") {
				continue
			}
			return 1
		}
		from := &source{}
		for _, data := range all {
			if text := strings.TrimSuffix(string(data), end); len(data) > 0 {
				from.lines = strings.Split(text, end)
			}
		}
		if name == "-" {
			input = from
		}
		list = append(list, from)
	}
	if f.Has("s") {
		for _, from := range list {
			var b strings.Builder
			for i, line := range from.lines {
				if i > 0 {
					b.WriteString(delimiters[(i-1)%len(delimiters)])
				}
				b.WriteString(line)
			}
			c.Print(b.String() + end)
		}
		return status
	}
	if c.Applet {
		pasteApplet(c, list, delimiters)
		return status
	}
	for {
		var b strings.Builder
		any := false
		for i, from := range list {
			line, ok := from.next()
			any = any || ok
			b.WriteString(line)
			if i < len(list)-1 {
				b.WriteString(delimiters[i%len(delimiters)])
			}
		}
		if !any || c.Busy() {
			return status
		}
		c.Print(b.String() + end)
	}
}

// pasteApplet is busybox' paste: a file that has ended leaves no delimiter, the
// last one none of the line feeds.
func pasteApplet(c *program.Call, list []*source, delimiters []string) {
	for left := len(list); left > 0 && !c.Busy(); {
		n := 0
		for i, from := range list {
			if from == nil {
				continue
			}
			line, ok := from.next()
			if !ok {
				list[i] = nil
				left--
				continue
			}
			c.Print(line)
			if i == len(list)-1 {
				c.Print("\n")
				continue
			}
			c.Print(delimiters[n%len(delimiters)])
			n++
		}
	}
}

// pasteDelimiters are the characters of -d; \0 is none at all.
func pasteDelimiters(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		n := pattern.Size(s[i:])
		text := s[i : i+n]
		if text == `\` && i+1 < len(s) {
			n = 2
			if text = s[i+1 : i+2]; strings.Contains("bfnrtv", text) {
				text, _ = word.Escapes(s[i:i+2], true)
			} else if text == "0" {
				text = ""
			}
		}
		out = append(out, text)
		i += n
	}
	if len(out) == 0 {
		return []string{""}
	}
	return out
}
