package encode

import (
	"encoding/hex"
	"hash"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// digest makes md5sum and its kin; tag is the name in BSD's form.
func digest(tag string, make func() hash.Hash) program.Func {
	return func(c *program.Call) int {
		f, names, ok := c.Parse("bctwz", "binary=b check=c text=t quiet=q status=s warn=w strict=S ignore-missing=i tag=T zero=z")
		if !ok {
			return 1
		}
		return sums(c, &digester{c: c, f: f, tag: tag, make: make}, names)
	}
}

// digester is one md5sum.
type digester struct {
	c    *program.Call
	f    program.Flags
	tag  string
	make func() hash.Hash
}

// sum reads a file as it comes.
func (d *digester) sum(name string) (string, error) {
	h := d.make()
	err := d.c.Pieces(name, func(piece []byte) { h.Write(piece) })
	return hex.EncodeToString(h.Sum(nil)), err
}

// line is a sum and its file; a name that needs it is escaped.
func (d *digester) line(name, sum string) string {
	lead, end := "", "\n"
	if d.f.Has("z") {
		end = "\x00"
	} else if strings.ContainsAny(name, "\\\n\r") {
		lead, name = `\`, strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	}
	if d.f.Has("T") {
		return lead + d.tag + " (" + name + ") = " + sum + end
	}
	mark := " "
	if d.f.Has("b") {
		mark = "*"
	}
	return lead + sum + " " + mark + name + end
}

// parsed takes a line of sums apart.
func (d *digester) parsed(line string) (sum, name string, ok bool) {
	size := d.make().Size() * 2
	if rest, found := strings.CutPrefix(line, d.tag+" ("); found {
		i := strings.LastIndex(rest, ") = ")
		if i < 0 {
			return "", "", false
		}
		sum, name = rest[i+4:], rest[:i]
	} else {
		line = strings.TrimLeft(line, " \t")
		escaped := strings.HasPrefix(line, `\`)
		line = strings.TrimPrefix(line, `\`)
		if len(line) < size+3 || line[size] != ' ' || line[size+1] != ' ' && line[size+1] != '*' {
			return "", "", false
		}
		sum, name = line[:size], line[size+2:]
		if escaped {
			name = strings.NewReplacer(`\\`, "\\", `\n`, "\n", `\r`, "\r").Replace(name)
		}
	}
	_, err := hex.DecodeString(sum)
	return strings.ToLower(sum), name, err == nil && len(sum) == size
}

func (d *digester) check(list string, data []byte) int {
	c := d.c
	if list == "-" {
		list = "standard input"
	}
	good, bad, missing, wrong := 0, 0, 0, 0
	for i, line := range program.Lines(data) {
		if c.Busy() {
			return 1
		}
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		sum, name, ok := d.parsed(line)
		if !ok {
			wrong++
			if d.f.Has("w") {
				c.Complain("%s: %d: improperly formatted %s checksum line", list, i+1, d.tag)
			}
			continue
		}
		content, err := d.sum(name)
		switch {
		case err != nil && d.f.Has("i"):
		case err != nil:
			missing++
			c.Complain("%s: %s", name, vfs.Text(err))
			if !d.f.Has("s") {
				c.Print(name + ": FAILED open or read\n")
			}
		case content == sum:
			if good++; !d.f.Has("q") && !d.f.Has("s") {
				c.Print(name + ": OK\n")
			}
		default:
			if bad++; !d.f.Has("s") {
				c.Print(name + ": FAILED\n")
			}
		}
	}
	if good+bad+missing == 0 {
		if d.f.Has("i") && wrong == 0 {
			return c.Complain("%s: no file was verified", list)
		}
		if strings.Contains(list, " ") {
			list = "'" + list + "'"
		}
		return c.Complain("%s: no properly formatted checksum lines found", list)
	}
	if !d.f.Has("s") {
		d.warn(wrong, "line is improperly formatted", "lines are improperly formatted")
		d.warn(missing, "listed file could not be read", "listed files could not be read")
		d.warn(bad, "computed checksum did NOT match", "computed checksums did NOT match")
	}
	if bad+missing > 0 || wrong > 0 && d.f.Has("S") {
		return 1
	}
	return 0
}

func (d *digester) warn(n int, one, many string) {
	if n == 1 {
		d.c.Complain("WARNING: 1 %s", one)
	} else if n > 1 {
		d.c.Complain("WARNING: %d %s", n, many)
	}
}
