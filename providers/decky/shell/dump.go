package shell

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// eachLine is a filter of lines.
func eachLine(f func(line string) string) command {
	return func(c *call) int {
		_, names, ok := c.parse("", "")
		if !ok {
			return 1
		}
		all, _, status := c.inputs(names, "%s: ")
		for _, data := range all {
			for _, line := range lines(data) {
				c.print(f(line) + "\n")
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

func tac(c *call) int {
	all, _, status := c.inputs(c.args, "failed to open '%s' for reading: ")
	for _, data := range all {
		list := lines(data)
		for i := len(list) - 1; i >= 0; i-- {
			c.print(list[i] + "\n")
		}
	}
	return status
}

func nl(c *call) int {
	f, names, ok := c.parse("b:w:s:n:v:", "body-numbering=:b")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	n := 0
	for _, data := range all {
		for _, line := range lines(data) {
			if line == "" && f.value["b"] != "a" {
				c.print("       \n")
				continue
			}
			n++
			c.printf("%6d\t%s\n", n, line)
		}
	}
	return status
}

func od(c *call) int {
	f, names, ok := c.parse("A:bcdoxt:N:j:vw:", "format=:t address-radix=:A read-bytes=:N")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	var data []byte
	for _, d := range all {
		data = append(data, d...)
	}
	if n, ok := count(f.value["N"]); ok {
		data = data[:min(int64(len(data)), max(n, 0))]
	}
	address := func(n int) string {
		switch f.value["A"] {
		case "n":
			return ""
		case "x":
			return fmt.Sprintf("%06x", n)
		case "d":
			return fmt.Sprintf("%07d", n)
		}
		return fmt.Sprintf("%07o", n)
	}
	for i := 0; i < len(data) && !c.busy(); i += 16 {
		row := data[i:min(i+16, len(data))]
		line := address(i)
		switch {
		case f.has("c") || f.value["t"] == "c":
			for _, b := range row {
				line += fmt.Sprintf("%4s", odChar(b))
			}
		case strings.HasPrefix(f.value["t"], "x1"):
			for _, b := range row {
				line += fmt.Sprintf(" %02x", b)
			}
		default:
			format, width := " %06o", 2
			if f.has("x") || f.value["t"] == "x2" {
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
		c.print(line + "\n")
	}
	if end := address(len(data)); end != "" {
		c.print(end + "\n")
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

func xxd(c *call) int {
	f, names, ok := c.parse("pl:c:us:r", "")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names, "%s: ")
	for _, data := range all {
		if n, ok := count(f.value["l"]); ok {
			data = data[:min(int64(len(data)), max(n, 0))]
		}
		for i := 0; i < len(data) && !c.busy(); i += 16 {
			row := data[i:min(i+16, len(data))]
			if f.has("p") {
				c.printf("%x\n", row)
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
			c.printf("%08x: %-40s %s\n", i, hex, text)
		}
	}
	return status
}

func paste(c *call) int {
	f, names, ok := c.parse("d:sz", "delimiters=:d serial=s")
	if !ok {
		return 1
	}
	delimiter := "\t"
	if f.has("d") {
		delimiter, _ = escapes(f.value["d"], false)
	}
	var columns [][]string
	dashes := 0
	for _, n := range names {
		if n == "-" {
			dashes++
		}
	}
	if dashes > 1 && dashes == len(names) {
		data, err := c.read("-")
		if err != nil {
			return 1
		}
		list := lines(data)
		for i := 0; i < len(list); i += dashes {
			row := append([]string{}, list[i:min(i+dashes, len(list))]...)
			for len(row) < dashes {
				row = append(row, "")
			}
			c.print(strings.Join(row, delimiter) + "\n")
		}
		return 0
	}
	all, _, status := c.inputs(names, "%s: ")
	longest := 0
	for _, data := range all {
		list := lines(data)
		if f.has("s") {
			c.print(strings.Join(list, delimiter) + "\n")
		}
		columns = append(columns, list)
		longest = max(longest, len(list))
	}
	for i := 0; i < longest && !f.has("s"); i++ {
		var row []string
		for _, list := range columns {
			cell := ""
			if i < len(list) {
				cell = list[i]
			}
			row = append(row, cell)
		}
		c.print(strings.Join(row, delimiter) + "\n")
	}
	return status
}

func dd(c *call) int {
	options := map[string]string{}
	for _, a := range c.args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			c.usage("unrecognized operand ‘" + a + "’")
			return 1
		}
		options[name] = value
	}
	began := time.Now()
	in := c.in
	if name, ok := options["if"]; ok {
		file, err := c.r.open(name, vfs.Read, c.io)
		if err != nil {
			return c.complain("failed to open '%s': %s", name, vfs.Text(err))
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
	limit := min(blocks, int64(c.r.budget.limits.Pipe)/max(size, 1)+1) * size
	if skip, ok := count(options["skip"]); ok && skip > 0 && in != nil {
		_, _ = io.CopyN(io.Discard, in, min(skip*size, 16<<20))
	}
	var data []byte
	if in != nil {
		data, _ = io.ReadAll(io.LimitReader(in, min(limit, 8<<20)))
	}
	if c.stop = c.r.budget.spend(len(data)); c.stop != nil {
		return 1
	}
	if name, ok := options["of"]; ok {
		file, err := c.r.open(name, vfs.Write|vfs.Create|vfs.Truncate, c.io)
		if err != nil {
			return c.complain("failed to open '%s': %s", name, vfs.Text(err))
		}
		if _, err := file.Write(data); err != nil {
			return c.complain("error writing '%s': %s", name, vfs.Text(err))
		}
	} else {
		c.write(c.out, string(data))
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
	c.err.print(fmt.Sprintf("%d+%d records in\n%d+%d records out\n%s copied, %g s, %s\n", full, partial, full, partial, amount, float64(int64(seconds*1e6))/1e6, rate))
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
