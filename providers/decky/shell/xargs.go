package shell

import (
	"strconv"
	"strings"
)

func xargs(c *call) int {
	f, command, ok := c.parse("+0a:d:E:I:L:n:P:prs:tx", "null=0 max-args=:n replace=:I no-run-if-empty=r max-procs=:P delimiter=:d arg-file=:a verbose=t max-lines=:L interactive=p exit=x max-chars=:s")
	if !ok {
		return 1
	}
	for _, letter := range []string{"n", "L", "P", "s"} {
		if _, err := strconv.Atoi(f.value[letter]); f.has(letter) && err != nil {
			c.usage("invalid number \"" + f.value[letter] + "\" for -" + letter + " option")
			return 1
		}
	}
	from := "-"
	if f.has("a") {
		from = f.value["a"]
	}
	data, err := c.read(from)
	if err != nil {
		return 1
	}
	if len(command) == 0 {
		command = []string{"echo"}
	}
	if f.has("I") && f.has("n") {
		c.complain("warning: options --max-args and --replace/-I/-i are mutually exclusive, ignoring previous --max-args value")
	}
	items, problem := xargsItems(string(data), f)
	if problem != "" {
		return c.complain("%s", problem)
	}
	return c.batches(items, command, f)
}

// xargsItems takes the input apart.
func xargsItems(text string, f flags) ([]string, string) {
	switch {
	case text == "":
		return nil, ""
	case f.has("0"):
		return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00"), ""
	case f.has("d"):
		d, _ := escapes(f.value["d"], true)
		if d == "" {
			return []string{text}, ""
		}
		return strings.Split(strings.TrimSuffix(text, d), d), ""
	case f.has("I"):
		var list []string
		for _, line := range lines([]byte(text)) {
			line = strings.TrimLeft(line, " \t")
			if words, problem := quotedWords(line); problem != "" {
				return nil, problem
			} else if len(words) > 0 {
				list = append(list, strings.NewReplacer(`"`, "", "'", "", `\`, "").Replace(line))
			}
		}
		return list, ""
	case f.has("L"):
		var list []string
		for _, line := range lines([]byte(text)) {
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
func (c *call) batches(items, command []string, f flags) int {
	if len(items) == 0 && f.has("r") {
		return 0
	}
	size := max(len(items), 1)
	if n, ok := count(f.value["n"]); ok && n > 0 {
		size = int(n)
	}
	if n, ok := count(f.value["L"]); ok && n > 0 {
		size = int(n)
	}
	if f.has("I") {
		size = 1
	}
	status := 0
	for first := true; first || len(items) > 0; first = false {
		n := min(size, len(items))
		if n == 0 && f.has("I") {
			break
		}
		args := batch(items[:n], command, f)
		items = items[n:]
		if f.has("t") {
			c.err.print(strings.Join(args, " ") + "\n")
		}
		inner := c.io
		inner.in = strings.NewReader("")
		if done := c.execute(args, inner, "%s: %s"); c.stop != nil || c.busy() {
			return 1
		} else if done == 255 {
			c.complain("%s: exited with status 255; aborting", args[0])
			return 124
		} else if done == 127 || done == 126 {
			return done
		} else if done != 0 {
			status = 123
		}
	}
	return status
}

func batch(items, command []string, f flags) []string {
	var args []string
	switch {
	case f.has("I"):
		for _, a := range command {
			args = append(args, strings.ReplaceAll(a, f.value["I"], items[0]))
		}
	case f.has("L"):
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
