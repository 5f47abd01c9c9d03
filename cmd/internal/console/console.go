// Package console reads expressions, evaluates them in a configuration's scope
// and prints their values. It changes nothing, and shows nothing that is
// sensitive.
package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/term"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// ErrFailed says that an expression of a script was wrong, which was shown.
var ErrFailed = errors.New("an expression has no value")

// name is how diagnostics call what was typed.
const name = "<console>"

// Scope is what expressions are evaluated in; schema.Scope is one.
type Scope interface {
	Evaluate(source []byte, name string) (cty.Value, hcl.Diagnostics)
	Names() []string
	Functions() []string
}

// Console is one session.
type Console struct {
	Scope    Scope
	In       io.Reader
	Out, Err io.Writer
	Style    diag.Style
}

// lines gives the lines that are typed, io.EOF after the last.
type lines interface {
	next(prompt string) (string, error)
}

// Run reads until the end of input or exit. On a terminal it edits lines,
// completes names with the tab key and goes on after an error; elsewhere the
// first error ends it with ErrFailed.
func (c *Console) Run(ctx context.Context) error {
	if in, ok := c.In.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		return c.interactive(ctx, in)
	}
	return c.loop(ctx, &script{in: bufio.NewReader(c.In)}, false)
}

func (c *Console) interactive(ctx context.Context, in *os.File) error {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("edit lines on the terminal: %w", err)
	}
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, c.Out}, "")
	if width, height, err := term.GetSize(int(in.Fd())); err == nil && width > 0 {
		_ = terminal.SetSize(width, height) // it only wraps worse
	}
	terminal.AutoCompleteCallback = completer(candidates(c.Scope))
	raw := *c
	raw.Out, raw.Err = terminal, terminal
	fmt.Fprintln(terminal, "Expressions are evaluated against the configuration. help tells more, exit ends.")
	return errors.Join(raw.loop(ctx, keyboard{terminal}, true), term.Restore(int(in.Fd()), before))
}

func (c *Console) loop(ctx context.Context, from lines, goOn bool) error {
	for ctx.Err() == nil {
		source, err := statement(from)
		if errors.Is(err, io.EOF) && blank(source) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read an expression: %w", err)
		}
		switch word := strings.TrimSpace(source); {
		case blank(source):
			continue
		case word == "exit" || word == "quit":
			return nil
		case word == "help":
			fmt.Fprint(c.Out, help)
			continue
		}
		if err := c.evaluate(source); err != nil && (!goOn || !errors.Is(err, ErrFailed)) {
			return err
		}
	}
	return ctx.Err()
}

const help = `An expression is evaluated against the configuration, and its value printed:

  var.parent                 a variable; local.NAME and output.NAME likewise
  decky.web[0].ip            what is planned of a decky; network.NAME, archetype.NAME, distro.NAME
  [for d in decky.web : d.hostname]
  cidrhost("10.0.0.0/24", 5) every function of the language
  decky                      a kind of name alone: all of them
  type(var.users)            the type of a value

Brackets that are still open go on with the next line. exit, or the end of input, ends.
`

// statement reads lines until they make a whole.
func statement(from lines) (string, error) {
	var source strings.Builder
	prompt := "> "
	for {
		line, err := from.next(prompt)
		source.WriteString(line)
		if err != nil || source.Len() > schema.MaxSource || !open(source.String()) {
			return source.String(), err
		}
		source.WriteByte('\n')
		prompt = ". "
	}
}

// open tells whether a source has brackets or a heredoc that are not closed.
func open(source string) bool {
	tokens, _ := hclsyntax.LexExpression([]byte(source), name, hcl.InitialPos) // what is wrong with it the parser says
	depth := 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		}
	}
	return depth > 0
}

// blank tells whether a source says nothing: it is empty, or a comment.
func blank(source string) bool {
	tokens, _ := hclsyntax.LexExpression([]byte(source), name, hcl.InitialPos)
	return !slices.ContainsFunc(tokens, func(t hclsyntax.Token) bool {
		return t.Type != hclsyntax.TokenComment && t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenEOF
	})
}

// evaluate prints the value of an expression. ErrFailed: it has none, and why
// was printed.
func (c *Console) evaluate(source string) error {
	expression, wantType := source, false
	if inner, ok := argument(source, "type"); ok {
		expression, wantType = inner, true
	}
	if all := c.all(strings.TrimSpace(expression)); all != "" {
		expression = all
	}
	value, diags := c.Scope.Evaluate([]byte(expression), name)
	if len(diags) > 0 {
		if err := diag.Write(c.Err, map[string]*hcl.File{name: {Bytes: []byte(expression)}}, diags, c.Style); err != nil {
			return err
		}
		if diags.HasErrors() {
			return ErrFailed
		}
	}
	text := Format(value)
	if wantType {
		text = typeOf(value)
	}
	_, err := fmt.Fprintln(c.Out, text)
	return err
}

// all is the expression for every name of a root that stands alone: decky is
// {web = decky.web, ...}.
func (c *Console) all(root string) string {
	if root == "" || !hclsyntax.ValidIdentifier(root) {
		return ""
	}
	var items []string
	for _, n := range c.Scope.Names() {
		if name, ok := strings.CutPrefix(n, root+"."); ok {
			items = append(items, fmt.Sprintf("%q = %s[%q]", name, root, name))
		}
	}
	if items == nil {
		return ""
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// argument is what stands in the parentheses of a call of the function.
func argument(source, function string) (string, bool) {
	source, ok := strings.CutPrefix(strings.TrimSpace(source), function+"(")
	if !ok || !strings.HasSuffix(source, ")") {
		return "", false
	}
	inner := strings.TrimSuffix(source, ")")
	return inner, !open(inner) // type(a) == type(b) is none
}

// script gives the lines of a reader.
type script struct{ in *bufio.Reader }

func (s *script) next(string) (string, error) {
	line, err := s.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// keyboard gives the lines of a terminal.
type keyboard struct{ terminal *term.Terminal }

func (k keyboard) next(prompt string) (string, error) {
	k.terminal.SetPrompt(prompt)
	return k.terminal.ReadLine()
}

// candidates are what the tab key completes, sorted.
func candidates(s Scope) []string {
	out := s.Names()
	for _, f := range s.Functions() {
		out = append(out, f+"(")
	}
	slices.Sort(out)
	return out
}

// completer completes the word before the cursor as far as the candidates
// agree.
func completer(all []string) func(line string, pos int, key rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		start := pos
		for start > 0 && wordByte(line[start-1]) {
			start--
		}
		word := line[start:pos]
		completed := ""
		for _, candidate := range all {
			switch {
			case word == "" || !strings.HasPrefix(candidate, word):
			case completed == "":
				completed = candidate
			default:
				completed = common(completed, candidate)
			}
		}
		if completed == "" {
			return line, pos, true
		}
		return line[:start] + completed + line[pos:], start + len(completed), true
	}
}

func wordByte(b byte) bool {
	return b == '.' || b == '_' || b == '-' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// common is what two texts begin with.
func common(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}
