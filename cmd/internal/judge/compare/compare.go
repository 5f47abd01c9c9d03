// Package compare tells whether two servers answered one probe alike: the class
// of the reply, its bytes behind the declared masks, how the connection ended,
// and, apart from those, how long it took. It knows no protocol: every field
// that may differ is a probe.Mask.
package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// Difference is where two answers part.
type Difference struct {
	Class bool // the kinds of reply differ
	Bytes bool // bytes or packets differ
	Close bool // the ends differ
	// Entry and Offset are where the first difference is; -1 where only the end
	// differs.
	Entry, Offset int
	// Want and Got are both sides from a little before it, escaped.
	Want, Got string
}

// None tells that there is no difference.
func (d Difference) None() bool { return !d.Class && !d.Bytes && !d.Close }

// String is the difference on two lines.
func (d Difference) String() string {
	var what []string
	for _, w := range []struct {
		is   bool
		name string
	}{{d.Class, "class"}, {d.Bytes, "bytes"}, {d.Close, "close"}} {
		if w.is {
			what = append(what, w.name)
		}
	}
	where := "at the end"
	if d.Entry >= 0 {
		where = fmt.Sprintf("answer %d, byte %d", d.Entry, d.Offset)
	}
	return fmt.Sprintf("%s, %s\n      real %s\n      ours %s", strings.Join(what, "+"), where, d.Want, d.Got)
}

// Comparer compares with the masks of a service, and counts which were used.
// It is not safe for concurrent use.
type Comparer struct {
	masks []probe.Mask
	used  map[string]int
}

// New is a Comparer with masks.
func New(masks []probe.Mask) *Comparer { return &Comparer{masks, map[string]int{}} }

// Used is how many fields each mask covered, by its name.
func (c *Comparer) Used() map[string]int { return c.used }

// Compare compares what a server said with what the reference said to p.
func (c *Comparer) Compare(p probe.Probe, want, got *transcript.Transcript) Difference {
	w, g := c.answer(p, want), c.answer(p, got)
	d := Difference{Entry: -1, Offset: -1, Close: want.End != got.End || want.End == transcript.Failed}
	d.Class = class(w, want.End) != class(g, got.End)
	for i := range max(len(w), len(g)) {
		var a, b transcript.Entry
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if same(a, b) {
			continue
		}
		d.Bytes, d.Entry, d.Offset = true, i, firstDifference(a.Data, b.Data)
		d.Want, d.Got = excerpt(a, d.Offset), excerpt(b, d.Offset)
		return d
	}
	if d.Close {
		d.Want, d.Got = string(want.End)+" "+want.Err, string(got.End)+" "+got.Err
	}
	return d
}

// Nearest compares what a server said with everything that the reference was
// heard to say to p: no difference where one of the answers is the same, else
// the difference from the last.
func (c *Comparer) Nearest(p probe.Probe, heard []*transcript.Transcript, got *transcript.Transcript) Difference {
	var d Difference
	for _, want := range slices.Backward(heard) {
		next := c.Compare(p, want, got)
		if next.None() {
			return next
		}
		if d.None() {
			d = next
		}
	}
	return d
}

func class(entries []transcript.Entry, end transcript.End) string {
	return (&transcript.Transcript{Entries: entries, End: end}).Class()
}

// answer is what was heard, masked, in an order that chance does not decide.
func (c *Comparer) answer(p probe.Probe, t *transcript.Transcript) []transcript.Entry {
	heard := t.Heard()
	for i := range heard {
		heard[i].Data = c.mask(heard[i], t.Address)
	}
	if len(p.Unordered) == 0 {
		return heard
	}
	for from := 0; from < len(heard); {
		to := from
		for to < len(heard) && slices.Contains(p.Unordered, name(heard[to])) {
			to++
		}
		slices.SortStableFunc(heard[from:to], func(a, b transcript.Entry) int { return cmp.Compare(name(a), name(b)) })
		from = max(to, from+1)
	}
	return heard
}

func name(e transcript.Entry) string {
	if e.Kind != transcript.Packet {
		return ""
	}
	n, _, _ := strings.Cut(string(e.Data), " ")
	return n
}

// OwnAddress is the one mask that every service has: the address of the server
// that was asked, which is another for every server of the lab.
const OwnAddress = "own-address"

// mask replaces the declared fields of an entry.
func (c *Comparer) mask(e transcript.Entry, address string) []byte {
	data := e.Data
	if n := bytes.Count(data, []byte(address)); address != "" && n > 0 {
		c.used[OwnAddress] += n
		data = bytes.ReplaceAll(data, []byte(address), []byte("<"+OwnAddress+">"))
	}
	for _, m := range c.masks {
		re := m.Regexp()
		if re == nil {
			packet, field, ok := strings.Cut(m.Field, ".")
			if e.Kind != transcript.Packet && e.Kind != transcript.Fact || !ok || packet != "*" && !bytes.HasPrefix(data, []byte(packet+" ")) {
				continue
			}
			data = c.maskField(m, field, data)
			continue
		}
		text := runes(data)
		if n := len(re.FindAllStringIndex(text, -1)); n > 0 {
			c.used[m.Name] += n
			data = probe.Latin1(re.ReplaceAllString(text, m.With))
		}
	}
	return data
}

// runes makes every byte a character, for a regular expression's "." to be one
// byte whatever the bytes are.
func runes(data []byte) string {
	out := make([]rune, len(data))
	for i, b := range data {
		out[i] = rune(b)
	}
	return string(out)
}

// maskField replaces the value of " field=value" in a packet's line. The value's
// length in bytes stays, for a cookie of another length is another cookie.
func (c *Comparer) maskField(m probe.Mask, field string, line []byte) []byte {
	re := fieldPattern(field)
	return re.ReplaceAllFunc(line, func(found []byte) []byte {
		c.used[m.Name]++
		value := found[len(field)+2:]
		if m.AnyLength {
			return fmt.Appendf(nil, " %s=<%s>", field, m.Name)
		}
		length := len(value)
		if text, err := strconv.Unquote(string(value)); err == nil {
			length = len(text)
		}
		return fmt.Appendf(nil, " %s=<%s:%d>", field, m.Name, length)
	})
}

func fieldPattern(field string) *regexp.Regexp {
	return regexp.MustCompile(` ` + regexp.QuoteMeta(field) + `=("(?:[^"\\]|\\.)*"|[^ }]*)`)
}

// same compares two entries; counts may be as far apart as they say.
func same(a, b transcript.Entry) bool {
	if a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) {
		return true
	}
	if a.Kind != transcript.Count || a.Kind != b.Kind {
		return false
	}
	head, want := counts(a.Data)
	other, got := counts(b.Data)
	var of, within float64
	if _, err := fmt.Sscanf(head, "COUNTS of=%g within=%g", &of, &within); err != nil || head != other {
		return false
	}
	for name := range want {
		got[name] += 0
	}
	for name := range got {
		if max(got[name]-want[name], want[name]-got[name]) > of*within/100 {
			return false
		}
	}
	return true
}

// counts reads "HEAD\tname: n\tname: n".
func counts(line []byte) (head string, of map[string]float64) {
	of = map[string]float64{}
	parts := strings.Split(string(line), "\t")
	for _, p := range parts[1:] {
		if at := strings.LastIndex(p, ": "); at >= 0 {
			of[p[:at]], _ = strconv.ParseFloat(p[at+2:], 64) // written by package client
		}
	}
	return parts[0], of
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Around a difference.
const (
	before = 40
	behind = 160
)

func excerpt(e transcript.Entry, at int) string {
	if e.Kind == "" {
		return "(nothing)"
	}
	from, mid := max(0, at-before), min(len(e.Data), at)
	text := string(e.Data[from:mid]) + "|" + string(e.Data[mid:min(len(e.Data), mid+behind)])
	if e.Kind == transcript.Bytes {
		text = transcript.Escape(e.Data[from:mid], 0) + "|" + transcript.Escape(e.Data[mid:], behind)
	}
	if from > 0 {
		text = "..." + text
	}
	if e.Kind == transcript.Packet && from > 0 {
		text = name(e) + " " + text
	}
	return text
}
