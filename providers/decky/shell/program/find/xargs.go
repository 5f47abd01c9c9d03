package find

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

func xargs(c *program.Call) int {
	f, command, ok := c.Parse("+0a:d:E:I:L:n:P:prs:tx", "null=0 max-args=:n replace=:I no-run-if-empty=r max-procs=:P delimiter=:d arg-file=:a verbose=t max-lines=:L interactive=p exit=x max-chars=:s")
	if !ok {
		return 1
	}
	for _, letter := range []string{"n", "L", "P", "s"} {
		if _, err := strconv.Atoi(f.Value[letter]); f.Has(letter) && err != nil {
			c.Usage("invalid number \"" + f.Value[letter] + "\" for -" + letter + " option")
			return 1
		}
	}
	from := "-"
	if f.Has("a") {
		from = f.Value["a"]
	}
	data, err := c.Read(from)
	if err != nil {
		return 1
	}
	if len(command) == 0 {
		command = []string{"echo"}
	}
	if f.Has("I") && f.Has("n") {
		c.Complain("warning: options --max-args and --replace/-I/-i are mutually exclusive, ignoring previous --max-args value")
	}
	items, problem := xargsItems(string(data), f)
	if problem != "" {
		return c.Complain("%s", problem)
	}
	return batches(c, items, command, f)
}

// xargsItems takes the input apart.
func xargsItems(text string, f program.Flags) ([]string, string) {
	switch {
	case text == "":
		return nil, ""
	case f.Has("0"):
		return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00"), ""
	case f.Has("d"):
		d, _ := word.Escapes(f.Value["d"], true)
		if d == "" {
			return []string{text}, ""
		}
		return strings.Split(strings.TrimSuffix(text, d), d), ""
	case f.Has("I"):
		var list []string
		for _, line := range program.Lines([]byte(text)) {
			line = strings.TrimLeft(line, " \t")
			if words, problem := quotedWords(line); problem != "" {
				return nil, problem
			} else if len(words) > 0 {
				list = append(list, strings.NewReplacer(`"`, "", "'", "", `\`, "").Replace(line))
			}
		}
		return list, ""
	case f.Has("L"):
		var list []string
		for _, line := range program.Lines([]byte(text)) {
			if strings.TrimSpace(line) != "" {
				list = append(list, line)
			}
		}
		return list, ""
	}
	return quotedWords(text)
}

// quotedWords splits at blanks that no quote protects.
func quotedWords(text string) ([]string, string) {
	var list []string
	var b strings.Builder
	inside := false
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0 && c == '\n':
			kind := map[byte]string{'\'': "single", '"': "double"}[quote]
			return nil, "unmatched " + kind + " quote; by default quotes are special to xargs unless you use the -0 option"
		case quote != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inside = c, true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
			inside = true
		case c == ' ' || c == '\t' || c == '\n':
			if inside {
				list = append(list, b.String())
			}
			b.Reset()
			inside = false
		default:
			b.WriteByte(c)
			inside = true
		}
	}
	if quote != 0 {
		kind := map[byte]string{'\'': "single", '"': "double"}[quote]
		return nil, "unmatched " + kind + " quote; by default quotes are special to xargs unless you use the -0 option"
	}
	if inside {
		list = append(list, b.String())
	}
	return list, ""
}

// batches runs the command for as many items at a time as the options say.
func batches(c *program.Call, items, command []string, f program.Flags) int {
	if len(items) == 0 && f.Has("r") {
		return 0
	}
	size := max(len(items), 1)
	if n, ok := program.Count(f.Value["n"]); ok && n > 0 {
		size = int(n)
	}
	if n, ok := program.Count(f.Value["L"]); ok && n > 0 {
		size = int(n)
	}
	if f.Has("I") {
		size = 1
	}
	status := 0
	for first := true; first || len(items) > 0; first = false {
		n := min(size, len(items))
		if n == 0 && f.Has("I") {
			break
		}
		args := batch(items[:n], command, f)
		items = items[n:]
		if f.Has("t") {
			c.Err.Print(strings.Join(args, " ") + "\n")
		}
		inner := c.Streams
		inner.In = strings.NewReader("")
		if done := c.Execute(args, inner, "%s: %s"); c.Stop != nil || c.Busy() {
			return 1
		} else if done == 255 {
			c.Complain("%s: exited with status 255; aborting", args[0])
			return 124
		} else if done == 127 || done == 126 {
			return done
		} else if done != 0 {
			status = 123
		}
	}
	return status
}

func batch(items, command []string, f program.Flags) []string {
	var args []string
	switch {
	case f.Has("I"):
		for _, a := range command {
			args = append(args, strings.ReplaceAll(a, f.Value["I"], items[0]))
		}
	case f.Has("L"):
		args = append(args, command...)
		for _, line := range items {
			words, _ := quotedWords(line)
			args = append(args, words...)
		}
	default:
		args = append(append(args, command...), items...)
	}
	return args
}
