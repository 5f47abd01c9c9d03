package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

func seq(c *program.Call) int {
	f, args, ok := seqOptions(c)
	if !ok {
		return 1
	}
	switch {
	case len(args) == 0:
		return c.Missing()
	case len(args) > 3:
		c.Usage("extra operand ‘" + args[3] + "’")
		return 1
	}
	numbers := [3]float64{1, 1, 1}
	places, whole := 0, 0
	for i, a := range args {
		n, ok := seqNumber(a)
		if !ok {
			c.Usage("invalid floating point argument: ‘" + a + "’")
			return 1
		}
		numbers[i] = n
		integer, fraction, _ := strings.Cut(a, ".")
		if i < len(args)-1 || len(args) == 1 {
			places = max(places, len(fraction))
		}
		whole = max(whole, len(integer))
	}
	first, step, last := 1.0, 1.0, numbers[0]
	switch len(args) {
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	}
	if step == 0 {
		c.Usage("invalid Zero increment value: ‘" + args[1] + "’")
		return 1
	}
	if len(args) == 1 {
		places = 0
	}
	show := func(v float64) string { return strconv.FormatFloat(v, 'f', places, 64) }
	if f.Has("f") {
		before, verb, after, problem := seqFormat(f.Value["f"])
		if problem != "" {
			return c.Complain("%s", problem)
		}
		show = func(v float64) string { return before + fmt.Sprintf(verb, v) + after }
	} else if f.Has("w") {
		width := max(len(show(first)), len(show(last)), 0)
		if places > 0 && len(args) > 1 {
			width = max(width, whole+1+places)
		}
		plain := show
		show = func(v float64) string { return zeroes(plain(v), width) }
	}
	separator := "\n"
	if f.Has("s") {
		separator, _ = word.Escapes(f.Value["s"], true)
	}
	count(c, first, step, last, separator, show)
	return 0
}

// seqOptions reads options, which a negative number is none of.
func seqOptions(c *program.Call) (program.Flags, []string, bool) {
	n := 0
	for n < len(c.Args) && len(c.Args[n]) > 1 && c.Args[n][0] == '-' && strings.IndexByte("0123456789.", c.Args[n][1]) < 0 {
		if c.Args[n] == "-s" || c.Args[n] == "-f" {
			n++
		}
		n++
	}
	n = min(n, len(c.Args))
	operands := c.Args[n:]
	inner := *c
	inner.Args = c.Args[:n]
	f, more, ok := inner.Parse("+f:s:w", "format=:f separator=:s equal-width=w")
	c.Answered = inner.Answered
	return f, append(more, operands...), ok
}

func seqNumber(s string) (float64, bool) {
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 0, 64); err == nil && strings.HasPrefix(s, "0x") {
		return float64(n), true
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n)
}

// seqFormat takes a format apart: what is around its one directive.
func seqFormat(format string) (before, verb, after, problem string) {
	at := strings.IndexByte(strings.ReplaceAll(format, "%%", "\x00\x00"), '%')
	if at < 0 {
		return "", "", "", "format ‘" + format + "’ has no % directive"
	}
	end := at + 1
	for end < len(format) && strings.IndexByte("-+ #0123456789.'", format[end]) >= 0 {
		end++
	}
	if end >= len(format) {
		return "", "", "", "format ‘" + format + "’ ends in %"
	}
	if strings.IndexByte("efgaEFGA", format[end]) < 0 {
		return "", "", "", "format ‘" + format + "’ has unknown %" + format[end:end+1] + " directive"
	}
	if strings.Contains(strings.ReplaceAll(format[end+1:], "%%", ""), "%") {
		return "", "", "", "format ‘" + format + "’ has too many % directives"
	}
	if strings.Trim(format[at+1:end], "0123456789") != format[at+1:end] && len(format[at:end]) > 8 {
		return "", "", "", "format ‘" + format + "’ has too wide a directive"
	}
	plain := func(s string) string { return strings.ReplaceAll(s, "%%", "%") }
	return plain(format[:at]), format[at : end+1], plain(format[end+1:]), ""
}

// zeroes fills a number up on the left.
func zeroes(s string, width int) string {
	digits, negative := strings.CutPrefix(s, "-")
	sign := ""
	if negative {
		sign = "-"
	}
	return sign + strings.Repeat("0", max(width-len(s), 0)) + digits
}

// blockSize is what stdio writes into a pipe at once.
const blockSize = 4096

// count prints the numbers in blocks.
func count(c *program.Call, first, step, last float64, separator string, show func(float64) string) {
	var b strings.Builder
	any := false
	for i := 0; ; i++ {
		v := first + float64(i)*step
		if step > 0 && v > last+step*1e-9 || step < 0 && v < last+step*1e-9 {
			break
		}
		if any {
			b.WriteString(separator)
		}
		any = true
		b.WriteString(show(v))
		if i%256 == 255 && c.Busy() {
			return
		}
		if b.Len() >= blockSize {
			text := b.String()
			c.Print(text[:blockSize])
			b.Reset()
			b.WriteString(text[blockSize:])
		}
	}
	if any {
		c.Print(b.String() + "\n")
	}
}
