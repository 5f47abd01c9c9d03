package encode

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// xxd shows bytes and makes them again.
func xxd(c *program.Call) int {
	f, names, ok := c.Parse("abc:Eeg:hil:n:o:prs:uv", "")
	if !ok {
		return 1
	}
	if f.Has("v") {
		c.Err.Print("xxd 2022-01-14 by Juergen Weigert et al.\n")
		return 0
	}
	name := "-"
	if len(names) > 0 {
		name = names[0]
	}
	data, err := c.Read(name)
	if err != nil {
		if c.Stop == nil {
			c.Complain("%s: %s", name, vfs.Text(err))
		}
		return 2
	}
	out := ""
	switch {
	case f.Has("r"):
		out = string(unhex(string(data), f.Has("p")))
	default:
		skip := 0
		if n, err := strconv.ParseInt(f.Value["s"], 0, 32); err == nil {
			if skip = int(n); skip < 0 {
				skip += len(data)
			}
			skip = min(max(skip, 0), len(data))
		}
		data = data[skip:]
		if n, err := strconv.ParseInt(f.Value["l"], 0, 40); err == nil {
			data = data[:min(int64(len(data)), max(n, 0))]
		}
		out = hexed(c, f, name, data, skip)
	}
	if len(names) > 1 {
		if err := c.View().WriteFile(c.Path(names[1]), []byte(out), 0o666&^c.Umask); err != nil {
			c.Complain("%s: %s", names[1], vfs.Text(err))
			return 3
		}
		return 0
	}
	c.Print(out)
	return 0
}

// unhex reads a dump, or plain hexadecimal digits.
func unhex(text string, plain bool) []byte {
	var out []byte
	if plain {
		digits := strings.Map(func(r rune) rune {
			if strings.ContainsRune("0123456789abcdefABCDEF", r) {
				return r
			}
			return -1
		}, text)
		out, _ = hex.DecodeString(digits[:len(digits)/2*2])
		return out
	}
	for line := range strings.Lines(text) {
		address, rest, ok := strings.Cut(line, ":")
		at, err := strconv.ParseInt(strings.TrimSpace(address), 16, 32)
		if !ok || err != nil || at > vfs.MaxFile {
			continue
		}
		rest = strings.TrimPrefix(rest, " ")
		if i := strings.Index(rest, "  "); i >= 0 {
			rest = rest[:i]
		}
		digits := strings.ReplaceAll(strings.TrimSpace(rest), " ", "")
		bytes, _ := hex.DecodeString(digits[:len(digits)/2*2])
		for len(out) < int(at) {
			out = append(out, 0)
		}
		out = append(out[:at], bytes...)
	}
	return out
}

func hexed(c *program.Call, f program.Flags, name string, data []byte, offset int) string {
	var b strings.Builder
	number := func(letter string, standard int) int {
		if n, err := strconv.Atoi(f.Value[letter]); err == nil && n > 0 && n <= 256 {
			return n
		}
		return standard
	}
	verb := "%02x"
	if f.Has("u") {
		verb = "%02X"
	}
	switch {
	case f.Has("p"):
		columns := number("c", 30)
		for i := 0; i < len(data) && !c.Busy(); i += columns {
			for _, v := range data[i:min(i+columns, len(data))] {
				fmt.Fprintf(&b, verb, v)
			}
			b.WriteByte('\n')
		}
		return b.String()
	case f.Has("i"):
		return include(name, data, number("c", 12), f.Has("u"))
	}
	columns, group, width := number("c", 16), 2, 2
	if f.Has("b") {
		columns, group, width, verb = number("c", 6), 1, 8, "%08b"
	}
	if f.Has("e") {
		group = 4
	}
	if f.Has("g") {
		group = number("g", columns)
	}
	full := columns*width + (columns-1)/group
	for i := 0; i < len(data) && !c.Busy(); i += columns {
		row := data[i:min(i+columns, len(data))]
		line := ""
		for j := 0; j < columns; j += group {
			if j > 0 {
				line += " "
			}
			cells := ""
			for k := j; k < min(j+group, columns); k++ {
				at := k
				if f.Has("e") {
					at = j + group - 1 - (k - j)
				}
				if at < len(row) {
					cells += fmt.Sprintf(verb, row[at])
				} else {
					cells += strings.Repeat(" ", width)
				}
			}
			line += cells
		}
		fmt.Fprintf(&b, "%08x: %-*s  %s\n", offset+i, full, line, printable(row))
	}
	return b.String()
}

// include is -i: an array of C.
func include(name string, data []byte, columns int, upper bool) string {
	var b strings.Builder
	id := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	if name != "-" {
		b.WriteString("unsigned char " + id + "[] = {\n")
	}
	for i, v := range data {
		switch {
		case i == 0:
			b.WriteString("  ")
		case i%columns == 0:
			b.WriteString(",\n  ")
		default:
			b.WriteString(", ")
		}
		if upper {
			fmt.Fprintf(&b, "0X%02X", v)
		} else {
			fmt.Fprintf(&b, "0x%02x", v)
		}
	}
	if len(data) > 0 {
		b.WriteByte('\n')
	}
	if name != "-" {
		fmt.Fprintf(&b, "};\nunsigned int %s_len = %d;\n", id, len(data))
	}
	return b.String()
}

// stringsCommand shows what can be read in a file.
func stringsCommand(c *program.Call) int {
	f, names, ok := c.Parse("adfn:t:e:owsT:0123456789", "all=a print-file-name=f bytes=:n radix=:t encoding=:e")
	if !ok {
		return 1
	}
	least := 4
	if n, err := strconv.Atoi(f.Value["n"]); err == nil && n > 0 {
		least = n
	} else if f.Has("n") {
		return c.Complain("invalid integer argument %s", f.Value["n"])
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
			if vfs.Text(err) == "Is a directory" {
				c.Err.Print("strings: Warning: '" + name + "' is a directory\n")
				status = 1
				continue
			}
			c.Err.Print("strings: '" + name + "': No such file\n")
			status = 1
			continue
		}
		start := -1
		for i := 0; i <= len(data); i++ {
			if i < len(data) && (data[i] >= 0x20 && data[i] < 0x7f || data[i] == '\t') {
				if start < 0 {
					start = i
				}
				continue
			}
			if start >= 0 && i-start >= least {
				lead := ""
				if f.Has("f") {
					lead = name + ": "
				}
				if verb := map[string]string{"x": "%7x ", "d": "%7d ", "o": "%7o "}[f.Value["t"]]; verb != "" {
					lead += fmt.Sprintf(verb, start)
				}
				if c.Busy() {
					return 1
				}
				c.Print(lead + string(data[start:i]) + "\n")
			}
			start = -1
		}
	}
	return status
}
