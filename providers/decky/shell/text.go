package shell

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// inputs reads the operands of a text tool, standard input where there are
// none; what cannot be read is complained about and sets the status.
func (c *call) inputs(names []string, complaint string) (all [][]byte, opened []string, status int) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.read(name)
		if c.stop != nil {
			return all, opened, 1
		}
		if err != nil {
			c.err.print(c.name + ": " + fmt.Sprintf(complaint, name) + vfs.Text(err) + "\n")
			status = 1
			continue
		}
		all, opened = append(all, data), append(opened, name)
	}
	return all, opened, status
}

// lines splits text at line feeds; the last line may lack one.
func lines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func cat(c *call) int {
	f, names, ok := c.parse("AbeEnstTuv", "show-all=A number-nonblank=b show-ends=E number=n squeeze-blank=s show-tabs=T show-nonprinting=v")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	status, n := 0, 0
	for _, name := range names {
		if name == "-" && c.out.tty && len(f.count) == 0 {
			if c.copyLines() != nil {
				return 1
			}
			continue
		}
		all, _, failed := c.inputs([]string{name}, "%s: ")
		status = max(status, failed)
		for _, data := range all {
			if f.has("s") {
				data = squeezed(data)
			}
			if f.has("v") || f.has("A") || f.has("e") || f.has("t") {
				data = visible(data)
			}
			if f.has("n") || f.has("t") || f.has("b") || f.has("E") || f.has("A") || f.has("e") || f.has("T") {
				data, n = decorated(data, f, n)
			}
			c.write(c.out, string(data))
		}
		if c.busy() {
			return 1
		}
	}
	return status
}

// copyLines echoes a terminal's lines as they come.
func (c *call) copyLines() error {
	for {
		line, eof, err := readLine(c.in, '\n', maxValue)
		if err != nil || eof && line == "" || c.busy() {
			return err
		}
		if !eof {
			line += "\n"
		}
		c.print(line)
		if eof {
			return nil
		}
	}
}

// squeezed leaves one of several empty lines.
func squeezed(data []byte) []byte {
	var out []byte
	empty := 0
	for line := range bytes.SplitAfterSeq(data, []byte("\n")) {
		if empty++; string(line) != "\n" {
			empty = 0
		}
		if empty < 2 {
			out = append(out, line...)
		}
	}
	return out
}

// visible shows what cannot be printed as ^X and M-x.
func visible(data []byte) []byte {
	var out []byte
	for _, c := range data {
		if c >= 0x80 {
			out = append(out, "M-"...)
			c &= 0x7f
			if c == '\n' || c == '\t' {
				out = append(out, '^', c+64)
				continue
			}
		}
		switch {
		case c == 0x7f:
			out = append(out, "^?"...)
		case c < 0x20 && c != '\n' && c != '\t':
			out = append(out, '^', c+64)
		default:
			out = append(out, c)
		}
	}
	return out
}

func decorated(data []byte, f flags, n int) ([]byte, int) {
	var b bytes.Buffer
	for line := range bytes.SplitAfterSeq(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		if f.has("b") && len(body) > 0 || f.has("n") && !f.has("b") {
			n++
			fmt.Fprintf(&b, "%6d\t", n)
		}
		if f.has("T") || f.has("A") || f.has("t") {
			body = bytes.ReplaceAll(body, []byte("\t"), []byte("^I"))
		}
		b.Write(body)
		if ended {
			if f.has("E") || f.has("A") || f.has("e") {
				b.WriteByte('$')
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), n
}
