package text

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func uniq(c *program.Call) int {
	f, names, ok := c.Parse("0123456789cdDf:is:uw:z", "count=c repeated=d all-repeated=D unique=u ignore-case=i skip-fields=:f skip-chars=:s check-chars=:w zero-terminated=z")
	if !ok {
		return 1
	}
	if len(names) > 2 {
		c.Usage("extra operand ‘" + names[2] + "’")
		return 1
	}
	all, _, status := c.Inputs(names[:min(1, len(names))], "%s: ")
	if status != 0 || c.Stop != nil {
		return 1
	}
	separator := "\n"
	if f.Has("z") {
		separator = "\x00"
	}
	var list []string
	if text := strings.TrimSuffix(string(all[0]), separator); len(all[0]) > 0 {
		list = strings.Split(text, separator)
	}
	var b strings.Builder
	for i := 0; i < len(list) && !c.Busy(); {
		j := i + 1
		for j < len(list) && alike(list[i], list[j], f) {
			j++
		}
		if (!f.Has("d") && !f.Has("D") || j-i > 1) && (!f.Has("u") || j-i == 1) {
			last := i + 1
			if f.Has("D") {
				last = j
			}
			for _, line := range list[i:last] {
				if f.Has("c") {
					b.WriteString(fmt.Sprintf("%7d ", j-i))
				}
				b.WriteString(line + separator)
			}
		}
		i = j
	}
	if len(names) == 2 {
		if err := c.View().WriteFile(c.Path(names[1]), []byte(b.String()), 0o644); err != nil {
			return c.Complain("%s: %s", names[1], vfs.Text(err))
		}
		return 0
	}
	c.Print(b.String())
	return 0
}

// alike compares two lines as uniq's options say.
func alike(a, b string, f program.Flags) bool {
	part := func(s string) string {
		if n, ok := program.Count(f.Value["f"]); ok {
			at := 0
			for ; n > 0 && at < len(s); n-- {
				at = fieldStop(s, at)
			}
			s = s[at:]
		}
		if n, ok := program.Count(f.Value["s"]); ok && n > 0 {
			s = s[min(int(n), len(s)):]
		}
		if n, ok := program.Count(f.Value["w"]); ok && n >= 0 {
			s = s[:min(int(n), len(s))]
		}
		return s
	}
	a, b = part(a), part(b)
	return a == b || f.Has("i") && strings.EqualFold(a, b)
}
