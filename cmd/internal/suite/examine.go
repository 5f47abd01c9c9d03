package suite

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/cmd/internal/probe"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/testfile"
)

// arguments are the evaluated arguments of a probe.
type arguments struct {
	e     *examiner
	of    testfile.Probe
	diags hcl.Diagnostics
}

// get is an argument as a type; false where it is not given or wrong.
func (a *arguments) get(name string, ty cty.Type) (cty.Value, bool) {
	x, given := a.of.Arguments[name]
	if !given {
		return cty.NilVal, false
	}
	scope, diags := a.e.world.Scope.Context(x, map[string]cty.Value{"run": a.e.outputs.value()})
	a.diags = append(a.diags, diags...)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	value, diags := x.Value(scope)
	for _, d := range diags {
		a.diags = append(a.diags, schema.WithoutSecrets(d, x, scope))
	}
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	value, _ = value.UnmarkDeep() // it goes to our own decoy
	converted, err := convert.Convert(value, ty)
	if err != nil || converted.IsNull() || !converted.IsWhollyKnown() {
		a.diags = append(a.diags, diag.Error(x.Range(), fmt.Sprintf("%s must be %s", name, ty.FriendlyName()), "It is %s.", describe(value)))
		return cty.NilVal, false
	}
	return converted, true
}

func (a *arguments) text(name string) string {
	if v, ok := a.get(name, cty.String); ok {
		return v.AsString()
	}
	return ""
}

func (a *arguments) flag(name string) bool {
	v, ok := a.get(name, cty.Bool)
	return ok && v.True()
}

// number is a whole number within bounds.
func (a *arguments) number(name string, fallback, last int) int {
	v, ok := a.get(name, cty.Number)
	if !ok {
		return fallback
	}
	n, _ := v.AsBigFloat().Int64()
	if !v.AsBigFloat().IsInt() || n < 1 || n > int64(last) {
		a.diags = append(a.diags, diag.Error(a.of.Arguments[name].Range(), fmt.Sprintf("%s is out of range", name), "It is a whole number from 1 to %d.", last))
		return fallback
	}
	return int(n)
}

// address is the target with its port.
func (a *arguments) address(port int) string {
	x := a.of.Arguments["target"]
	v, ok := a.get("target", cty.DynamicPseudoType)
	if !ok {
		return ""
	}
	if v.Type().IsObjectType() && v.Type().HasAttribute("ip") {
		v = v.GetAttr("ip")
	}
	if v.Type() == cty.String && !v.IsNull() {
		if ip, err := netip.ParseAddr(v.AsString()); err == nil {
			return net.JoinHostPort(ip.String(), strconv.Itoa(port))
		}
	}
	a.diags = append(a.diags, diag.Error(x.Range(), "A target is a decky or an IP", "Write decky.NAME, one instance of it (decky.NAME[0]) where it has several, or an IP in quotes."))
	return ""
}

func (a *arguments) timeout() time.Duration {
	v, ok := a.get("timeout", cty.String)
	if !ok {
		return probe.DefaultTimeout
	}
	d, err := time.ParseDuration(v.AsString())
	if err != nil || d <= 0 || d > probe.MaxTimeout {
		a.diags = append(a.diags, diag.Error(a.of.Arguments["timeout"].Range(), "A timeout is a duration", `Write timeout = "5s"; %s is the longest.`, probe.MaxTimeout))
		return probe.DefaultTimeout
	}
	return d
}

// sight is what a probe saw, for conditions and for people.
type sight struct {
	values  map[string]cty.Value
	outcome probe.Outcome
	said    string
	diags   hcl.Diagnostics
}

// probe carries out one probe and its assertions.
func (e *examiner) probe(ctx context.Context, p testfile.Probe) (hcl.Diagnostics, string) {
	a := &arguments{e: e, of: p}
	run := map[testfile.Kind]func(*arguments) func(context.Context) sight{testfile.TCP: tcp, testfile.SSH: ssh, testfile.HTTP: http}[p.Kind](a)
	if a.diags.HasErrors() {
		return a.diags, ""
	}
	s := run(ctx)
	s.values["error"] = cty.StringVal(s.outcome.Error)
	s.values["duration_ms"] = cty.NumberIntVal(s.outcome.Took.Milliseconds())
	diags := s.diags
	events := false
	for _, assert := range p.Asserts {
		events = events || mentions(assert.Condition, "events")
	}
	if events {
		e.settle(ctx, s.outcome.Local)
	}
	if !diags.HasErrors() {
		for _, assert := range p.Asserts {
			diags = append(diags, e.assert(ctx, assert, map[string]cty.Value{"probe": cty.ObjectVal(s.values)}, e.of(s.outcome.Local))...)
		}
	}
	return diags, fmt.Sprintf("%s %s", p.Kind, s.said)
}

// broken is the diagnostic for a connection that failed.
func broken(p testfile.Probe, address, why string) hcl.Diagnostics {
	return hcl.Diagnostics{diag.Error(p.Declared, "The probe failed", "%s %s: %s.", p.Kind, address, why)}
}

func tcp(a *arguments) func(context.Context) sight {
	if a.of.Arguments["port"] == nil {
		a.diags = append(a.diags, diag.Error(a.of.Declared, "The probe has no port", "Write port = 22."))
	}
	p := probe.TCP{Address: a.address(a.number("port", 0, 65535)), Send: a.text("send"), Timeout: a.timeout()}
	closed := a.flag("expect_closed")
	want := a.pattern("expect_banner")
	return func(ctx context.Context) sight {
		r := p.Run(ctx, a.e.fleet.Dial())
		s := sight{
			values:  map[string]cty.Value{"open": cty.BoolVal(r.Open), "banner": cty.StringVal(r.Banner)},
			outcome: r.Outcome, said: fmt.Sprintf("%s: %q", p.Address, clip(r.Banner)),
		}
		switch {
		case closed && r.Open:
			s.diags = hcl.Diagnostics{diag.Error(a.of.Declared, "The port is open", "%s took a connection, and expect_closed says that it must not.", p.Address)}
		case !closed && r.Error != "":
			s.diags = broken(a.of, p.Address, r.Error)
		case want != nil && !want.MatchString(r.Banner):
			s.diags = hcl.Diagnostics{diag.Error(a.of.Arguments["expect_banner"].Range(), "The banner is another one", "%s says %q, which %s does not match.", p.Address, clip(r.Banner), want)}
		}
		return s
	}
}

// pattern is an argument that is a regular expression; nil where not given.
func (a *arguments) pattern(name string) *regexp.Regexp {
	v, ok := a.get(name, cty.String)
	if !ok {
		return nil
	}
	x, err := regexp.Compile(v.AsString())
	if err != nil {
		a.diags = append(a.diags, diag.Error(a.of.Arguments[name].Range(), fmt.Sprintf("%s is no regular expression", name), "%s.", err))
	}
	return x
}

func ssh(a *arguments) func(context.Context) sight {
	p := probe.SSH{
		Address: a.address(a.number("port", 22, 65535)), User: a.text("user"), Password: a.text("password"), Command: a.text("command"), Timeout: a.timeout(),
	}
	return func(ctx context.Context) sight {
		r := p.Run(ctx, a.e.fleet.Dial())
		s := sight{
			values: map[string]cty.Value{
				"login": cty.BoolVal(r.Login), "version": cty.StringVal(r.Version), "host_key": cty.StringVal(r.HostKey),
				"output": cty.StringVal(r.Output), "status": cty.NumberIntVal(int64(r.Status)),
			},
			outcome: r.Outcome, said: fmt.Sprintf("%s@%s: login %t", p.User, p.Address, r.Login),
		}
		switch {
		case r.Error != "":
			s.diags = broken(a.of, p.Address, r.Error)
		case !r.Login && len(a.of.Asserts) == 0:
			s.diags = broken(a.of, p.Address, fmt.Sprintf("the password for %s was refused", p.User))
		}
		return s
	}
}

func http(a *arguments) func(context.Context) sight {
	p := probe.HTTP{
		Method: a.text("method"), Path: a.text("path"), Host: a.text("host"), Body: a.text("body"), TLS: a.flag("tls"), Timeout: a.timeout(), Headers: map[string]string{},
	}
	port := 80
	if p.TLS {
		port = 443
	}
	p.Address = a.address(a.number("port", port, 65535))
	if v, ok := a.get("headers", cty.Map(cty.String)); ok {
		for name, value := range v.AsValueMap() {
			if !value.IsNull() {
				p.Headers[name] = value.AsString()
			}
		}
	}
	return func(ctx context.Context) sight {
		r := p.Run(ctx, a.e.fleet.Dial())
		s := sight{
			values: map[string]cty.Value{
				"status": cty.NumberIntVal(int64(r.Status)), "reason": cty.StringVal(r.Reason), "protocol": cty.StringVal(r.Protocol),
				"headers": texts(r.Headers), "header_order": list(r.Order), "body": cty.StringVal(r.Body),
			},
			outcome: r.Outcome, said: fmt.Sprintf("%s: %d %s", p.Address, r.Status, r.Reason),
		}
		if r.Error != "" {
			s.diags = broken(a.of, p.Address, r.Error)
		}
		return s
	}
}

func texts(of map[string]string) cty.Value {
	if len(of) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	out := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out[name] = cty.StringVal(of[name])
	}
	return cty.MapVal(out)
}

func list(of []string) cty.Value {
	if len(of) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	out := make([]cty.Value, 0, len(of))
	for _, s := range of {
		out = append(out, cty.StringVal(s))
	}
	return cty.ListVal(out)
}
