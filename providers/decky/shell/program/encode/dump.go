package encode

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func od(c *program.Call) int {
	f, names, ok := c.Parse("A:bcdoxt:N:j:vw:", "format=:t address-radix=:A read-bytes=:N")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	var data []byte
	for _, d := range all {
		data = append(data, d...)
	}
	if n, ok := program.Count(f.Value["N"]); ok {
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

func xxd(c *program.Call) int {
	f, names, ok := c.Parse("pl:c:us:r", "")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		if n, ok := program.Count(f.Value["l"]); ok {
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
