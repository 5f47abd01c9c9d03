package regex_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/shell/program/regex"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		dialect regex.Dialect
		text    string
		in      string
		want    []string // of the match and its groups
	}{
		{regex.Basic, `a\{2\}`, "baaa", []string{"aa"}},
		{regex.Basic, `a{2}`, "aa a{2}", []string{"a{2}"}},
		{regex.Basic, `*a`, "b*a", []string{"*a"}},
		{regex.Basic, `^*a`, "*a", []string{"*a"}},
		{regex.Basic, `\(*a\)`, "x*a", []string{"*a", "*a"}},
		{regex.Basic, `a\|b*`, "bbb", []string{"bbb"}},
		{regex.Basic, `\(ab\)\1`, "xabab", []string{"abab", "ab"}},
		{regex.Basic, `\(.\)\(.\)\2\1`, "xabba", []string{"abba", "a", "b"}},
		{regex.Basic, `a^b$c`, "a^b$c", []string{"a^b$c"}},
		{regex.Basic, `[]a]*`, "]a]b", []string{"]a]"}},
		{regex.Basic, `[^]a]`, "]ab", []string{"b"}},
		{regex.Basic, `[a\.]*`, `a\.b`, []string{`a\.`}},
		{regex.Basic, `\<b`, "ab b", []string{"b"}},
		{regex.Basic, `a\>`, "ab a", []string{"a"}},
		{regex.Basic, `x[[:digit:][:upper:]_]*`, "x1A_b", []string{"x1A_"}},
		{regex.Extended, `(.)\1`, "aabb", []string{"aa", "a"}},
		{regex.Extended, `(a|ab)(c|bcd)`, "abcd", []string{"abcd", "a", "bcd"}},
		{regex.Extended, `x{2,3}`, "xxxxx", []string{"xxx"}},
		{regex.Extended, `(a*)(b?)\1`, "aabaa", []string{"aabaa", "aa", "b"}},
		{regex.Extended, `(x)?y\1`, "y", nil},
		{regex.Extended, `a{1500}`, strings.Repeat("a", 1500), []string{strings.Repeat("a", 1500)}},
		{regex.Awk, `a{2}`, "a{2}", []string{"a{2}"}},
		{regex.Awk, `[\/\]]+`, "a/]/", []string{"/]/"}},
		{regex.Awk, `\057`, "a/", []string{"/"}},
		{regex.Perl, `\d+(?=px)`, "12em 34px", []string{"34"}},
		{regex.Perl, `(?<=x)y+`, "yyxyyy", []string{"yyy"}},
		{regex.Perl, `(?<!x)y`, "xy y", []string{"y"}},
		{regex.Perl, `user=\K\w+`, "user=root", []string{"root"}},
		{regex.Perl, `"(.*?)"`, `a "b" "c"`, []string{`"b"`, "b"}},
		{regex.Perl, `a|ab`, "ab", []string{"a"}},
		{regex.Perl, `\x41\t`, "A\t", []string{"A\t"}},
	} {
		re, err := regex.New(c.text, regex.Options{Dialect: c.dialect})
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if diff := cmp.Diff(c.want, re.FindStringSubmatch(c.in)); diff != "" {
			t.Errorf("%q in %q (-want +got):\n%s", c.text, c.in, diff)
		}
	}
}

func TestMistakes(t *testing.T) {
	extended := regex.Options{Dialect: regex.Extended}
	loose := regex.Options{Dialect: regex.Extended, Loose: true}
	for _, c := range []struct {
		text    string
		options regex.Options
		want    error
	}{
		{`a\{2`, regex.Options{}, regex.ErrBrace},
		{`a\{x\}`, regex.Options{}, regex.ErrCount},
		{`a\{3,1\}`, regex.Options{}, regex.ErrCount},
		{`a\{99999\}`, regex.Options{}, regex.ErrSize},
		{`\(a`, regex.Options{}, regex.ErrOpen},
		{`a\)`, regex.Options{}, regex.ErrClose},
		{`a\`, regex.Options{}, regex.ErrBackslash},
		{`[a`, regex.Options{}, regex.ErrBracket},
		{`[b-a]`, regex.Options{}, regex.ErrRange},
		{`[[:foo:]]`, regex.Options{}, regex.ErrClass},
		{`\(a\)\2`, regex.Options{}, regex.ErrReference},
		{`*a`, extended, regex.ErrRepeat},
		{`a)`, extended, regex.ErrClose},
		{`a{x}`, extended, regex.ErrCount},
		{`*a`, loose, nil},
		{`a)`, loose, nil},
		{`a{x}`, loose, nil},
		{`a)`, regex.Options{Dialect: regex.Extended, Close: true}, nil},
		{strings.Repeat("(", 400), extended, regex.ErrSize},
		{strings.Repeat("a", 40<<10), extended, regex.ErrSize},
	} {
		if _, err := regex.New(c.text, c.options); err != c.want {
			t.Errorf("%.20q: %v, want %v", c.text, err, c.want)
		}
	}
}

func TestAllMatchesAreAlikeInBothEngines(t *testing.T) {
	for _, c := range []struct{ plain, slow, in string }{
		{`x*`, `x*\(\)\1`, "baxxc"}, {`a`, `a\(\)\1`, "banana"}, {`.`, `.\(\)\1`, "aé b"}, {`b*$`, `b*\(\)\1$`, "abb"},
	} {
		plain, err := regex.Compile(c.plain, false, false)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := regex.Compile(c.slow, false, false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain.FindAllStringIndex(c.in, -1), slow.FindAllStringIndex(c.in, -1)); diff != "" {
			t.Errorf("%s in %q: %s", c.plain, c.in, diff)
		}
	}
}

func TestTheSlowMatcherGivesUp(t *testing.T) {
	re, err := regex.Compile(`(a*)*(a*)*(a*)*\1b`, true, false)
	if err != nil {
		t.Fatal(err)
	}
	if re.MatchString(strings.Repeat("a", 3000)) {
		t.Error("it matches")
	}
}

func FuzzRegex(f *testing.F) {
	for _, s := range []string{`\(a*\)\1`, `[[:alpha:]]*x\{2,3\}`, `(?<=a)b|\Kc`, `^*a$b\|`, `a{1,2}{3}`, `[]-a]`, `\<\w+\>`} {
		f.Add(s, "aab xx", byte(0))
	}
	f.Fuzz(func(t *testing.T, text, in string, how byte) {
		o := regex.Options{Dialect: regex.Dialect(how % 5), Fold: how&4 != 0, Loose: how&8 != 0, Close: how&16 != 0, Lines: how&32 != 0}
		re, err := regex.New(text, o)
		if err != nil || len(in) > 200 {
			return
		}
		at := 0
		for _, m := range re.FindAllStringSubmatchIndex(in, 100) {
			if m[0] > m[1] || m[0] < 0 || m[1] > len(in) || len(m) != 2*(re.NumSubexp()+1) {
				t.Fatalf("%q in %q: %v", text, in, m)
			}
			at = m[1]
		}
		_ = in[at:]
	})
}
