package notification

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Limits of a template: what its author may write, and what it may write.
const (
	MaxTemplate = 16 << 10
	MaxRendered = 256 << 10
)

// Template makes the body of a delivery from a notification. It is Go's
// text/template over Notification with the function json, which writes any
// value as JSON, and without what makes much of little: range, define, template,
// printf and its like, methods of computed values.
type Template struct{ t *template.Template }

// TemplateError is what is wrong with a template, and in which of its lines,
// counted from 1; 0 is unknown.
type TemplateError struct {
	Line int
	Err  error
}

func (e *TemplateError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *TemplateError) Unwrap() error { return e.Err }

// ParseTemplate reads a template and tries it on a notification that has
// everything and on one that has nothing, so that a wrong field is found now, and
// so is JSON that a text from outside could break out of.
// Its error is a *TemplateError.
func ParseTemplate(text string) (*Template, error) {
	if len(text) > MaxTemplate {
		return nil, &TemplateError{Err: fmt.Errorf("it has %d bytes, of %d allowed", len(text), MaxTemplate)}
	}
	parsed, err := template.New("body").Option("missingkey=zero").Funcs(template.FuncMap{"json": encode}).Parse(text)
	if err != nil {
		return nil, located(err)
	}
	if len(parsed.Templates()) > 1 {
		return nil, &TemplateError{Err: errors.New("define and block are not allowed")}
	}
	if parsed.Tree == nil {
		return nil, &TemplateError{Err: errors.New("it is empty")}
	}
	if err := bounded(parsed.Tree, parsed.Root); err != nil {
		return nil, err
	}
	t := &Template{t: parsed}
	for _, n := range samples() {
		body, err := t.Render(n)
		if err != nil {
			return nil, err
		}
		if json.Valid(body) {
			if err := t.quotes(n); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// quotes tries a template that makes JSON with a quotation mark in each text that
// may have one: what others wrote must not add to the JSON.
func (t *Template) quotes(n Notification) error {
	texts := map[string]*string{"Address": &n.Address, "Body": &n.Body, "Key": &n.Key, "Title": &n.Title}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		was := *texts[name]
		*texts[name] = `"` + was
		body, err := t.Render(n)
		*texts[name] = was
		if err == nil && !json.Valid(body) {
			return &TemplateError{Err: fmt.Errorf("it makes JSON, and a quotation mark in .%[1]s breaks it: write {{json .%[1]s}} without quotation marks around it", name)}
		}
	}
	if len(n.Fields) == 0 {
		return nil
	}
	fields := n.Fields
	n.Fields = map[string]string{}
	for name, value := range fields {
		n.Fields[name] = `"` + value
	}
	if body, err := t.Render(n); err == nil && !json.Valid(body) {
		return &TemplateError{Err: errors.New("it makes JSON, and a quotation mark in one of .Fields breaks it: write {{json ...}} without quotation marks around it")}
	}
	return nil
}

// Render makes the body. Its error is a *TemplateError.
func (t *Template) Render(n Notification) ([]byte, error) {
	var out limited
	if err := t.t.Execute(&out, n); err != nil {
		return nil, located(err)
	}
	return out.Bytes(), nil
}

// limited is a buffer that takes MaxRendered bytes.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > MaxRendered {
		return 0, fmt.Errorf("it writes more than %d bytes", MaxRendered)
	}
	return l.Buffer.Write(p)
}

// encode writes v as JSON in one line.
func encode(v any) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	if b.Len() > MaxRendered {
		return "", fmt.Errorf("it makes more than %d bytes", MaxRendered)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// functions are those that a template may call besides json; none of them
// makes more than it is given.
var functions = []string{"and", "eq", "ge", "gt", "index", "json", "le", "len", "lt", "ne", "not", "or", "slice"}

// bounded refuses what repeats, and what could double a text again and again.
func bounded(tree *parse.Tree, node parse.Node) error {
	refuse := func(what string) error {
		at, _ := tree.ErrorContext(node)
		return &TemplateError{Line: line(at), Err: fmt.Errorf("%s is not allowed", what)}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return boundedAll(tree, n.Nodes)
	case *parse.IfNode:
		return boundedAll(tree, []parse.Node{n.Pipe, n.List, n.ElseList})
	case *parse.WithNode:
		return boundedAll(tree, []parse.Node{n.Pipe, n.List, n.ElseList})
	case *parse.ActionNode:
		return bounded(tree, n.Pipe)
	case *parse.RangeNode:
		return refuse("range")
	case *parse.TemplateNode:
		return refuse("template")
	case *parse.PipeNode:
		for i, c := range n.Cmds {
			if why := refused(c, i > 0); why != "" {
				return refuse(why)
			}
			if err := boundedAll(tree, c.Args); err != nil {
				return err
			}
		}
	case *parse.ChainNode:
		return bounded(tree, n.Node)
	}
	return nil
}

func boundedAll(tree *parse.Tree, nodes []parse.Node) error {
	for _, n := range nodes {
		if err := bounded(tree, n); err != nil {
			return err
		}
	}
	return nil
}

// refused says what of a command is not allowed; piped: it is given the value of
// another.
func refused(c *parse.CommandNode, piped bool) string {
	for i, arg := range c.Args {
		name, call := arg.(*parse.IdentifierNode)
		if call && !slices.Contains(functions, name.Ident) {
			return name.Ident
		}
		if _, function := c.Args[0].(*parse.IdentifierNode); function || i == 0 {
			continue
		}
		switch arg.(type) {
		case *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
		default:
			return "a method of a computed value"
		}
	}
	if _, function := c.Args[0].(*parse.IdentifierNode); piped && !function {
		return "a method of a computed value"
	}
	return ""
}

// place is how text/template begins its errors: "template: body:3:14: ".
var place = regexp.MustCompile(`^(?:template: )?body:(\d+):(?:\d+:)? ?`)

func line(text string) int {
	m := place.FindStringSubmatch(text + ":")
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

func located(err error) error {
	text := err.Error()
	at := line(text)
	text = strings.TrimPrefix(place.ReplaceAllString(text, ""), `executing "body" at `)
	return &TemplateError{Line: at, Err: errors.New(text)}
}

// Sample is a notification of a kind in which everything is filled in.
func Sample(kind Kind) Notification {
	return Notification{
		ID: "00000000000000000000000000", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kind: kind, Severity: Warning, Key: "key",
		Title: "Title", Body: "Body", Sync: "sync", Address: "decky.web[0]", Repository: "https://git.example.com/owner/repository",
		Revision: strings.Repeat("0", 40), Plan: "plan", Fields: map[string]string{"technique": "T1110"}, Repeated: 1,
	}
}

func samples() []Notification {
	all := []Notification{{Kind: Test}}
	for _, kind := range Kinds() {
		all = append(all, Sample(kind))
	}
	return all
}
