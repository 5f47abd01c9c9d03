package file

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func dd(c *program.Call) int {
	options := map[string]string{}
	for _, a := range c.Args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			c.Usage("unrecognized operand ‘" + a + "’")
			return 1
		}
		switch name {
		case "bs", "ibs", "obs", "cbs", "count", "skip", "seek", "iseek", "oseek":
			if _, ok := program.Count(strings.TrimSuffix(strings.TrimSuffix(value, "iB"), "c")); !ok {
				return c.Complain("invalid number: ‘%s’", value)
			}
		case "if", "of", "status", "conv", "iflag", "oflag":
		default:
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
	if n, ok := program.Count(options["ibs"]); ok && n > 0 {
		size = n
	}
	outSize := int64(512)
	if n, ok := program.Count(options["obs"]); ok && n > 0 {
		outSize = n
	}
	if n, ok := program.Count(options["bs"]); ok && n > 0 {
		size, outSize = n, n
	}
	blocks := int64(1 << 30)
	if n, ok := program.Count(options["count"]); ok {
		blocks = n
	}
	if total, ok := bulk(c, options, size, blocks); ok {
		return measure(c, options, size, outSize, total)
	}
	limit := min(blocks, int64(c.Kernel.Room())/max(size, 1)+1) * size
	if skip, ok := program.Count(options["skip"]); ok && skip > 0 && in != nil {
		_, _ = io.CopyN(io.Discard, in, min(skip*size, 16<<20))
	}
	var data []byte
	if in != nil {
		data, _ = io.ReadAll(io.LimitReader(in, min(limit, 8<<20)))
	}
	if c.Stop = c.Kernel.Spend(len(data)); c.Stop != nil {
		return 1
	}
	read := int64(len(data))
	for conv := range strings.SplitSeq(options["conv"], ",") {
		switch conv {
		case "ucase":
			data = bytes.ToUpper(data)
		case "lcase":
			data = bytes.ToLower(data)
		case "swab":
			for i := 0; i+1 < len(data); i += 2 {
				data[i], data[i+1] = data[i+1], data[i]
			}
		}
	}
	if name, ok := options["of"]; ok {
		if seek, _ := program.Count(options["seek"]); seek > 0 || strings.Contains(options["conv"], "notrunc") {
			data = placed(c, name, data, min(seek*outSize, vfs.MaxFile), strings.Contains(options["conv"], "notrunc"))
		}
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
	// What it took, and what starting takes: no two runs are alike.
	nanos := 21_000 + (uint64(c.Now().UnixMicro())*2654435761+uint64(read)*40503)%26_000 + uint64(read)/2
	report(c, options["status"], size, outSize, read, time.Since(began)+time.Duration(nanos))
	return 0
}

// report says what was copied, and how fast.
func report(c *program.Call, status string, size, outSize, copied int64, took time.Duration) {
	if status == "none" {
		return
	}
	c.Err.Print(fmt.Sprintf("%d+%d records in\n%d+%d records out\n", copied/size, program.Truth(copied%size != 0), copied/outSize, program.Truth(copied%outSize != 0)))
	if status == "noxfer" {
		return
	}
	amount := fmt.Sprintf("%d bytes", copied)
	if copied == 1 {
		amount = "1 byte"
	}
	if copied >= 1000 {
		amount += fmt.Sprintf(" (%s, %s)", decimal(copied), binaryUnit(copied))
	}
	rate := "0.0 kB/s"
	if copied > 0 {
		rate = decimal(int64(float64(copied)/took.Seconds())) + "/s"
	}
	c.Err.Print(fmt.Sprintf("%s copied, %.6g s, %s\n", amount, took.Seconds(), rate))
}

func decimal(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v /= 1000
		unit++
	}
	return tenths(v) + " " + []string{"B", "kB", "MB", "GB", "TB"}[unit]
}

func binaryUnit(n int64) string {
	v, unit := float64(n), 0
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return tenths(v) + " " + []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}

// tenths has a tenth below ten only.
func tenths(v float64) string {
	if v < 9.95 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// placed is what a file holds once data stands in it from an offset on.
func placed(c *program.Call, name string, data []byte, offset int64, keep bool) []byte {
	old, err := c.View().ReadFile(c.Path(name))
	if err != nil {
		old = nil
	}
	end := offset + int64(len(data))
	size := end
	if keep {
		size = max(size, int64(len(old)))
	}
	out := make([]byte, min(size, vfs.MaxFile))
	copy(out, old[:min(int64(len(old)), max(offset, program.Truth(keep)*int64(len(old))))])
	if offset < int64(len(out)) {
		copy(out[offset:], data)
	}
	return out
}
