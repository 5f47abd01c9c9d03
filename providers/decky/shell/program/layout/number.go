package layout

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// factor takes numbers up to 2^64 apart.
func factor(c *program.Call) int {
	_, words, ok := c.Parse("h", "exponents=h")
	if !ok {
		return 1
	}
	if len(words) == 0 {
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		words = strings.Fields(string(data))
	}
	status := 0
	for _, w := range words {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(w), "+"), 10, 64)
		if err != nil {
			status = c.Complain("‘%s’ is not a valid positive integer", w)
			continue
		}
		list, ok := factors(c, n)
		if !ok {
			return 1
		}
		line := strconv.FormatUint(n, 10) + ":"
		for _, p := range list {
			line += " " + strconv.FormatUint(p, 10)
		}
		c.Print(line + "\n")
	}
	return status
}

func factors(c *program.Call, n uint64) ([]uint64, bool) {
	var out []uint64
	for p := uint64(2); p < 1000 && p*p <= n; p++ {
		for n%p == 0 {
			out, n = append(out, p), n/p
		}
	}
	pending := []uint64{n}
	for len(pending) > 0 {
		n, pending = pending[len(pending)-1], pending[:len(pending)-1]
		if n < 2 {
			continue
		}
		if prime(n) {
			out = append(out, n)
			continue
		}
		d := rho(c, n)
		if d == 0 {
			return nil, false
		}
		pending = append(pending, d, n/d)
	}
	slices.Sort(out)
	return out, true
}

func mulmod(a, b, n uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi%n, lo, n)
	return rest
}

// prime is Miller and Rabin's test with the bases that decide 64 bits.
func prime(n uint64) bool {
	if n < 4 || n%2 == 0 {
		return n == 2 || n == 3
	}
	d, r := n-1, 0
	for d%2 == 0 {
		d, r = d/2, r+1
	}
next:
	for _, a := range []uint64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37} {
		if a%n == 0 {
			continue
		}
		x := uint64(1)
		for e, b := d, a%n; e > 0; e, b = e/2, mulmod(b, b, n) {
			if e%2 == 1 {
				x = mulmod(x, b, n)
			}
		}
		if x == 1 || x == n-1 {
			continue
		}
		for range r - 1 {
			if x = mulmod(x, x, n); x == n-1 {
				continue next
			}
		}
		return false
	}
	return true
}

// rho is Pollard's; 0 where the budget ends.
func rho(c *program.Call, n uint64) uint64 {
	if n%2 == 0 {
		return 2
	}
	for k := uint64(1); k < 100; k++ {
		x, y, d := uint64(2), uint64(2), uint64(1)
		step := func(v uint64) uint64 { s, carry := bits.Add64(mulmod(v, v, n), k, 0); return (s + carry) % n }
		for i := 0; d == 1; i++ {
			if i%1024 == 1023 && c.Busy() {
				return 0
			}
			x, y = step(x), step(step(y))
			a, b := max(x, y)-min(x, y), n
			for b != 0 {
				a, b = b, a%b
			}
			d = a
		}
		if d != n {
			return d
		}
	}
	return 0
}

// numfmt turns numbers into ones that people read, and back.
func numfmt(c *program.Call) int {
	f, words, ok := c.Parse("d:z", "from=:f to=:t from-unit=:F to-unit=:T suffix=:s padding=:p field=:k header=::H round=:r delimiter=:d format=:m grouping=g invalid=:i")
	if !ok {
		return 1
	}
	if len(words) == 0 {
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		words = program.Lines(data)
	}
	field := 1
	if n, err := strconv.Atoi(f.Value["k"]); err == nil {
		field = n
	}
	status := 0
	for i, w := range words {
		if c.Busy() {
			return 1
		}
		if f.Has("H") && i == 0 {
			c.Print(w + "\n")
			continue
		}
		cells := strings.Fields(w)
		if d := f.Value["d"]; d != "" {
			cells = strings.Split(w, d)
		}
		if field < 1 || field > len(cells) {
			c.Print(w + "\n")
			continue
		}
		text, problem := scaled(f, cells[field-1])
		if problem != "" {
			c.Complain("%s", problem)
			return 2
		}
		if n, err := strconv.Atoi(f.Value["p"]); err == nil {
			text = fmt.Sprintf("%*s", min(max(n, -200), 200), text)
		}
		cells[field-1] = text
		d := " "
		if f.Has("d") {
			d = f.Value["d"]
		}
		c.Print(strings.Join(cells, d) + "\n")
	}
	return status
}

const units = "KMGTPEZY"

func scaled(f program.Flags, text string) (string, string) {
	trimmed := strings.TrimSuffix(text, f.Value["s"])
	base := map[string]float64{"si": 1000, "iec": 1024, "iec-i": 1024, "auto": 1000}[f.Value["f"]]
	number := trimmed
	factor := 1.0
	if base != 0 && number != "" {
		if strings.HasSuffix(number, "i") && f.Value["f"] != "si" {
			number, base = strings.TrimSuffix(number, "i"), 1024
		}
		if number != "" {
			if i := strings.IndexByte(units, number[len(number)-1]); i >= 0 {
				factor = math.Pow(base, float64(i+1))
				number = number[:len(number)-1]
			}
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		if n := strings.IndexFunc(trimmed, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' }); n > 0 {
			if base == 0 && strings.IndexByte(units, trimmed[n]) >= 0 {
				return "", "rejecting suffix in input: ‘" + text + "’ (consider using --from)"
			}
			return "", "invalid suffix in input: ‘" + text + "’"
		}
		return "", "invalid number: ‘" + text + "’"
	}
	v *= factor
	if n, ok := program.Count(f.Value["F"]); ok {
		v *= float64(n)
	}
	if n, ok := program.Count(f.Value["T"]); ok && n > 0 {
		v /= float64(n)
	}
	out := strconv.FormatFloat(v, 'f', -1, 64)
	if to := map[string]float64{"si": 1000, "iec": 1024, "iec-i": 1024}[f.Value["t"]]; to != 0 {
		unit := -1
		for math.Abs(v) >= to && unit < len(units)-1 {
			v, unit = v/to, unit+1
		}
		if math.Abs(v) < 10 && unit >= 0 {
			v = math.Ceil(v*10-1e-9) / 10
			out = strconv.FormatFloat(v, 'f', 1, 64)
		} else {
			v = math.Ceil(v - 1e-9)
			if v >= to && unit < len(units)-1 {
				v, unit = v/to, unit+1
				out = strconv.FormatFloat(v, 'f', 1, 64)
			} else {
				out = strconv.FormatFloat(v, 'f', 0, 64)
			}
		}
		if unit >= 0 {
			out += units[unit : unit+1]
			if f.Value["t"] == "iec-i" {
				out += "i"
			}
		}
	}
	return out + f.Value["s"], ""
}

// pr sets pages.
func pr(c *program.Call) int {
	f, names, ok := c.Parse("aCcdD:e::fFh:i::Jl:mn::N:o:rs::S::tTvw:W:0123456789", "omit-header=t header=:h length=:l columns=:k double-space=d number-lines=::n page-width=:W merge=m")
	if !ok {
		return 1
	}
	all, opened, status := c.Inputs(names, "%s: ")
	for i, data := range all {
		title := opened[i]
		if title == "-" {
			title = ""
		}
		if f.Has("h") {
			title = f.Value["h"]
		}
		at := c.Now()
		if info, err := c.View().Stat(c.Path(opened[i])); err == nil && opened[i] != "-" {
			at = info.MTime
		}
		lines := program.Lines(data)
		if f.Has("t") || f.Has("T") {
			for _, l := range lines {
				c.Print(l + "\n")
			}
			continue
		}
		const body = 56
		for page := 0; page*body < len(lines); page++ {
			if c.Busy() {
				return 1
			}
			date, number := at.UTC().Format("2006-01-02 15:04"), fmt.Sprintf("Page %d", page+1)
			gap := max(72-len(date)-len(title)-len(number), 2)
			c.Print("\n\n" + date + strings.Repeat(" ", gap/2) + title + strings.Repeat(" ", gap-gap/2) + number + "\n\n\n")
			shown := lines[page*body : min(page*body+body, len(lines))]
			for _, l := range shown {
				c.Print(l + "\n")
			}
			c.Print(strings.Repeat("\n", body-len(shown)+5))
		}
	}
	return status
}
