package compare

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// differ is one diff.
type differ struct {
	c       *program.Call
	f       program.Flags
	context int
	options string // as "diff -r a/x b/x" repeats them
}

// diff shows how to turn one file into another.
func diff(c *program.Call) int {
	c.Long = true
	f, names, ok := c.Parse("abBcC:dDeEfiI:nNpqrsStTuU:vwW:x:yZ0123456789", "brief=q recursive=r new-file=N unified=::U context=::C ignore-case=i ignore-all-space=w ignore-space-change=b ignore-blank-lines=B report-identical-files=s text=a side-by-side=y label=:L color=::k strip-trailing-cr=K minimal=d exclude=:x normal=0 suppress-common-lines=S")
	if !ok {
		return 2
	}
	if len(names) < 2 {
		after := "diff"
		if len(names) == 1 {
			after = names[0]
		}
		c.Err.Print("diff: missing operand after '" + after + "'\ndiff: Try 'diff --help' for more information.\n")
		return 2
	}
	if len(names) > 2 {
		c.Err.Print("diff: extra operand '" + names[2] + "'\ndiff: Try 'diff --help' for more information.\n")
		return 2
	}
	d := &differ{c: c, f: f, context: 3}
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") && a != "-" {
			d.options += " " + a
		}
	}
	for _, letter := range []string{"U", "C"} {
		if n, err := strconv.Atoi(f.Value[letter]); err == nil && n >= 0 {
			d.context = n
		}
	}
	a, errA := c.View().Stat(c.Path(names[0]))
	b, errB := c.View().Stat(c.Path(names[1]))
	if errA == nil && errB == nil && names[0] != "-" && names[1] != "-" {
		switch {
		case a.IsDir() && b.IsDir():
			return d.directories(names[0], names[1], 0)
		case a.IsDir():
			names[0] = strings.TrimSuffix(names[0], "/") + "/" + path.Base(names[1])
		case b.IsDir():
			names[1] = strings.TrimSuffix(names[1], "/") + "/" + path.Base(names[0])
		}
	}
	return d.files(names[0], names[1])
}

func (d *differ) directories(x, y string, depth int) int {
	if depth > 32 {
		return 2
	}
	entries := map[string][2]*vfs.Info{}
	for side, dir := range []string{x, y} {
		list, err := d.c.View().ReadDir(d.c.Path(dir))
		if err != nil {
			d.c.Complain("%s: %s", dir, vfs.Text(err))
			return 2
		}
		for _, e := range list {
			pair := entries[e.Name]
			pair[side] = &e
			entries[e.Name] = pair
		}
	}
	var order []string
	for name := range entries {
		order = append(order, name)
	}
	slices.Sort(order)
	status := 0
	for _, name := range order {
		if d.c.Busy() {
			return 2
		}
		pair := entries[name]
		one, other := strings.TrimSuffix(x, "/")+"/"+name, strings.TrimSuffix(y, "/")+"/"+name
		switch {
		case pair[0] == nil && !d.f.Has("N"):
			d.c.Print("Only in " + y + ": " + name + "\n")
			status = max(status, 1)
		case pair[1] == nil && !d.f.Has("N"):
			d.c.Print("Only in " + x + ": " + name + "\n")
			status = max(status, 1)
		case pair[0] != nil && pair[1] != nil && pair[0].IsDir() && pair[1].IsDir():
			if d.f.Has("r") {
				status = max(status, d.directories(one, other, depth+1))
			} else {
				d.c.Print("Common subdirectories: " + one + " and " + other + "\n")
			}
		default:
			inner := *d
			if !d.f.Has("q") {
				inner.options = "diff" + d.options + " " + one + " " + other + "\n"
			} else {
				inner.options = ""
			}
			status = max(status, inner.compare(one, other, inner.options))
		}
	}
	return status
}

func (d *differ) files(x, y string) int { return d.compare(x, y, "") }

// compare shows the difference of two files, with a headline if there is any.
func (d *differ) compare(x, y, headline string) int {
	var data [2][]byte
	failed := false
	for i, name := range []string{x, y} {
		b, err := d.c.Read(name)
		if err != nil && !(d.f.Has("N") && errors.Is(err, syscall.ENOENT)) {
			d.c.Complain("%s: %s", name, vfs.Text(err))
			failed = true
		}
		data[i] = b
	}
	if failed || d.c.Stop != nil {
		return 2
	}
	same := string(data[0]) == string(data[1])
	binary := func(b []byte) bool { return strings.IndexByte(string(b[:min(len(b), 4096)]), 0) >= 0 }
	switch {
	case !same && !d.f.Has("a") && (binary(data[0]) || binary(data[1])):
		d.c.Print("Binary files " + x + " and " + y + " differ\n")
		return 1
	case same:
		if d.f.Has("s") {
			d.c.Print("Files " + x + " and " + y + " are identical\n")
		}
		if !d.f.Has("y") {
			return 0
		}
	}
	a, b := split(data[0]), split(data[1])
	changes := d.changes(a, b)
	switch {
	case len(changes) == 0 && !d.f.Has("y"):
		if d.f.Has("s") {
			d.c.Print("Files " + x + " and " + y + " are identical\n")
		}
		return 0
	case d.f.Has("q"):
		d.c.Print("Files " + x + " and " + y + " differ\n")
		return 1
	}
	d.c.Print(headline)
	switch {
	case d.f.Has("u") || d.f.Has("U"):
		d.c.Print("--- " + d.title(x, 0) + "\n+++ " + d.title(y, 1) + "\n")
		d.unified(a, b, changes)
	case d.f.Has("c") || d.f.Has("C"):
		d.c.Print("*** " + d.title(x, 0) + "\n--- " + d.title(y, 1) + "\n")
		d.contexts(a, b, changes)
	case d.f.Has("y"):
		d.beside(a, b, changes)
	default:
		d.normal(a, b, changes)
	}
	if len(changes) == 0 {
		return 0
	}
	return 1
}

// title is a file with its time, or the label given for it.
func (d *differ) title(name string, n int) string {
	for _, o := range d.f.Given {
		if o.Letter == "L" {
			if n == 0 {
				return o.Value
			}
			n--
		}
	}
	at := d.c.Now()
	if info, err := d.c.View().Stat(d.c.Path(name)); err == nil && name != "-" {
		at = info.MTime
	}
	return name + "\t" + d.c.Local(at).Format("2006-01-02 15:04:05.000000000 -0700")
}

// split keeps the line feeds, so that a missing one shows.
func split(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	list := strings.SplitAfter(string(data), "\n")
	if list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

func (d *differ) line(mark, text string) {
	if strings.HasSuffix(text, "\n") {
		d.c.Print(mark + text)
		return
	}
	d.c.Print(mark + text + "\n\\ No newline at end of file\n")
}

// extent is a range of lines as diff writes it; from counts from 0.
func extent(from, n int) string {
	if n == 1 {
		return strconv.Itoa(from + 1)
	}
	if n == 0 {
		return strconv.Itoa(from)
	}
	return fmt.Sprintf("%d,%d", from+1, from+n)
}

func (d *differ) normal(a, b []string, changes []change) {
	for _, h := range changes {
		switch {
		case h.dels == 0:
			d.c.Print(extent(h.a, 0) + "a" + extent(h.b, h.adds) + "\n")
		case h.adds == 0:
			d.c.Print(extent(h.a, h.dels) + "d" + extent(h.b, 0) + "\n")
		default:
			d.c.Print(extent(h.a, h.dels) + "c" + extent(h.b, h.adds) + "\n")
		}
		for _, l := range a[h.a : h.a+h.dels] {
			d.line("< ", l)
		}
		if h.dels > 0 && h.adds > 0 {
			d.c.Print("---\n")
		}
		for _, l := range b[h.b : h.b+h.adds] {
			d.line("> ", l)
		}
		if d.c.Busy() {
			return
		}
	}
}

// hunks groups changes that are near each other.
func (d *differ) hunks(changes []change) [][]change {
	var out [][]change
	for _, h := range changes {
		if n := len(out); n > 0 {
			last := out[n-1][len(out[n-1])-1]
			if h.a-(last.a+last.dels) <= 2*d.context {
				out[n-1] = append(out[n-1], h)
				continue
			}
		}
		out = append(out, []change{h})
	}
	return out
}

func (d *differ) unified(a, b []string, changes []change) {
	span := func(from, n int) string {
		switch n {
		case 1:
			return strconv.Itoa(from + 1)
		case 0:
			return fmt.Sprintf("%d,0", from)
		}
		return fmt.Sprintf("%d,%d", from+1, n)
	}
	for _, group := range d.hunks(changes) {
		first, last := group[0], group[len(group)-1]
		before := min(d.context, first.a)
		after := min(d.context, len(a)-last.a-last.dels)
		fromA, toA := first.a-before, last.a+last.dels+after
		fromB, toB := first.b-before, last.b+last.adds+after
		d.c.Print("@@ -" + span(fromA, toA-fromA) + " +" + span(fromB, toB-fromB) + " @@\n")
		at := fromA
		for _, h := range group {
			for ; at < h.a; at++ {
				d.line(" ", a[at])
			}
			for _, l := range a[h.a : h.a+h.dels] {
				d.line("-", l)
			}
			for _, l := range b[h.b : h.b+h.adds] {
				d.line("+", l)
			}
			at = h.a + h.dels
		}
		for ; at < toA; at++ {
			d.line(" ", a[at])
		}
		if d.c.Busy() {
			return
		}
	}
}

func (d *differ) contexts(a, b []string, changes []change) {
	span := func(from, to int) string {
		if to-from <= 1 {
			return strconv.Itoa(to)
		}
		return fmt.Sprintf("%d,%d", from+1, to)
	}
	for _, group := range d.hunks(changes) {
		first, last := group[0], group[len(group)-1]
		before := min(d.context, first.a)
		after := min(d.context, len(a)-last.a-last.dels)
		fromA, toA := first.a-before, last.a+last.dels+after
		fromB, toB := first.b-before, last.b+last.adds+after
		d.c.Print("***************\n*** " + span(fromA, toA) + " ****\n")
		dels, adds := 0, 0
		for _, h := range group {
			dels, adds = dels+h.dels, adds+h.adds
		}
		side := func(list []string, from, to int, mark string, pick func(change) (int, int, bool)) {
			at := from
			for _, h := range group {
				start, n, both := pick(h)
				for ; at < start; at++ {
					d.line("  ", list[at])
				}
				m := mark
				if both {
					m = "! "
				}
				for ; at < start+n; at++ {
					d.line(m, list[at])
				}
			}
			for ; at < to; at++ {
				d.line("  ", list[at])
			}
		}
		if dels > 0 {
			side(a, fromA, toA, "- ", func(h change) (int, int, bool) { return h.a, h.dels, h.dels > 0 && h.adds > 0 })
		}
		d.c.Print("--- " + span(fromB, toB) + " ----\n")
		if adds > 0 {
			side(b, fromB, toB, "+ ", func(h change) (int, int, bool) { return h.b, h.adds, h.dels > 0 && h.adds > 0 })
		}
		if d.c.Busy() {
			return
		}
	}
}
