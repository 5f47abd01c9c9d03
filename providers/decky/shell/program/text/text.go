package text

import (
	"bytes"
	"fmt"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func cat(c *program.Call) int {
	f, names, ok := c.Parse("AbeEnstTuv", "show-all=A number-nonblank=b show-ends=E number=n squeeze-blank=s show-tabs=T show-nonprinting=v")
	if !ok {
		return 1
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	status, n := 0, 0
	for _, name := range names {
		if name == "-" && c.Out.TTY && len(f.Count) == 0 {
			if copyLines(c) != nil {
				return 1
			}
			continue
		}
		if len(f.Count) == 0 || len(f.Count) == 1 && f.Has("u") {
			status = max(status, copied(c, name))
			if c.Stop != nil {
				return 1
			}
			continue
		}
		all, _, failed := c.Inputs([]string{name}, "%s: ")
		status = max(status, failed)
		for _, data := range all {
			if f.Has("s") {
				data = squeezed(data)
			}
			if f.Has("v") || f.Has("A") || f.Has("e") || f.Has("t") {
				data = visible(data)
			}
			if f.Has("n") || f.Has("t") || f.Has("b") || f.Has("E") || f.Has("A") || f.Has("e") || f.Has("T") {
				data, n = decorated(data, f, n)
			}
			c.Write(c.Out, string(data))
		}
		if c.Busy() {
			return 1
		}
	}
	return status
}

// copied writes a file as it comes.
func copied(c *program.Call, name string) int {
	if err := c.Pieces(name, func(piece []byte) { c.Write(c.Out, string(piece)) }); err != nil {
		return c.Complain("%s: %s", name, vfs.Text(err))
	}
	return 0
}

// copyLines echoes a terminal's lines as they come.
func copyLines(c *program.Call) error {
	for {
		line, eof, err := program.ReadLine(c.In, '\n', program.MaxValue)
		if err != nil || eof && line == "" || c.Busy() {
			return err
		}
		if !eof {
			line += "\n"
		}
		c.Print(line)
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

func decorated(data []byte, f program.Flags, n int) ([]byte, int) {
	var b bytes.Buffer
	for line := range bytes.SplitAfterSeq(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		if f.Has("b") && len(body) > 0 || f.Has("n") && !f.Has("b") {
			n++
			fmt.Fprintf(&b, "%6d\t", n)
		}
		if f.Has("T") || f.Has("A") || f.Has("t") {
			body = bytes.ReplaceAll(body, []byte("\t"), []byte("^I"))
		}
		b.Write(body)
		if ended {
			if f.Has("E") || f.Has("A") || f.Has("e") {
				b.WriteByte('$')
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), n
}
