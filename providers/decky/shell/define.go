package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// definition is a function as declare -f prints it.
func (r *runner) definition(name string) string {
	var b strings.Builder
	body := r.state.funcs[name]
	if err := syntax.NewPrinter(syntax.Indent(4)).Print(&b, body); err != nil {
		return ""
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if block, ok := body.Cmd.(*syntax.Block); ok {
		b.Reset()
		for i, stmt := range block.Stmts {
			if i > 0 {
				b.WriteString(";\n")
			}
			var one strings.Builder
			if err := syntax.NewPrinter(syntax.Indent(4)).Print(&one, stmt); err != nil {
				return ""
			}
			b.WriteString("    " + strings.ReplaceAll(strings.TrimSuffix(one.String(), "\n"), "\n", "\n    "))
		}
		text = "{ \n" + b.String() + "\n}"
	}
	return name + " () \n" + text + "\n"
}
