package shell

import (
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// braces expands {a,b} and {1..3} into words.
func braces(w *syntax.Word) []*syntax.Word {
	syntax.SplitBraces(w)
	out := []*syntax.Word{{}}
	for _, part := range w.Parts {
		b, ok := part.(*syntax.BraceExp)
		if !ok {
			for _, o := range out {
				o.Parts = append(o.Parts, part)
			}
			continue
		}
		var options []*syntax.Word
		if b.Sequence {
			options = sequence(b)
		} else {
			for _, elem := range b.Elems {
				options = append(options, braces(elem)...)
			}
		}
		if len(out)*len(options) > maxArray {
			return out
		}
		var grown []*syntax.Word
		for _, o := range out {
			for _, option := range options {
				parts := append(append([]syntax.WordPart{}, o.Parts...), option.Parts...)
				grown = append(grown, &syntax.Word{Parts: parts})
			}
		}
		out = grown
	}
	return out
}

// sequence is {x..y[..step]}.
func sequence(b *syntax.BraceExp) []*syntax.Word {
	word := func(s string) *syntax.Word { return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: s}}} }
	first, last := b.Elems[0].Lit(), b.Elems[1].Lit()
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	letters := false
	if err1 != nil || err2 != nil {
		if len(first) != 1 || len(last) != 1 {
			return []*syntax.Word{word("{" + first + ".." + last + "}")}
		}
		from, to, letters = int(first[0]), int(last[0]), true
	}
	step := 1
	if len(b.Elems) > 2 {
		if n, err := strconv.Atoi(b.Elems[2].Lit()); err == nil && n != 0 {
			step = max(n, -n)
		}
	}
	width := 0
	for _, s := range []string{first, last} {
		if !letters && len(strings.TrimPrefix(s, "-")) > 1 && strings.HasPrefix(strings.TrimPrefix(s, "-"), "0") {
			width = max(width, len(first), len(last))
		}
	}
	if from > to {
		step = -step
	}
	var out []*syntax.Word
	for i := from; (step > 0 && i <= to || step < 0 && i >= to) && len(out) < maxArray; i += step {
		if letters {
			out = append(out, word(string(rune(i))))
		} else {
			out = append(out, word(fmt.Sprintf("%0*d", width, i)))
		}
	}
	return out
}
