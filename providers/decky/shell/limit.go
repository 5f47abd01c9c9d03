package shell

import (
	"fmt"
	"strconv"
	"strings"
)

// limit is a line of ulimit.
type limit struct{ text, letter, value string }

// bashLimits are bash's, in its order and words.
var bashLimits = []limit{
	{"real-time non-blocking time  (microseconds, -R) ", "R", "unlimited"}, {"core file size              (blocks, -c) ", "c", "0"}, {"data seg size               (kbytes, -d) ", "d", "unlimited"}, {"scheduling priority                 (-e) ", "e", "0"},
	{"file size                   (blocks, -f) ", "f", "unlimited"}, {"pending signals                     (-i) ", "i", "7741"}, {"max locked memory           (kbytes, -l) ", "l", "253536"}, {"max memory size             (kbytes, -m) ", "m", "unlimited"},
	{"open files                          (-n) ", "n", "1024"}, {"pipe size                (512 bytes, -p) ", "p", "8"}, {"POSIX message queues         (bytes, -q) ", "q", "819200"}, {"real-time priority                  (-r) ", "r", "0"},
	{"stack size                  (kbytes, -s) ", "s", "8192"}, {"cpu time                   (seconds, -t) ", "t", "unlimited"}, {"max user processes                  (-u) ", "u", "7741"}, {"virtual memory              (kbytes, -v) ", "v", "unlimited"}, {"file locks                          (-x) ", "x", "unlimited"},
}

var dashLimits = []limit{
	{"time(seconds)        ", "t", "unlimited"}, {"file(blocks)         ", "f", "unlimited"}, {"data(kbytes)         ", "d", "unlimited"}, {"stack(kbytes)        ", "s", "8192"}, {"coredump(blocks)     ", "c", "0"}, {"memory(kbytes)       ", "m", "unlimited"},
	{"locked memory(kbytes) ", "l", "253536"}, {"process              ", "p", "7741"}, {"nofiles              ", "n", "1024"}, {"vmemory(kbytes)      ", "v", "unlimited"}, {"locks                ", "w", "unlimited"}, {"rtprio               ", "r", "0"},
}

var ashLimits = []limit{
	{"core file size (blocks)         (-c) ", "c", "0"}, {"data seg size (kb)              (-d) ", "d", "unlimited"}, {"scheduling priority             (-e) ", "e", "0"}, {"file size (blocks)              (-f) ", "f", "unlimited"}, {"pending signals                 (-i) ", "i", "7741"}, {"max locked memory (kb)          (-l) ", "l", "253536"},
	{"max memory size (kb)            (-m) ", "m", "unlimited"}, {"open files                      (-n) ", "n", "1024"}, {"POSIX message queues (bytes)    (-q) ", "q", "819200"}, {"real-time priority              (-r) ", "r", "0"}, {"stack size (kb)                 (-s) ", "s", "8192"}, {"cpu time (seconds)              (-t) ", "t", "unlimited"},
	{"max user processes              (-u) ", "u", "7741"}, {"virtual memory (kb)             (-v) ", "v", "unlimited"}, {"file locks                      (-x) ", "x", "unlimited"},
}

// ulimit shows and sets limits; those set are kept, and bind nothing.
func ulimit(c *call) int {
	d := c.r.state.dialect
	table := [][]limit{bashLimits, dashLimits, ashLimits}[d.kind]
	known := func(letter string) *limit {
		for i := range table {
			if table[i].letter == letter {
				return &table[i]
			}
		}
		return nil
	}
	var asked []*limit
	all, hard := false, false
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		for _, letter := range args[0][1:] {
			switch l := known(string(letter)); {
			case letter == 'a':
				all = true
			case letter == 'H':
				hard = true
			case letter == 'S':
			case l == nil && d.ash():
				c.Err.Print("ulimit: invalid option -- '" + string(letter) + "'\n")
				return 1
			case l == nil:
				return c.badOption("-"+string(letter), "ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]")
			default:
				asked = append(asked, l)
			}
		}
		args = args[1:]
	}
	value := func(l *limit) string {
		if set, ok := c.r.state.limits[l.letter]; ok {
			return set
		}
		if l.letter == "n" && hard {
			return "1048576"
		}
		if l.letter == "c" && hard {
			return "unlimited"
		}
		return l.value
	}
	if all {
		for i := range table {
			c.Print(table[i].text + value(&table[i]) + "\n")
		}
		return 0
	}
	if len(asked) == 0 {
		asked = []*limit{known("f")}
	}
	if len(args) > 0 {
		return c.setLimit(asked[0], args[0], value(asked[0]))
	}
	for _, l := range asked {
		if len(asked) > 1 && d.bash() {
			c.Print(l.text)
		}
		c.Print(value(l) + "\n")
	}
	return 0
}

func (c *call) setLimit(l *limit, text, before string) int {
	if text != "unlimited" && text != "hard" && text != "soft" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			switch d := c.r.state.dialect; {
			case d.bash():
				c.say(words{"%s: invalid number"}, text)
				return 1
			case d.dash():
				c.say(words{"", "bad number"})
				return c.misused(2)
			}
			c.Err.Print(fmt.Sprintf("%s: invalid number '%s'\n", c.r.state.name, text))
			return 1
		}
		text = strconv.FormatUint(n, 10)
	} else if text != "unlimited" {
		text = before
	}
	limits := map[string]string{l.letter: text}
	for k, v := range c.r.state.limits {
		if k != l.letter {
			limits[k] = v
		}
	}
	if c.r.asUser.UID != 0 && raised(before, text) {
		name, _, _ := strings.Cut(strings.TrimSpace(l.text), "  ")
		c.say(words{name + ": cannot modify limit: Operation not permitted", "error setting limit: Operation not permitted", "error setting limit: Operation not permitted"})
		return c.misused(1)
	}
	c.r.state.limits = limits
	return 0
}

// raised tells that a limit would be above what it is.
func raised(before, after string) bool {
	if before == "unlimited" {
		return false
	}
	if after == "unlimited" {
		return true
	}
	a, err1 := strconv.ParseUint(after, 10, 63)
	b, err2 := strconv.ParseUint(before, 10, 63)
	return err1 == nil && err2 == nil && a > b && b > 0
}
