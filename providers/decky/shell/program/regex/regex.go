// Package regex reads regular expressions as grep, sed, awk and expr do: the
// basic and extended ones of POSIX with GNU's additions, awk's, and Perl's. It
// is matched by Go's engine, whose time is linear, or, where an expression has
// what that one lacks (back-references, looking around), by a matcher of its
// own, which gives up once it has taken too many steps. It never panics.
package regex

import (
	"regexp"
	"strings"
)

// Dialect is how an expression is written.
type Dialect int

// The dialects: a BRE, an ERE, an ERE with awk's escapes, Perl's, and
// none.
const (
	Basic Dialect = iota
	Extended
	Awk
	Perl
	Fixed // a text as it stands
)

// Options say more of how an expression is read and matched.
type Options struct {
	Dialect Dialect
	Fold    bool // letters of both cases are alike
	// Close: a ) without its ( stands for itself.
	Close bool
	// Loose: it does, an escape of an ordinary letter is that letter, and what
	// would repeat nothing is left out, as grep has it.
	Loose bool
	// Lines: ^ and $ match at line feeds too.
	Lines bool
	// Start: the match begins where the text does.
	Start bool
	// Whole: the match is the whole text. Word: no letter, digit or _ stands
	// beside it.
	Whole, Word bool
}

// Mistake is what is wrong with an expression, in the C library's words.
type Mistake string

// Error implements error.
func (m Mistake) Error() string { return string(m) }

// The mistakes in an expression.
const (
	ErrBracket   Mistake = "Unmatched [, [^, [:, [., or [="
	ErrOpen      Mistake = "Unmatched ( or \\("
	ErrClose     Mistake = "Unmatched ) or \\)"
	ErrBrace     Mistake = "Unmatched \\{"
	ErrCount     Mistake = "Invalid content of \\{\\}"
	ErrRange     Mistake = "Invalid range end"
	ErrRepeat    Mistake = "Invalid preceding regular expression"
	ErrBackslash Mistake = "Trailing backslash"
	ErrReference Mistake = "Invalid back reference"
	ErrClass     Mistake = "Invalid character class name"
	ErrWhole     Mistake = "Invalid regular expression"
	ErrSize      Mistake = "Regular expression too big"
)

// Bounds on an expression.
const (
	maxPattern = 32 << 10 // bytes
	maxNodes   = 20_000
	maxDepth   = 250
	maxRepeat  = 32767
	// maxSteps are what the matcher of our own may take for all that it is asked,
	// and maxSearch for one search.
	maxSteps  = 200_000_000
	maxSearch = 2_000_000
)

// Regexp is an expression that was read. It is not safe for concurrent use.
type Regexp struct {
	text string
	// Warnings are what GNU's programs say of an expression that they take all
	// the same.
	Warnings []string
	fast     *regexp.Regexp
	slow     *matcher
	groups   int
}

// Compile compiles an expression as expr and sed read it.
func Compile(s string, extended, fold bool) (*Regexp, error) {
	d := Basic
	if extended {
		d = Extended
	}
	return New(s, Options{Dialect: d, Fold: fold})
}

// New compiles an expression. Its error is one of the package's.
func New(s string, o Options) (*Regexp, error) {
	if len(s) > maxPattern {
		return nil, ErrSize
	}
	p := &parser{text: s, o: o}
	tree, err := &node{op: opText, text: s}, error(nil)
	if o.Dialect != Fixed {
		tree, err = p.parse()
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.Start:
		tree = &node{op: opCat, subs: []*node{{op: opTextBegin}, tree}}
	case o.Whole:
		tree = &node{op: opCat, subs: []*node{{op: opTextBegin}, tree, {op: opTextEnd}}}
	case o.Word:
		p.slow = true
		tree = &node{op: opCat, subs: []*node{{op: opNoWordBefore}, tree, {op: opNoWordAfter}}}
	}
	re := &Regexp{text: s, Warnings: p.warnings, groups: p.groups}
	if !p.slow {
		text := "(?s)" + tree.golang()
		if o.Lines {
			text = "(?m)" + text
		}
		if o.Fold {
			text = "(?i)" + text
		}
		if re.fast, err = regexp.Compile(text); err == nil {
			if o.Dialect != Perl {
				re.fast.Longest()
			}
			return re, nil
		}
	}
	re.slow = &matcher{tree: tree, groups: p.groups, fold: o.Fold, lines: o.Lines, longest: o.Dialect != Perl, left: maxSteps}
	return re, nil
}

// Problem is the C library's word for a mistake in an expression.
func Problem(err error) string { return err.Error() }

// NumSubexp is how many groups the expression has.
func (re *Regexp) NumSubexp() int { return re.groups }

// String is the expression as it was written.
func (re *Regexp) String() string { return re.text }

// from is the leftmost match at or after a place, as the places of the match
// and of its groups; nil where there is none.
func (re *Regexp) from(s string, at int) []int {
	if re.slow != nil {
		return re.slow.find(s, at)
	}
	if at == 0 {
		return re.fast.FindStringSubmatchIndex(s)
	}
	for _, m := range re.fast.FindAllStringSubmatchIndex(s, -1) {
		if m[0] >= at {
			return m
		}
	}
	return nil
}

// MatchString tells whether the expression matches somewhere in s.
func (re *Regexp) MatchString(s string) bool {
	if re.slow != nil {
		return re.slow.find(s, 0) != nil
	}
	return re.fast.MatchString(s)
}

// FindStringIndex is where the leftmost match is.
func (re *Regexp) FindStringIndex(s string) []int {
	if m := re.from(s, 0); m != nil {
		return m[:2]
	}
	return nil
}

// FindStringSubmatchIndex is where the leftmost match and its groups are; -1
// stands for a group that took no part.
func (re *Regexp) FindStringSubmatchIndex(s string) []int { return re.from(s, 0) }

// FindStringSubmatch is the leftmost match and its groups.
func (re *Regexp) FindStringSubmatch(s string) []string {
	m := re.from(s, 0)
	if m == nil {
		return nil
	}
	out := make([]string, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = s[m[2*i]:m[2*i+1]]
		}
	}
	return out
}

// FindAllStringSubmatchIndex are all matches, none beside an empty one before
// it; n bounds their number unless it is negative.
func (re *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	if re.slow == nil {
		return re.fast.FindAllStringSubmatchIndex(s, n)
	}
	var out [][]int
	last := -1
	for at := 0; at <= len(s) && (n < 0 || len(out) < n); {
		m := re.slow.find(s, at)
		if m == nil {
			break
		}
		if m[1] > m[0] || m[0] != last {
			out = append(out, m)
		}
		if last, at = m[1], m[1]; m[1] == m[0] {
			at += max(size(s[at:]), 1)
		}
	}
	return out
}

// FindAllStringIndex are the places of all matches.
func (re *Regexp) FindAllStringIndex(s string, n int) [][]int {
	out := re.FindAllStringSubmatchIndex(s, n)
	for i := range out {
		out[i] = out[i][:2]
	}
	return out
}

// FindAllString are all matches.
func (re *Regexp) FindAllString(s string, n int) []string {
	var out []string
	for _, m := range re.FindAllStringSubmatchIndex(s, n) {
		out = append(out, s[m[0]:m[1]])
	}
	return out
}

// Split cuts s at the matches that are not empty, into at most n parts unless n
// is negative.
func (re *Regexp) Split(s string, n int) []string {
	var out []string
	at := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		if n > 0 && len(out) == n-1 {
			break
		}
		if m[1] > m[0] {
			out = append(out, s[at:m[0]])
			at = m[1]
		}
	}
	return append(out, strings.Clone(s[at:]))
}
