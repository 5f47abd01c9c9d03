package compare_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/judge/compare"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

func said(end transcript.End, entries ...transcript.Entry) *transcript.Transcript {
	return &transcript.Transcript{Entries: entries, End: end}
}

func raw(s string) transcript.Entry {
	return transcript.Entry{Kind: transcript.Bytes, Data: []byte(s)}
}

func packet(s string) transcript.Entry {
	return transcript.Entry{Kind: transcript.Packet, Data: []byte(s)}
}

func count(s string) transcript.Entry {
	return transcript.Entry{Kind: transcript.Count, Data: []byte(s)}
}

func masks(t testing.TB) []probe.Mask {
	t.Helper()
	m, err := probe.ParseMasks([]byte(`[
 {"name": "date", "why": "a clock", "pattern": "Date: [0-9]{4}\r\n", "with": "Date: <date>\r\n"},
 {"name": "length-stays", "why": "the length is kept", "pattern": "id=[a-f]{4}-([0-9]+)", "with": "id=<id>-$1"},
 {"name": "four-bytes", "why": "random", "pattern": "(?s)raw=.{4};", "with": "raw=<4>;"},
 {"name": "cookie", "why": "random", "field": "KEXINIT.cookie"},
 {"name": "key", "why": "its own", "field": "REPLY.key"},
 {"name": "blob", "why": "of any length", "field": "*.blob", "any_length": true}]`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		want, got          *transcript.Transcript
		class, data, close bool
	}{
		"alike":                      {want: said("fin", raw("a")), got: said("fin", raw("a"))},
		"another byte":               {want: said("fin", raw("ab")), got: said("fin", raw("ac")), data: true},
		"longer":                     {want: said("fin", raw("ab")), got: said("fin", raw("abc")), data: true},
		"close mode":                 {want: said("fin", raw("ab")), got: said("rst", raw("ab")), class: true, close: true},
		"silence for an answer":      {want: said("fin", raw("ab")), got: said("fin"), class: true, data: true},
		"status":                     {want: said("fin", raw("HTTP/1.1 200 OK")), got: said("fin", raw("HTTP/1.1 404 OK")), class: true, data: true},
		"failed is never alike":      {want: said("failed"), got: said("failed"), close: true},
		"masked date":                {want: said("fin", raw("Date: 2024\r\n")), got: said("fin", raw("Date: 2025\r\n"))},
		"date of another shape":      {want: said("fin", raw("Date: 2024\r\n")), got: said("fin", raw("Date: 24\r\n")), data: true},
		"a byte is a character":      {want: said("fin", raw("raw=\xc3\xa9\xc3\xa9;")), got: said("fin", raw("raw=abcd;"))},
		"group survives":             {want: said("fin", raw("id=abcd-77")), got: said("fin", raw("id=ffff-78")), data: true},
		"group alike":                {want: said("fin", raw("id=abcd-77")), got: said("fin", raw("id=ffff-77"))},
		"masked field":               {want: said("fin", packet("KEXINIT cookie=aabb kex=\"x\"")), got: said("fin", packet("KEXINIT cookie=ccdd kex=\"x\""))},
		"field of another length":    {want: said("fin", packet("KEXINIT cookie=aabb kex=\"x\"")), got: said("fin", packet("KEXINIT cookie=ccddee kex=\"x\"")), data: true},
		"field beside the masked":    {want: said("fin", packet("KEXINIT cookie=aabb kex=\"x\"")), got: said("fin", packet("KEXINIT cookie=ccdd kex=\"y\"")), data: true},
		"field of another packet":    {want: said("fin", packet("OTHER cookie=aabb")), got: said("fin", packet("OTHER cookie=ccdd")), data: true},
		"quoted field":               {want: said("fin", packet(`REPLY key="\x01\"x" pad=4`)), got: said("fin", packet(`REPLY key="abc" pad=4`))},
		"quoted field, length":       {want: said("fin", packet(`REPLY key="\x01\"x" pad=4`)), got: said("fin", packet(`REPLY key="ab" pad=4`)), data: true},
		"any packet, any length":     {want: said("fin", packet(`A blob="x"`)), got: said("fin", packet(`A blob="yyyy"`))},
		"other packet":               {want: said("fin", packet("A x=1")), got: said("fin", packet("B x=1")), class: true, data: true},
		"asides and sent are nobody": {want: said("fin", transcript.Entry{Kind: transcript.Aside, Data: []byte("x")}), got: said("fin", transcript.Entry{Kind: transcript.Sent, Data: []byte("y")})},
		"counts within":              {want: said("open", count("COUNTS of=100 within=10\tfin: 40\topen: 60")), got: said("open", count("COUNTS of=100 within=10\tfin: 50\topen: 50"))},
		"counts beyond":              {want: said("open", count("COUNTS of=100 within=10\tfin: 40\topen: 60")), got: said("open", count("COUNTS of=100 within=10\tfin: 51\topen: 49")), data: true},
		"an outcome that is none":    {want: said("open", count("COUNTS of=100 within=10\topen: 100")), got: said("open", count("COUNTS of=100 within=10\topen: 80\trst: 20")), data: true},
		"a rare outcome":             {want: said("open", count("COUNTS of=100 within=10\topen: 95\tfin: 5")), got: said("open", count("COUNTS of=100 within=10\topen: 100"))},
		"counts exactly":             {want: said("open", count("COUNTS of=12 within=0\topen: 12")), got: said("open", count("COUNTS of=12 within=0\topen: 11\tfin: 1")), data: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := compare.New(masks(t)).Compare(probe.Probe{}, c.want, c.got)
			if d.Class != c.class || d.Bytes != c.data || d.Close != c.close {
				t.Errorf("class %t bytes %t close %t: %s", d.Class, d.Bytes, d.Close, d)
			}
		})
	}
}

// A reference with a race in it answers in more than one way; each is its own,
// and no third is.
func TestNearest(t *testing.T) {
	heard := []*transcript.Transcript{said("fin", raw("ab")), said("fin", raw("ba"))}
	c := compare.New(nil)
	for _, text := range []string{"ab", "ba"} {
		if d := c.Nearest(probe.Probe{}, heard, said("fin", raw(text))); !d.None() {
			t.Errorf("%s: %s", text, d)
		}
	}
	d := c.Nearest(probe.Probe{}, heard, said("fin", raw("bb")))
	if !d.Bytes || d.Offset != 1 {
		t.Errorf("the difference from the last answer is at %d: %s", d.Offset, d)
	}
	if d := c.Nearest(probe.Probe{}, heard, said("rst", raw("ab"))); !d.Close {
		t.Error("the end counts for nothing")
	}
}

func TestOwnAddressIsMaskedAndCounted(t *testing.T) {
	a, b := said("fin", raw("at 198.18.0.101, at 198.18.0.101")), said("fin", raw("at 198.18.0.102, at 198.18.0.102"))
	a.Address, b.Address = "198.18.0.101", "198.18.0.102"
	comparer := compare.New(nil)
	if d := comparer.Compare(probe.Probe{}, a, b); !d.None() {
		t.Error(d)
	}
	if n := comparer.Used()[compare.OwnAddress]; n != 4 {
		t.Errorf("%d addresses masked, want 4", n)
	}
	b.Address = "198.18.0.103" // it names another's
	if d := comparer.Compare(probe.Probe{}, a, b); !d.Bytes {
		t.Error("another server's address is masked")
	}
}

func TestUnorderedNeighbours(t *testing.T) {
	p := probe.Probe{Unordered: []string{"EOF", "REQUEST"}}
	a := said("fin", packet("DATA"), packet("EOF"), packet("REQUEST status=3"), packet("CLOSE"))
	b := said("fin", packet("DATA"), packet("REQUEST status=3"), packet("EOF"), packet("CLOSE"))
	if d := compare.New(nil).Compare(p, a, b); !d.None() {
		t.Error(d)
	}
	if d := compare.New(nil).Compare(probe.Probe{}, a, b); d.None() {
		t.Error("the order counts for nothing")
	}
	c := said("fin", packet("EOF"), packet("DATA"), packet("REQUEST status=3"), packet("CLOSE"))
	if d := compare.New(nil).Compare(p, a, c); d.None() {
		t.Error("the order among others counts for nothing")
	}
}

func TestFirstDifferingByte(t *testing.T) {
	d := compare.New(nil).Compare(probe.Probe{}, said("fin", raw("x"), raw("abc\x00d")), said("fin", raw("x"), raw("abc\xffd")))
	if d.Entry != 1 || d.Offset != 3 || !strings.Contains(d.Want, `abc|\x00d`) || !strings.Contains(d.Got, `abc|\xffd`) {
		t.Errorf("%+v", d)
	}
}

// Whatever two servers said: a transcript is like itself, and never like one
// with another byte.
func TestCompareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "data")
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		other := append([]byte(nil), data...)
		other[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bit"))
		c := compare.New(nil)
		if d := c.Compare(probe.Probe{}, said("fin", raw(string(data))), said("fin", raw(string(data)))); !d.None() {
			t.Fatal(d)
		}
		d := c.Compare(probe.Probe{}, said("fin", raw(string(data))), said("fin", raw(string(other))))
		if !d.Bytes || d.Offset != at {
			t.Fatalf("difference at %d: %+v", at, d)
		}
	})
}

func runs(after ...time.Duration) []*transcript.Transcript {
	var out []*transcript.Transcript
	for _, a := range after {
		out = append(out, &transcript.Transcript{Entries: []transcript.Entry{{Kind: transcript.Bytes, After: a}}, End: transcript.Open})
	}
	return out
}

func TestTiming(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		want, got []*transcript.Transcript
		same      bool
	}{
		"alike":             {runs(10 * ms), runs(15 * ms), true},
		"within the floor":  {runs(1 * ms), runs(60 * ms), true},
		"beyond the floor":  {runs(1 * ms), runs(70 * ms), false},
		"within the share":  {runs(2000 * ms), runs(2400 * ms), true},
		"beyond the share":  {runs(2000 * ms), runs(1400 * ms), false},
		"median, not worst": {runs(10*ms, 11*ms, 900*ms), runs(10*ms, 12*ms, 13*ms), true},
		"spread":            {runs(1900*ms, 1950*ms, 2000*ms, 2050*ms, 2100*ms), runs(500*ms, 600*ms, 2000*ms, 3000*ms, 3100*ms), false},
		"nothing to time":   {runs(), runs(), true},
	} {
		if got := compare.CompareTiming(probe.Probe{}, c.want, c.got); got.Same != c.same {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTimeRange(t *testing.T) {
	const ms = time.Millisecond
	p := probe.Probe{Time: &probe.Time{Min: probe.Duration(1500 * ms), Max: probe.Duration(5000 * ms), Why: "x"}}
	for name, c := range map[string]struct {
		want, got []*transcript.Transcript
		same      bool
	}{
		"both within":        {runs(1600 * ms), runs(4900 * ms), true},
		"too fast":           {runs(1600 * ms), runs(1400 * ms), false},
		"too slow":           {runs(1600 * ms), runs(5100 * ms), false},
		"the reference's is": {runs(100 * ms), runs(1600 * ms), false},
		"another spread":     {runs(2800*ms, 2801*ms, 2802*ms, 2803*ms, 2804*ms), runs(1500*ms, 1600*ms, 2800*ms, 4800*ms, 4900*ms), false},
	} {
		if got := compare.CompareTiming(p, c.want, c.got); got.Same != c.same {
			t.Errorf("%s: %s", name, got)
		}
	}
}
