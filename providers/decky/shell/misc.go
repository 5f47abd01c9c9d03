package shell

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func letCommand(c *call) int {
	if len(c.Args) == 0 {
		c.say(words{"expression expected", "", "expression expected"})
		return words2exit(c.r.state.dialect, 1)
	}
	var n int64
	for _, a := range c.Args {
		var err error
		if n, err = c.r.number(a); err != nil {
			if said, ok := err.(wordsError); ok {
				c.say(words{"%s", "", "%s"}, string(said))
				return 1
			}
			c.Stop = err
			return 1
		}
	}
	if n == 0 {
		return 1
	}
	return 0
}

// hash is hash: nothing is remembered that has to be found again.
func hash(c *call) int {
	d := c.r.state.dialect
	given, names, status, ok := c.options(words{"lrpdt", "rv", "rv"}.in(d), "hash [-lr] [-p pathname] [-dt] [name ...]")
	if !ok {
		return status
	}
	if strings.Contains(given, "r") {
		c.r.state.hashed = nil
		return 0
	}
	if len(names) == 0 {
		if len(c.r.state.hashed) == 0 && d.bash() {
			c.Print("hash: hash table empty\n")
			return 0
		}
		if d.bash() {
			c.Print("hits\tcommand\n")
		}
		for _, path := range c.r.state.hashed {
			if d.bash() {
				c.Print(fmt.Sprintf("%4d\t%s\n", 1, path))
			} else {
				c.Print(path + "\n")
			}
		}
		return 0
	}
	for _, name := range names {
		if _, builtin := d.builtins[name]; builtin {
			continue
		}
		path, err := c.r.find(name)
		if err != nil {
			c.say(words{"%s: not found", "%s: not found", "%s: not found"}, name)
			status = 1
			continue
		}
		c.r.remember(path)
	}
	return status
}

// remember is what hash lists of the programs that ran.
func (r *runner) remember(path string) {
	if !slices.Contains(r.state.hashed, path) && len(r.state.hashed) < 100 {
		r.state.hashed = append(slices.Clip(r.state.hashed), path)
	}
}

func caller(c *call) int {
	n := len(c.r.state.running)
	if n == 0 {
		return 1
	}
	c.Print(fmt.Sprintf("%d %s\n", max(c.r.line, 1), "NULL"))
	return 0
}

func bind(c *call) int {
	if !c.r.state.interactive {
		c.Err.Print(c.r.prefixOf("bind") + "warning: line editing not enabled\n")
	}
	if slices.Contains(c.Args, "-l") {
		c.Print(strings.Join([]string{"abort", "accept-line", "alias-expand-line", "backward-char", "backward-delete-char", "backward-kill-line", "backward-kill-word", "backward-word", "beginning-of-line", "clear-screen", "complete", "delete-char", "end-of-line", "forward-char", "forward-word", "history-search-backward", "kill-line", "kill-word", "next-history", "previous-history", "reverse-search-history", "transpose-chars", "unix-line-discard", "unix-word-rubout", "yank"}, "\n") + "\n")
	}
	return 0
}

func enable(c *call) int {
	given, names, status, ok := c.options("adnpsf", "enable [-a] [-dnps] [-f filename] [name ...]")
	if !ok {
		return status
	}
	d := c.r.state.dialect
	off := c.r.state.disabled
	if len(names) == 0 {
		for _, name := range slices.Sorted(maps.Keys(d.builtins)) {
			switch is := slices.Contains(off, name); {
			case strings.Contains(given, "a") && is, strings.Contains(given, "n") && is && !strings.Contains(given, "a"):
				c.Print("enable -n " + name + "\n")
			case !is && !strings.Contains(given, "n"):
				c.Print("enable " + name + "\n")
			}
		}
		return 0
	}
	for _, name := range names {
		switch _, known := d.builtins[name]; {
		case !known:
			c.say(words{"%s: not a shell builtin"}, name)
			status = 1
		case strings.Contains(given, "n"):
			if !slices.Contains(off, name) {
				off = append(slices.Clip(off), name)
			}
		default:
			off = slices.DeleteFunc(slices.Clone(off), func(o string) bool { return o == name })
		}
	}
	c.r.state.disabled = off
	return status
}

// ashHelp lists the builtins, and the applets that ash runs without a path.
func ashHelp(c *call) int {
	names := slices.Sorted(maps.Keys(c.r.state.dialect.builtins))
	if busybox, ok := simulated("busybox"); ok {
		var list strings.Builder
		inner := *c.Call
		inner.Name, inner.Args, inner.Out = "busybox", []string{"--list"}, Stream{Writer: &list}
		busybox(&inner)
		names = append(names, strings.Fields(list.String())...)
	}
	var b strings.Builder
	column := 0
	for _, name := range names {
		lead := " "
		if column == 0 {
			lead = "\t"
		}
		b.WriteString(lead + name)
		if column += 1 + len(name); column > 60 {
			b.WriteByte('\n')
			column = 0
		}
	}
	c.Print("Built-in commands:\n------------------\n" + b.String() + "\n\n")
	return 0
}

func complete(*call) int { return 0 }

// compgen lists what would complete a word.
func compgen(c *call) int {
	if len(c.Args) == 0 {
		return 0
	}
	prefix := ""
	if last := c.Args[len(c.Args)-1]; !strings.HasPrefix(last, "-") {
		prefix = last
	}
	var list []string
	switch c.Args[0] {
	case "-b":
		list = slices.Sorted(maps.Keys(c.r.state.dialect.builtins))
	case "-k":
		list = []string{"if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in", "function", "time", "{", "}", "!", "[[", "]]", "coproc"}
	case "-v":
		list = slices.Sorted(maps.Keys(c.r.state.vars))
	case "-a":
		list = slices.Sorted(maps.Keys(c.r.state.aliases))
	case "-A":
		if len(c.Args) > 1 && c.Args[1] == "function" {
			list = slices.Sorted(maps.Keys(c.r.state.funcs))
		}
	case "-c":
		list = append(slices.Sorted(maps.Keys(c.r.state.dialect.builtins)), c.r.programNames()...)
	case "-f", "-d":
		if entries, err := c.View().ReadDir(c.r.state.cwd); err == nil {
			for _, e := range entries {
				if c.Args[0] == "-f" || e.IsDir() {
					list = append(list, e.Name)
				}
			}
		}
	case "-u":
		for _, a := range c.Machine.Accounts() {
			list = append(list, a.Name)
		}
	}
	status := 1
	for _, name := range list {
		if strings.HasPrefix(name, prefix) {
			c.Print(name + "\n")
			status = 0
		}
	}
	return status
}

// programNames are the names along PATH.
func (r *runner) programNames() []string {
	seen := map[string]bool{}
	var list []string
	path, _ := r.state.get("PATH")
	for dir := range strings.SplitSeq(path, ":") {
		entries, err := r.view().ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !seen[e.Name] && !e.IsDir() {
				seen[e.Name] = true
				list = append(list, e.Name)
			}
		}
	}
	return list
}

func fc(c *call) int {
	if slices.Contains(c.Args, "-l") {
		list := c.r.session.history
		from := max(len(list)-17, 0)
		for i, line := range list[from:] {
			c.Print(fmt.Sprintf("%d\t %s\n", from+i+1, line))
		}
	}
	return 0
}

func suspend(c *call) int {
	if c.r.state.interactive {
		c.say(words{"cannot suspend a login shell"})
	} else {
		c.say(words{"cannot suspend: no job control"})
	}
	return 1
}
