package program

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// eachLine is a filter of lines.
func eachLine(f func(line string) string) Func {
	return func(c *Call) int {
		_, names, ok := c.Parse("", "")
		if !ok {
			return 1
		}
		all, _, status := c.Inputs(names, "%s: ")
		for _, data := range all {
			for _, line := range lines(data) {
				c.Print(f(line) + "\n")
			}
		}
		return status
	}
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func tac(c *Call) int {
	all, _, status := c.Inputs(c.Args, "failed to open '%s' for reading: ")
	for _, data := range all {
		list := lines(data)
		for i := len(list) - 1; i >= 0; i-- {
			c.Print(list[i] + "\n")
		}
	}
	return status
}

func nl(c *Call) int {
	f, names, ok := c.Parse("b:w:s:n:v:", "body-numbering=:b")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	n := 0
	for _, data := range all {
		for _, line := range lines(data) {
			if line == "" && f.Value["b"] != "a" {
				c.Print("       \n")
				continue
			}
			n++
			c.Printf("%6d\t%s\n", n, line)
		}
	}
	return status
}

func od(c *Call) int {
	f, names, ok := c.Parse("A:bcdoxt:N:j:vw:", "format=:t address-radix=:A read-bytes=:N")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	var data []byte
	for _, d := range all {
		data = append(data, d...)
	}
	if n, ok := count(f.Value["N"]); ok {
		data = data[:min(int64(len(data)), max(n, 0))]
	}
	address := func(n int) string {
		switch f.Value["A"] {
		case "n":
			return ""
		case "x":
			return fmt.Sprintf("%06x", n)
		case "d":
			return fmt.Sprintf("%07d", n)
		}
		return fmt.Sprintf("%07o", n)
	}
	for i := 0; i < len(data) && !c.Busy(); i += 16 {
		row := data[i:min(i+16, len(data))]
		line := address(i)
		switch {
		case f.Has("c") || f.Value["t"] == "c":
			for _, b := range row {
				line += fmt.Sprintf("%4s", odChar(b))
			}
		case strings.HasPrefix(f.Value["t"], "x1"):
			for _, b := range row {
				line += fmt.Sprintf(" %02x", b)
			}
		default:
			format, width := " %06o", 2
			if f.Has("x") || f.Value["t"] == "x2" {
				format = " %04x"
			}
			for j := 0; j < len(row); j += width {
				v := int(row[j])
				if j+1 < len(row) {
					v |= int(row[j+1]) << 8
				}
				line += fmt.Sprintf(format, v)
			}
		}
		c.Print(line + "\n")
	}
	if end := address(len(data)); end != "" {
		c.Print(end + "\n")
	}
	return status
}

func odChar(b byte) string {
	if i := strings.IndexByte("\x00\a\b\t\n\v\f\r", b); i >= 0 {
		return []string{`\0`, `\a`, `\b`, `\t`, `\n`, `\v`, `\f`, `\r`}[i]
	}
	if b >= 0x20 && b < 0x7f {
		return string(rune(b))
	}
	return fmt.Sprintf("%03o", b)
}

func xxd(c *Call) int {
	f, names, ok := c.Parse("pl:c:us:r", "")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		if n, ok := count(f.Value["l"]); ok {
			data = data[:min(int64(len(data)), max(n, 0))]
		}
		for i := 0; i < len(data) && !c.Busy(); i += 16 {
			row := data[i:min(i+16, len(data))]
			if f.Has("p") {
				c.Printf("%x\n", row)
				continue
			}
			hex, text := "", ""
			for j, b := range row {
				hex += fmt.Sprintf("%02x", b)
				if j%2 == 1 {
					hex += " "
				}
				if b >= 0x20 && b < 0x7f {
					text += string(rune(b))
				} else {
					text += "."
				}
			}
			c.Printf("%08x: %-40s %s\n", i, hex, text)
		}
	}
	return status
}

func paste(c *Call) int {
	f, names, ok := c.Parse("d:sz", "delimiters=:d serial=s")
	if !ok {
		return 1
	}
	delimiter := "\t"
	if f.Has("d") {
		delimiter, _ = word.Escapes(f.Value["d"], false)
	}
	var columns [][]string
	dashes := 0
	for _, n := range names {
		if n == "-" {
			dashes++
		}
	}
	if dashes > 1 && dashes == len(names) {
		data, err := c.Read("-")
		if err != nil {
			return 1
		}
		list := lines(data)
		for i := 0; i < len(list); i += dashes {
			row := append([]string{}, list[i:min(i+dashes, len(list))]...)
			for len(row) < dashes {
				row = append(row, "")
			}
			c.Print(strings.Join(row, delimiter) + "\n")
		}
		return 0
	}
	all, _, status := c.Inputs(names, "%s: ")
	longest := 0
	for _, data := range all {
		list := lines(data)
		if f.Has("s") {
			c.Print(strings.Join(list, delimiter) + "\n")
		}
		columns = append(columns, list)
		longest = max(longest, len(list))
	}
	for i := 0; i < longest && !f.Has("s"); i++ {
		var row []string
		for _, list := range columns {
			cell := ""
			if i < len(list) {
				cell = list[i]
			}
			row = append(row, cell)
		}
		c.Print(strings.Join(row, delimiter) + "\n")
	}
	return status
}

func dd(c *Call) int {
	options := map[string]string{}
	for _, a := range c.Args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			c.Usage("unrecognized operand ‘" + a + "’")
			return 1
		}
		options[name] = value
	}
	began := time.Now()
	in := c.In
	if name, ok := options["if"]; ok {
		file, err := c.Open(name, vfs.Read)
		if err != nil {
			return c.Complain("failed to open '%s': %s", name, vfs.Text(err))
		}
		in = file
	}
	size := int64(512)
	if n, ok := count(options["bs"]); ok && n > 0 {
		size = n
	}
	blocks := int64(1 << 30)
	if n, ok := count(options["count"]); ok {
		blocks = n
	}
	limit := min(blocks, int64(c.Kernel.Room())/max(size, 1)+1) * size
	if skip, ok := count(options["skip"]); ok && skip > 0 && in != nil {
		_, _ = io.CopyN(io.Discard, in, min(skip*size, 16<<20))
	}
	var data []byte
	if in != nil {
		data, _ = io.ReadAll(io.LimitReader(in, min(limit, 8<<20)))
	}
	if c.Stop = c.Kernel.Spend(len(data)); c.Stop != nil {
		return 1
	}
	if name, ok := options["of"]; ok {
		file, err := c.Open(name, vfs.Write|vfs.Create|vfs.Truncate)
		if err != nil {
			return c.Complain("failed to open '%s': %s", name, vfs.Text(err))
		}
		if _, err := file.Write(data); err != nil {
			return c.Complain("error writing '%s': %s", name, vfs.Text(err))
		}
	} else {
		c.Write(c.Out, string(data))
	}
	if options["status"] == "none" {
		return 0
	}
	full, partial := int64(len(data))/size, truth(int64(len(data))%size != 0)
	seconds := time.Since(began).Seconds() + 0.0001
	size64 := int64(len(data))
	amount := fmt.Sprintf("%d bytes", size64)
	if size64 == 1 {
		amount = "1 byte"
	}
	if size64 >= 1000 {
		amount += fmt.Sprintf(" (%s, %s)", decimal(size64), binaryUnit(size64))
	}
	rate := "0.0 kB/s"
	if size64 > 0 {
		rate = decimal(int64(float64(size64)/seconds)) + "/s"
	}
	c.Err.Print(fmt.Sprintf("%d+%d records in\n%d+%d records out\n%s copied, %g s, %s\n", full, partial, full, partial, amount, float64(int64(seconds*1e6))/1e6, rate))
	return 0
}

func decimal(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %s", v, []string{"B", "kB", "MB", "GB", "TB"}[unit])
}

func binaryUnit(n int64) string {
	v, unit := float64(n), 0
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %s", v, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}
