package schema

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a source file in the canonical style, which is Terraform's:
// spacing and alignment, labels in quotes, "${x}" as x, and a variable's type
// without the quotes of old. The meaning stays. It goes over a file once, as
// Terraform does: "${"${x}"}" takes two runs. What cannot be parsed is returned
// as it is, with the errors; name is how they call the file.
func Format(src []byte, name string) ([]byte, hcl.Diagnostics) {
	if at, deep := tooDeep(src, name); deep {
		return src, hcl.Diagnostics{nestingError(at)}
	}
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		return src, diags
	}
	file, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return src, diags
	}
	canonical(file.Body(), nil)
	out := file.Bytes()
	// The writer works on tokens, so what it made is read once more before
	// anybody's file is replaced by it.
	if _, diags := hclsyntax.ParseConfig(out, name, hcl.InitialPos); diags.HasErrors() {
		return src, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: fmt.Sprintf("%s cannot be laid out", name),
			Detail: "It is valid, but its layout in the canonical style would not be. It stays as it is.",
		}}
	}
	return out, nil
}

// canonical rewrites the expressions and labels of a body; within are the
// blocks that it stands in.
func canonical(body *hclwrite.Body, within []string) {
	inVariable := len(within) == 1 && within[0] == "variable"
	for name, attribute := range body.Attributes() {
		before := attribute.Expr().BuildTokens(nil)
		after := unwrapped(before)
		if inVariable && name == "type" {
			after = typeConstraint(before)
		}
		body.SetAttributeRaw(name, after)
	}
	for _, block := range body.Blocks() {
		block.SetLabels(block.Labels())
		canonical(block.Body(), append(within[:len(within):len(within)], block.Type()))
	}
}

// unwrapped is the expression without quotes around it where it is one
// interpolation and nothing else.
func unwrapped(tokens hclwrite.Tokens) hclwrite.Tokens {
	last := len(tokens) - 1
	if last < 4 || tokens[0].Type != hclsyntax.TokenOQuote || tokens[1].Type != hclsyntax.TokenTemplateInterp ||
		tokens[last].Type != hclsyntax.TokenCQuote || tokens[last-1].Type != hclsyntax.TokenTemplateSeqEnd {
		return tokens
	}
	inner := tokens[2 : last-1]
	quotes := 0
	for _, token := range inner {
		switch token.Type {
		case hclsyntax.TokenOQuote:
			quotes++
		case hclsyntax.TokenCQuote:
			quotes--
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenTemplateSeqEnd:
			if quotes == 0 { // "${a}${b}"
				return tokens
			}
		}
	}
	return inParentheses(withoutNewlines(inner))
}

// withoutNewlines drops line ends from both ends.
func withoutNewlines(tokens hclwrite.Tokens) hclwrite.Tokens {
	for len(tokens) > 0 && tokens[0].Type == hclsyntax.TokenNewline {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].Type == hclsyntax.TokenNewline {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// inParentheses puts parentheses around an expression of several lines, which
// outside of a template would end with its first.
func inParentheses(tokens hclwrite.Tokens) hclwrite.Tokens {
	lines := false
	for _, token := range tokens {
		lines = lines || token.Type == hclsyntax.TokenNewline
	}
	if !lines || enclosed(tokens) {
		return tokens
	}
	out := hclwrite.Tokens{{Type: hclsyntax.TokenOParen, Bytes: []byte("(")}}
	out = append(out, tokens...)
	return append(out, &hclwrite.Token{Type: hclsyntax.TokenCParen, Bytes: []byte(")")})
}

// enclosed tells whether the first token is a parenthesis that the last closes.
func enclosed(tokens hclwrite.Tokens) bool {
	depth := 0
	for i, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOParen:
			depth++
		case hclsyntax.TokenCParen:
			depth--
		}
		if depth == 0 {
			return i > 0 && i == len(tokens)-1
		}
	}
	return false
}

// oldTypes are the types that were once written in quotes, or without what
// they hold.
var (
	oldQuoted = map[string]string{"string": "string", "list": "list(string)", "map": "map(string)"}
	oldBare   = map[string]string{"list": "list(any)", "map": "map(any)", "set": "set(any)"}
)

// typeConstraint is a variable's type as it is written today.
func typeConstraint(tokens hclwrite.Tokens) hclwrite.Tokens {
	var today string
	switch {
	case len(tokens) == 1 && tokens[0].Type == hclsyntax.TokenIdent:
		today = oldBare[string(tokens[0].Bytes)]
	case len(tokens) == 3 && tokens[0].Type == hclsyntax.TokenOQuote && tokens[2].Type == hclsyntax.TokenCQuote:
		today = oldQuoted[string(tokens[1].Bytes)]
	}
	if today == "" {
		return tokens
	}
	return hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte(today)}}
}
