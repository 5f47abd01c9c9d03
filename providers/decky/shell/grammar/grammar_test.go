package grammar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/shell/grammar"
)

func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		script string
		in     grammar.Dialect
		want   string // token, "EOF" or what is open; "" where all is well
		expect string
	}{
		{"if true; then echo; fi", grammar.Bash, "", ""},
		{"fi", grammar.Bash, "fi", ""},
		{"if true", grammar.Dash, "EOF", "then"},
		{"if true", grammar.Bash, "EOF", "then"},
		{"echo 'a", grammar.Ash, "open '", ""},
		{"echo $(echo", grammar.Dash, "EOF", ")"},
		{"echo >", grammar.Bash, "newline", ""},
		{"echo >", grammar.Dash, "EOF", ""},
		{"a=(1 2)", grammar.Bash, "", ""},
		{"a=(1 2)", grammar.Dash, "(", ""},
		{"f() echo x", grammar.Bash, "echo", ""},
		{"!()0", grammar.Bash, ")", ""},
		{"!(echo a)", grammar.Bash, "", ""},
		{"rm !(a|b)", grammar.Bash, "", ""},
		{"f() echo x", grammar.Dash, "", ""},
		{"[[ a < b && ( c == d ) ]]", grammar.Bash, "", ""},
		{"[[ $x =~ ^(a|b)$ ]]", grammar.Bash, "", ""},
		{"case x in (a|b) echo;; *) ;; esac", grammar.Dash, "", ""},
		{"cat <<A; echo b\nx\nA\necho )", grammar.Bash, ")", ""},
		{"for ((i=0;i<3;i++)); do :; done", grammar.Bash, "", ""},
		{"for ((i=0;i<3;i++)); do :; done", grammar.Dash, "Bad for loop variable", ""},
		{"cat <(ls) > >(wc)", grammar.Bash, "", ""},
		{"echo ${x:-$(echo '}')}", grammar.Bash, "", ""},
		{"echo a |& cat", grammar.Bash, "", ""},
		{"echo a |& cat", grammar.Dash, "&", ""},
		{"{ echo a; } 2>&1 | { cat; }", grammar.Ash, "", ""},
		{"while read x; do echo $x; done < f &", grammar.Dash, "", ""},
		{"a && b ||\nc", grammar.Dash, "", ""},
		{"coproc x { cat; }", grammar.Bash, "", ""},
		{"shopt -s extglob\necho !(a|b)", grammar.Bash, "", ""},
	} {
		r := grammar.Check(test.script, test.in)
		got, expect := "", ""
		if e := r.Err; e != nil {
			got, expect = e.Token+e.Text, e.Expecting
			if e.EOF && e.Token == "" {
				got = "EOF"
			}
			if e.Open != "" && !e.Command {
				got = "open " + e.Open
			}
		}
		if diff := cmp.Diff([]string{test.want, test.expect}, []string{got, expect}); diff != "" {
			t.Errorf("%q in %d: %s", test.script, test.in, diff)
		}
	}
}

func TestWhatRunsBeforeAMistake(t *testing.T) {
	r := grammar.Check("echo a\necho b; if\n", grammar.Bash)
	if r.Err == nil || r.Err.Start != len("echo a\n") {
		t.Errorf("%+v", r.Err)
	}
}

// TestSpansLieInTheScript checks what a repair cuts out.
func TestSpansLieInTheScript(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"echo ", "${x", "}", "$((", "))", "1+2", "'", `"`, "`", "$(", ")", ";", "\n", "<<E\n", "E\n", "if ", "then ", "fi", "[[ ", " ]]", "(", "&&", "|", ">", "a=(", "case x in ", "esac", "{ ", "}", "!", `\`}), 0, 30).Draw(t, "parts")
		script := strings.Join(parts, "")
		for _, d := range []grammar.Dialect{grammar.Bash, grammar.Dash, grammar.Ash} {
			r := grammar.Check(script, d)
			for _, span := range append(r.Expansions, r.Arithmetic...) {
				if span.From < 0 || span.To > len(script)+1 || span.From >= span.To || script[span.From] != '$' && script[span.From] != '(' {
					t.Fatalf("%q: %+v", script, span)
				}
			}
			for _, e := range append(r.Edits, r.Words...) {
				if e.At < 0 || e.At > len(script) {
					t.Fatalf("%q: %+v", script, e)
				}
			}
			if r.Err != nil && (r.Err.Start < 0 || r.Err.Start > len(script)+1) {
				t.Fatalf("%q: %+v", script, r.Err)
			}
		}
	})
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"if a; then b; fi", "case x in a) b;; esac", "echo ${x:-`a $(b)`} $((1+2))", "cat <<'E'\nx\nE", "[[ a =~ (b) ]] && f() { :; }", strings.Repeat("$(", 500), strings.Repeat("$((a ", 100) + strings.Repeat(") ", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, d := range []grammar.Dialect{grammar.Bash, grammar.Dash, grammar.Ash} {
			grammar.Check(script, d)
		}
	})
}

func TestNestingIsCheap(t *testing.T) {
	for _, open := range []string{"$((", "$(", "(", "{ ", "${x:-", "`", "if ", "((", "a=(", "\"$("} {
		for _, closing := range []string{"", ")", ") ", "))", "}"} {
			script := strings.Repeat(open+"a ", 3000) + strings.Repeat(closing, 3000)
			began := time.Now()
			grammar.Check(script, grammar.Bash)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%q and %q: %s", open, closing, took)
			}
		}
	}
}
