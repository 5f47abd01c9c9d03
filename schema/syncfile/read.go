package syncfile

import (
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// reader reads the arguments of one block.
type reader struct {
	*parser
	body  *hclsyntax.Body
	at    hcl.Range
	where string
	known map[string]schema.Argument
}

// read checks what stands in a block against its grammar.
func (p *parser) read(b *hclsyntax.Block, kind string) *reader {
	g := grammar[kind]
	r := &reader{parser: p, body: b.Body, at: b.DefRange(), where: kind, known: map[string]schema.Argument{}}
	if len(b.Labels) > 0 {
		r.where = fmt.Sprintf("%s %q", kind, b.Labels[0])
	}
	var names []string
	for _, a := range g.arguments {
		r.known[a.Name] = a
		names = append(names, a.Name)
		if _, given := b.Body.Attributes[a.Name]; a.Required && !given {
			p.fail(r.at, fmt.Sprintf("%s has no %s", r.where, a.Name), "%s", a.Doc)
		}
	}
	p.only(b.Body, r.where, names, g.blocks)
	for _, kind := range g.blocks {
		if n := len(r.blocks(kind)); n > maxInner {
			p.fail(r.at, fmt.Sprintf("%s has %d %s blocks", r.where, n, kind), "At most %d are read.", maxInner)
			b.Body.Blocks = slices.DeleteFunc(b.Body.Blocks, func(x *hclsyntax.Block) bool { return x.Type == kind })
		}
	}
	return r
}

func (r *reader) blocks(kind string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, b := range r.body.Blocks {
		if b.Type == kind {
			out = append(out, b)
		}
	}
	return out
}

func (r *reader) given(name string) bool { return r.body.Attributes[name] != nil }

// place is where an argument's value stands, else the block.
func (r *reader) place(name string) hcl.Range {
	if a := r.body.Attributes[name]; a != nil {
		return a.Expr.Range()
	}
	return r.at
}

// value is an argument as a plain value; ok is false where it is not given,
// null, or wrong, which is said.
func (r *reader) value(name string, want cty.Type) (cty.Value, bool) {
	a := r.body.Attributes[name]
	if a == nil {
		return cty.NilVal, false
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		r.fail(a.Expr.Range(), fmt.Sprintf("%s must be a plain value", name), "The daemon's file takes no references and no functions here.")
		return cty.NilVal, false
	}
	if v.IsNull() {
		return cty.NilVal, false
	}
	if want != cty.NilType && v.Type() != want {
		r.fail(a.Expr.Range(), fmt.Sprintf("%s is not a %s", name, r.known[name].Type), "%s", r.known[name].Doc)
		return cty.NilVal, false
	}
	return v, true
}

// text is an argument of one line; "" where it is not given.
func (r *reader) text(name string) string {
	v, ok := r.value(name, cty.String)
	if !ok {
		return ""
	}
	s, why := plain(v.AsString())
	if why != "" {
		r.fail(r.place(name), name+" is not accepted", "%s", why)
		return ""
	}
	if choices := r.known[name].OneOf; len(choices) > 0 && !slices.Contains(choices, s) {
		r.diags = append(r.diags, diag.Unknown(r.place(name), name, s, choices))
		return ""
	}
	return s
}

// plain is a text that may go on, or why it may not.
func plain(s string) (string, string) {
	switch {
	case s == "":
		return "", "It is empty."
	case len(s) > maxText:
		return "", fmt.Sprintf("It has %d bytes; at most %d are taken.", len(s), maxText)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", "There is a control character in it."
	}
	return s, ""
}

func (r *reader) flag(name string) bool {
	v, ok := r.value(name, cty.Bool)
	return ok && v.True()
}

// integer is a whole number from least to most.
func (r *reader) integer(name string, least, most int64) (int64, bool) {
	v, ok := r.value(name, cty.Number)
	if !ok {
		return 0, false
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || n < least || n > most {
		r.fail(r.place(name), name+" is out of bounds", "It is a whole number from %d to %d.", least, most)
		return 0, false
	}
	return n, true
}

func (r *reader) span(name string, otherwise, least, most time.Duration) time.Duration {
	s := r.text(name)
	if s == "" {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		r.fail(r.place(name), fmt.Sprintf("%s is not a duration", name), `Write one such as "30s", "5m" or "1h30m".`)
		return otherwise
	}
	if d < least || d > most {
		r.fail(r.place(name), name+" is out of bounds", "It is from %s to %s.", short(least), short(most))
		return otherwise
	}
	return d
}

// short is a duration without zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var sizes = regexp.MustCompile(`^([0-9]{1,12})\s*(B|KB|MB|GB)?$`)

// size is a number of bytes; KB, MB and GB are powers of 1024.
func (r *reader) size(name string, otherwise int64) int64 {
	a := r.body.Attributes[name]
	if a == nil {
		return otherwise
	}
	v, diags := a.Expr.Value(nil)
	if !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		m := sizes.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(v.AsString())))
		if m == nil {
			r.fail(a.Expr.Range(), name+" is not a size", `Write a number of bytes, or one such as "256MB" or "2GB".`)
			return otherwise
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		n <<= map[string]int{"KB": 10, "MB": 20, "GB": 30}[m[2]] // 12 digits and 30 bits are 70: checked below
		if long := len(m[1]) > 9 && m[2] != "" && m[2] != "B"; long || n < minSize || n > maxSize {
			r.fail(a.Expr.Range(), name+" is out of bounds", "It is from 64KB to 64GB.")
			return otherwise
		}
		return n
	}
	if n, ok := r.integer(name, minSize, maxSize); ok {
		return n
	}
	return otherwise
}

// path is a path, made absolute.
func (r *reader) path(name string) string {
	s := r.text(name)
	if s == "" {
		return ""
	}
	return r.absolute(s)
}

func (r *reader) absolute(s string) string {
	if !filepath.IsAbs(s) {
		s = filepath.Join(r.dir, s)
	}
	return filepath.Clean(s)
}

// texts is a list of texts of one line.
func (r *reader) texts(name string) []string {
	v, ok := r.value(name, cty.NilType)
	if !ok {
		return nil
	}
	if t := v.Type(); !t.IsTupleType() {
		r.fail(r.place(name), fmt.Sprintf("%s is not a list", name), "Write %s = [\"...\"].", name)
		return nil
	}
	if v.LengthInt() > maxListed {
		r.fail(r.place(name), fmt.Sprintf("%s has %d elements", name, v.LengthInt()), "At most %d are taken.", maxListed)
		return nil
	}
	var out []string
	for _, item := range v.AsValueSlice() {
		if item.IsNull() || item.Type() != cty.String {
			r.fail(r.place(name), fmt.Sprintf("%s is a list of texts", name), "%s", r.known[name].Doc)
			return nil
		}
		s, why := plain(item.AsString())
		if why != "" {
			r.fail(r.place(name), fmt.Sprintf("An element of %s is not accepted", name), "%s", why)
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) paths(name string) []string {
	out := r.texts(name)
	for i := range out {
		out[i] = r.absolute(out[i])
	}
	return out
}

// names is a list of references sync.NAME; what they refer to is checked when
// all files are read.
func (r *reader) names(name, from string) []string {
	a := r.body.Attributes[name]
	if a == nil {
		return nil
	}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() || len(items) > maxListed {
		r.fail(a.Expr.Range(), name+" is a list of references", "Write %s = [sync.NAME].", name)
		return nil
	}
	var out []string
	for _, item := range items {
		t, diags := hcl.AbsTraversalForExpr(item)
		step, ok := hcl.TraverseAttr{}, false
		if !diags.HasErrors() && len(t) == 2 && t.RootName() == "sync" {
			step, ok = t[1].(hcl.TraverseAttr)
		}
		if !ok {
			r.fail(item.Range(), "Only a sync can stand here", "Write sync.NAME, without quotes.")
			continue
		}
		if slices.Contains(out, step.Name) {
			r.fail(item.Range(), fmt.Sprintf("sync.%s stands twice in %s", step.Name, name), "Once is enough.")
			continue
		}
		out = append(out, step.Name)
		r.needs = append(r.needs, need{from: from, to: step.Name, at: item.Range()})
	}
	return out
}

// listen is host:port. Everybody's address is warned of.
func (r *reader) listen(name string) string {
	s := r.text(name)
	if s == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 && port != "0" {
		r.fail(r.place(name), fmt.Sprintf("%q is no address to listen on", s), `Write an IP and a port, such as "127.0.0.1:9443" or "[::1]:9443".`)
		return ""
	}
	if ip := net.ParseIP(host); host != "localhost" && ip == nil {
		r.fail(r.place(name), fmt.Sprintf("%q is no address to listen on", s), `Write an IP and a port, such as "127.0.0.1:9443". Every address of the host is "0.0.0.0".`)
		return ""
	} else if ip != nil && !ip.IsLoopback() {
		r.warn(r.place(name), host+" is not a loopback address", "Whoever reaches it can speak to the daemon, attackers in the decoys' network among them. Listen on 127.0.0.1 behind a proxy that speaks TLS.")
	}
	return s
}
