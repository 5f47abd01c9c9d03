package format

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// Printf is bash's builtin: the format is used again while arguments are left.
func Printf(c *program.Call) int {
	args := c.Args
	variable := ""
	if len(args) >= 2 && args[0] == "-v" {
		variable, args = args[1], args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		c.Err.Print("printf: usage: printf [-v var] format [arguments]\n")
		return 2
	}
	f := &Formatter{C: c, Args: args[1:]}
	for {
		used := f.Pass(args[0])
		if f.stop || !used || len(f.Args) == 0 || c.Busy() {
			break
		}
	}
	if variable != "" && c.SetVariable != nil {
		c.SetVariable(variable, f.Out.String())
		return f.status
	}
	c.Print(f.Out.String())
	return f.status
}

// Formatter is one printf.
type Formatter struct {
	C      *program.Call
	Args   []string
	Out    strings.Builder
	status int
	stop   bool
}

func (f *Formatter) arg() string {
	if len(f.Args) == 0 {
		return ""
	}
	a := f.Args[0]
	f.Args = f.Args[1:]
	return a
}

// Pass goes through the format once and tells whether it used arguments.
func (f *Formatter) Pass(format string) (used bool) {
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && i+1 < len(format):
			n := EscapeLength(format[i:])
			text, stop := word.Escapes(format[i:i+n], true)
			if format[i+1] == 'c' {
				stop = true
			}
			if stop {
				f.stop = true
				return used
			}
			f.Out.WriteString(text)
			i += n - 1
		case format[i] == '%' && i+1 < len(format):
			n, ok := f.verb(format[i:])
			used = used || ok
			i += n - 1
			if f.stop || f.Out.Len() > program.MaxValue {
				return used
			}
		default:
			f.Out.WriteByte(format[i])
		}
	}
	return used
}

// EscapeLength is how long the backslash sequence at the start of s is.
func EscapeLength(s string) int {
	switch c := s[1]; {
	case c == 'x':
		return 2 + word.Digits(s[2:], 16, 2)
	case c == 'u':
		return 2 + word.Digits(s[2:], 16, 4)
	case c == 'U':
		return 2 + word.Digits(s[2:], 16, 8)
	case c >= '0' && c <= '7':
		return 1 + word.Digits(s[1:], 8, 3)
	}
	return 2
}

// verb formats one %... and returns its length and whether it took an
// argument.
func (f *Formatter) verb(s string) (int, bool) {
	i := 1
	flags := ""
	for i < len(s) && strings.IndexByte("-+ #0'", s[i]) >= 0 {
		flags += s[i : i+1]
		i++
	}
	used := false
	number := func() (int, bool) {
		if i < len(s) && s[i] == '*' {
			i++
			used = true
			n, _ := strconv.Atoi(f.arg())
			return n, true
		}
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi(s[from:i])
		return n, err == nil
	}
	width, _ := number()
	if width < 0 {
		width, flags = -width, flags+"-"
	}
	precision := -1
	if i < len(s) && s[i] == '.' {
		i++
		precision = 0
		if n, ok := number(); ok {
			precision = n
		}
	}
	for i < len(s) && strings.IndexByte("hlLqjzt", s[i]) >= 0 && s[i] != 'q' {
		i++
	}
	if i >= len(s) {
		f.C.Err.Print(f.C.Prefix + "printf: `" + s + "': missing format character\n")
		f.status, f.stop = 1, true
		return len(s), false
	}
	if s[i] == '(' {
		if format, _, ok := strings.Cut(s[i+1:], ")T"); ok {
			seconds, err := strconv.ParseInt(f.arg(), 10, 64)
			t := f.C.Local(time.Unix(seconds, 0))
			if err != nil || seconds == -1 {
				t = f.C.Local(f.C.Now())
			}
			f.Out.WriteString(pad(clock.Strftime(format, t), min(width, 10_000), flags, 's'))
			return i + len(format) + 3, true
		}
	}
	width, precision = min(width, 10_000), min(precision, 10_000)
	text, ok := f.convert(s[i], flags, precision)
	ok = ok && (s[i] != '%' || i == 1)
	if !ok {
		f.C.Err.Print(f.C.Prefix + "printf: `" + s[i:i+1] + "': invalid format character\n")
		f.status, f.stop = 1, true
		return i + 1, used
	}
	f.Out.WriteString(pad(text, width, flags, s[i]))
	return i + 1, used || s[i] != '%'
}

func pad(text string, width int, flags string, verb byte) string {
	gap := width - utf8.RuneCountInString(text)
	switch {
	case gap <= 0:
		return text
	case strings.Contains(flags, "-"):
		return text + strings.Repeat(" ", gap)
	case strings.Contains(flags, "0") && strings.IndexByte("diouxXeEfFgG", verb) >= 0:
		sign := 0
		if text != "" && (text[0] == '-' || text[0] == '+') {
			sign = 1
		}
		return text[:sign] + strings.Repeat("0", gap) + text[sign:]
	}
	return strings.Repeat(" ", gap) + text
}

func (f *Formatter) convert(verb byte, flags string, precision int) (string, bool) {
	cut := func(s string) string {
		if precision >= 0 && precision < len(s) {
			return s[:precision]
		}
		return s
	}
	switch verb {
	case '%':
		return "%", true
	case 's':
		return cut(f.arg()), true
	case 'b':
		text, stop := word.Escapes(f.arg(), false)
		f.stop = f.stop || stop
		return cut(text), true
	case 'q':
		return printfQuoted(f.arg()), true
	case 'c':
		a := f.arg()
		return a[:min(1, len(a))], true
	case 'd', 'i', 'u', 'o', 'x', 'X':
		return f.integer(verb, flags, precision), true
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if precision < 0 {
			precision = 6
		}
		a := f.arg()
		v, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
		if err != nil && a != "" {
			f.invalid(a)
		}
		text := strconv.FormatFloat(v, verb|0x20, precision, 64)
		if strings.Contains(flags, "+") && v >= 0 {
			text = "+" + text
		}
		if verb == 'E' || verb == 'G' {
			text = strings.ToUpper(text)
		}
		return text, true
	}
	return "", false
}

func (f *Formatter) invalid(a string) {
	what := "number"
	if len(a) > 1 && a[0] == '0' && word.Digits(a, 16, len(a)) == len(a) {
		what = "octal number"
	}
	f.C.Err.Print(f.C.Prefix + "printf: " + a + ": invalid " + what + "\n")
	f.status = 1
}

func (f *Formatter) integer(verb byte, flags string, precision int) string {
	a := f.arg()
	var n int64
	switch {
	case a == "":
	case a[0] == '\'' || a[0] == '"':
		r, _ := utf8.DecodeRuneInString(a[1:])
		if len(a) > 1 {
			n = int64(r)
		}
	default:
		v, ok := word.Number(strings.TrimLeft(a, " +"))
		if !ok {
			f.invalid(a)
			lead := word.Digits(strings.TrimPrefix(a, "-"), 16, 18)
			for ; lead > 0; lead-- {
				if v, ok = word.Number(a[:lead]); ok {
					break
				}
			}
		}
		n = v
	}
	var text string
	switch verb {
	case 'd', 'i':
		text = strconv.FormatInt(n, 10)
	case 'u':
		text = strconv.FormatUint(uint64(n), 10)
	case 'o':
		text = strconv.FormatUint(uint64(n), 8)
		if strings.Contains(flags, "#") && n != 0 {
			text = "0" + text
		}
	case 'x', 'X':
		text = strconv.FormatUint(uint64(n), 16)
		if strings.Contains(flags, "#") && n != 0 {
			text = "0x" + text
		}
		if verb == 'X' {
			text = strings.ToUpper(text)
		}
	}
	sign := strings.HasPrefix(text, "-")
	for len(strings.TrimPrefix(text, "-")) < precision {
		text = strings.Repeat("-", map[bool]int{true: 1}[sign]) + "0" + strings.TrimPrefix(text, "-")
	}
	if !sign && (verb == 'd' || verb == 'i') {
		if strings.Contains(flags, "+") {
			text = "+" + text
		} else if strings.Contains(flags, " ") {
			text = " " + text
		}
	}
	return text
}

// printfQuoted is %q.
func printfQuoted(s string) string {
	if s == "" {
		return "''"
	}
	if strings.IndexFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }) >= 0 {
		return word.Shown(s)
	}
	var b strings.Builder
	for i, c := range s {
		if strings.ContainsRune(" !\"$&'()*,;<>?[\\]^`{|}", c) || i == 0 && (c == '~' || c == '#') {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
