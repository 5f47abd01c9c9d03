package find

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
	"github.com/decnet/decnet/providers/decky/shell/program/file"
	"github.com/decnet/decnet/providers/decky/shell/program/format"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// action is -print and its kin.
func (q *query) action(a string) predicate {
	q.acts = true
	c := q.c
	switch a {
	case "-print0":
		return func(v *visit) bool { c.Print(v.path + "\x00"); return true }
	case "-delete":
		q.after = true
		return func(v *visit) bool {
			if v.path == "." {
				return true
			}
			if err := c.View().Remove(c.Path(v.path)); err != nil {
				q.status = c.Complain("cannot delete ‘%s’: %s", v.path, vfs.Text(err))
				return false
			}
			return true
		}
	case "-ls":
		return func(v *visit) bool {
			blocks := (v.info.Size + 4095) / 4096 * 4
			m := c.Machine
			c.Printf("%9d %6d %s %3d %-8s %-8s %8d %s %s\n", v.info.Ino, blocks, program.ModeString(v.info.Mode), v.info.Links, m.UserName(v.info.UID), m.GroupName(v.info.GID), v.info.Size, (&file.Listing{Now: c.Local(m.Now())}).Stamp(v.info.MTime), v.path)
			return true
		}
	}
	return func(v *visit) bool { c.Print(v.path + "\n"); return true }
}

// execution is -exec, -execdir and -ok.
func (q *query) execution(a string) (predicate, string) {
	q.acts = true
	var command []string
	for ; q.pos < len(q.args); q.pos++ {
		word := q.args[q.pos]
		if word == ";" || word == "+" && len(command) > 0 && command[len(command)-1] == "{}" {
			break
		}
		command = append(command, word)
	}
	if q.pos >= len(q.args) || len(command) == 0 {
		return nil, "missing argument to `" + a + "'"
	}
	plus := q.args[q.pos] == "+"
	q.pos++
	if plus {
		g := &grouped{command: command[:len(command)-1]}
		q.groups = append(q.groups, g)
		return func(v *visit) bool {
			g.names = append(g.names, execName(a, v.path))
			return true
		}, ""
	}
	return func(v *visit) bool {
		args := make([]string, len(command))
		for i, word := range command {
			args[i] = strings.ReplaceAll(word, "{}", execName(a, v.path))
		}
		c := q.c
		if strings.HasPrefix(a, "-ok") {
			c.Err.Print("< " + strings.Join(command[:max(len(command)-1, 1)], " ") + " ... " + v.path + " > ? ")
			line, _, err := program.ReadLine(c.In, '\n', program.MaxValue)
			if err != nil || !strings.HasPrefix(strings.ToLower(line), "y") {
				return false
			}
		}
		if c.Stop == nil {
			if _, err := c.Find(args[0]); err != nil {
				c.Complain("‘%s’: %s", args[0], vfs.Text(err))
				return false
			}
			return c.Run(args, c.Streams) == 0 && c.Stop == nil
		}
		return false
	}, ""
}

func execName(a, path string) string {
	if strings.HasSuffix(a, "dir") {
		return "./" + program.Base("/"+path)
	}
	return path
}

// formatted is -printf.
func (q *query) formatted(layout string, v *visit) string {
	m := q.c.Machine
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		switch {
		case layout[i] == '\\' && i+1 < len(layout):
			n := format.EscapeLength(layout[i:])
			text, _ := word.Escapes(layout[i:i+n], true)
			b.WriteString(text)
			i += n - 1
		case layout[i] == '%' && i+1 < len(layout):
			i++
			dir, name := ".", program.Base("/"+strings.TrimRight(v.path, "/"))
			if j := strings.LastIndexByte(v.path, '/'); j >= 0 {
				dir = v.path[:j]
			}
			switch layout[i] {
			case 'p':
				b.WriteString(v.path)
			case 'f':
				b.WriteString(name)
			case 'h':
				b.WriteString(dir)
			case 'P':
				b.WriteString(strings.TrimPrefix(strings.TrimPrefix(v.path, v.root), "/"))
			case 'H':
				b.WriteString(v.root)
			case 's':
				b.WriteString(strconv.FormatInt(v.info.Size, 10))
			case 'm':
				fmt.Fprintf(&b, "%o", v.info.Mode&0o7777)
			case 'M':
				b.WriteString(program.ModeString(v.info.Mode))
			case 'y':
				b.WriteString(fileLetter(v.info))
			case 'd':
				b.WriteString(strconv.Itoa(v.depth))
			case 'u':
				b.WriteString(m.UserName(v.info.UID))
			case 'g':
				b.WriteString(m.GroupName(v.info.GID))
			case 'U':
				b.WriteString(strconv.Itoa(v.info.UID))
			case 'G':
				b.WriteString(strconv.Itoa(v.info.GID))
			case 'i':
				fmt.Fprint(&b, v.info.Ino)
			case 'n':
				b.WriteString(strconv.Itoa(v.info.Links))
			case 'l':
				b.WriteString(v.info.Target)
			case 't':
				b.WriteString(v.info.MTime.UTC().Format("Mon Jan _2 15:04:05.0000000000 2006"))
			case 'T':
				if i++; i < len(layout) {
					if layout[i] == '@' {
						fmt.Fprintf(&b, "%d.%010d", v.info.MTime.Unix(), v.info.MTime.Nanosecond()*10)
					} else {
						b.WriteString(clock.Strftime("%"+layout[i:i+1], v.info.MTime.UTC()))
					}
				}
			case '%':
				b.WriteByte('%')
			default:
				b.WriteString("%" + layout[i:i+1])
			}
		default:
			b.WriteByte(layout[i])
		}
	}
	return b.String()
}
