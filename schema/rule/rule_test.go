package rule_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/function"
	"github.com/decnet/decnet/schema/rule"
)

func with(body event.Body) *event.Event {
	return &event.Event{
		Decky: "decky.web[0]", Service: "ssh", Session: "s1", Body: body,
		Source:      event.Endpoint{IP: netip.MustParseAddr("198.51.100.7"), Port: 40000},
		Destination: event.Endpoint{IP: netip.MustParseAddr("192.0.2.100"), Port: 22},
	}
}

var (
	failed  = with(&event.AuthAttempt{Method: "password", Username: "Root", Secret: "toor"})
	login   = with(&event.AuthAttempt{Method: "password", Username: "root", Secret: "toor", Success: true})
	uname   = with(&event.Command{Line: "uname -a", Status: 0, Known: true})
	missing = with(&event.Request{Method: "GET", Path: "/.env", Target: "/.env?x", Status: 404, BodySize: 12})
	slaveof = with(&event.Query{Verb: "SLAVEOF", Target: "198.51.100.9:6379"})
	file    = with(&event.Transfer{Direction: "upload", Name: "x.sh", Size: 4096})
	empty   = &event.Event{Body: &event.System{Name: "started"}}
	names   = map[*event.Event]string{failed: "failed", login: "login", uname: "uname", missing: "missing", slaveof: "slaveof", file: "file", empty: "empty"}
	all     = []*event.Event{failed, login, uname, missing, slaveof, file, empty}
)

func TestConditions(t *testing.T) {
	for source, want := range map[string][]*event.Event{
		`event.kind == "auth.attempt"`:                                   {failed, login},
		`"auth.attempt" == event.kind`:                                   {failed, login},
		`event.kind != "auth.attempt"`:                                   {uname, missing, slaveof, file, empty},
		`event.kind == "auth.attempt" && !event.success`:                 {failed},
		`!event.success`:                                                 {failed},
		`event.success`:                                                  {login},
		`event.success == true`:                                          {login},
		`event.success != true`:                                          {failed},
		`!(event.success && event.username == "root")`:                   {failed},
		`event.username == "root" || event.status == 404`:                {login, missing},
		`event.status == 404 || event.username == "root"`:                {login, missing},
		`event.status >= 400 && event.status < 500`:                      {missing},
		`event.status > 403 && event.status <= 404`:                      {missing},
		`event.status == 0`:                                              {uname},
		`contains(["root", "admin"], lower(event.username))`:             {failed, login},
		`!contains(["root", "admin"], event.username)`:                   {failed},
		`contains([404, 403], event.status)`:                             {missing},
		`contains(["auth.attempt", "command"], event.kind)`:              {failed, login, uname},
		`contains([], event.username)`:                                   {},
		`matches("^uname\\b", event.command)`:                            {uname},
		`startswith(event.path, "/.") && endswith(event.path, "env")`:    {missing},
		`strcontains(event.target, "?")`:                                 {missing},
		`strcontains(event.target, ":")`:                                 {slaveof},
		`upper(event.username) == "ROOT"`:                                {failed, login},
		`length(event.name) > 3 && event.size > 1000`:                    {file},
		`event.size == 12 || event.size == 4096`:                         {missing, file},
		`event.source == "198.51.100.7" && event.destination_port == 22`: {failed, login, uname, missing, slaveof, file},
		`event.source == ""`:                                             {empty},
		`event.decky == "decky.web[0]" && event.service != "ssh"`:        {},
		`event.password == "toor" && event.success`:                      {login},
		`event.verb == "SLAVEOF"`:                                        {slaveof},
		`true`:                                                           all,
		`true || event.success`:                                          all,
		`event.success || true`:                                          all,
		`matches("a", "abc") && event.known`:                             {uname},
		`lower("ROOT") == event.username`:                                {login},
		`1 + 1 == 2 && event.known`:                                      {uname},
		`(event.kind == "scan") == false && event.known`:                 {uname},
	} {
		c, diags := rule.Compile(source)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		wanted := map[*event.Event]bool{}
		for _, e := range want {
			wanted[e] = true
		}
		for _, e := range all {
			if got := c.Match(e); got != wanted[e] {
				t.Errorf("%s of %s is %v", source, names[e], got)
			}
		}
		if c.String() != source {
			t.Errorf("%s became %s", source, c)
		}
	}
	if (rule.Condition{}).Match(login) {
		t.Error("the zero condition matched")
	}
}

func TestRefused(t *testing.T) {
	for source, want := range map[string]string{
		`event.usernme == "x"`:                           `Did you mean "username"?`,
		`evnt.username == "x"`:                           "Variables not allowed",
		`event == "x"`:                                   "one name",
		`event.a.b == "x"`:                               "one name",
		`event["username"] == "x"`:                       "one name",
		`event.kind == "comand"`:                         `Did you mean "command"?`,
		`contains(["comand"], event.kind)`:               `Did you mean "command"?`,
		`event.username`:                                 "true or false",
		`"x"`:                                            "true or false",
		`event.status == "404"`:                          "without quotes",
		`event.username > "a"`:                           "Only numbers",
		`event.success && event.username`:                "join conditions",
		`!event.username`:                                "Only !",
		`-event.status == 1`:                             "Only !",
		`event.status + 1 == 2`:                          "do not calculate",
		`event.kind == "command" && event.success`:       "only in auth.attempt",
		`event.username == "x" && event.path == "y"`:     "never be true",
		`event.kind == "scan" && event.kind == "query"`:  "never be true",
		`event.kind != "auth.attempt" && event.success`:  "never be true",
		`!(event.kind == "command") && event.known`:      "never be true",
		`event.success == false && event.kind == "scan"`: "never be true",
		`false`:                                              "never be true",
		`regex("x", event.path) == ""`:                       "function of rules",
		`file("x") == event.path`:                            "function of rules",
		`matches("(", event.path)`:                           "cannot be read",
		`matches(event.path, "x")`:                           "never used as a pattern",
		`matches("x")`:                                       "matches(pattern, text)",
		`matches("x", event.status)`:                         "text is wanted",
		`matches("x", [event.path]...)`:                      "Wrong number",
		`contains(event.path, "x")`:                          "strcontains",
		`contains(1, event.path)`:                            "list is wanted",
		`contains([1], event.path)`:                          "nothing like it",
		`contains([1, "a"], event.path)`:                     "cannot use",
		`contains([event.path], "a")`:                        "cannot say",
		`["a"] == event.path`:                                "contains(list, value)",
		`"a${event.path}" == "x"`:                            "cannot say",
		`event.success ? true : false`:                       "cannot say",
		`null == event.path`:                                 "cannot use",
		`{} == event.path`:                                   "cannot use",
		`event.path ==`:                                      "expression",
		strings.Repeat("(", 300):                             "too deep",
		`event.path == "` + strings.Repeat("x", 65536) + `"`: "too long",
	} {
		_, diags := rule.Compile(source)
		if !strings.Contains(fmt.Sprint(diags), want) {
			t.Errorf("%.60s: %v, want %q", source, diags, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for source, want := range map[string]map[*event.Event]string{
		`event.source`:                   {failed: "198.51.100.7", uname: "198.51.100.7", empty: ""},
		`event.username`:                 {failed: "Root", login: "root"},
		`lower(event.username)`:          {failed: "root"},
		`event.status`:                   {missing: "404", uname: "0"},
		`event.success`:                  {failed: "false", login: "true"},
		`[event.source, event.username]`: {failed: "198.51.100.7\x00Root"},
		`[event.source, event.status]`:   {missing: "198.51.100.7\x00404"},
		`event.source == "198.51.100.7"`: {failed: "true", empty: "false"},
		`"all"`:                          {failed: "all", empty: "all"},
		`([event.decky, event.service])`: {failed: "decky.web[0]\x00ssh"},
	} {
		k, diags := rule.CompileKey(source)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		for e, s := range want {
			if got, ok := k.Of(e); got != s || !ok {
				t.Errorf("%s of %s is %q, %v", source, names[e], got, ok)
			}
		}
	}
	k, _ := rule.CompileKey(`[event.source, event.username]`)
	if got, ok := k.Of(uname); ok {
		t.Errorf("a command has a username: %q", got)
	}
	for _, source := range []string{`[]`, `event.nothing`, `["a", ["b"]]`, `{}`, `event.source ==`} {
		if _, diags := rule.CompileKey(source); !diags.HasErrors() {
			t.Errorf("%s is a key", source)
		}
	}
	if _, ok := (rule.Key{}).Of(login); ok {
		t.Error("the zero key has a value")
	}
}

func TestFoldKeepsTheMeaning(t *testing.T) {
	scope := &hcl.EvalContext{Functions: function.Pure(), Variables: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal(`ro"ot${x}`), "codes": cty.TupleVal([]cty.Value{cty.NumberIntVal(404), cty.NumberIntVal(500)}),
			"min": cty.NumberIntVal(400), "on": cty.True,
		}),
	}}
	for source, want := range map[string]string{
		`event.username == var.name`:                           `event.username == "ro\"ot$${x}"`,
		`contains(var.codes, event.status) && var.on`:          `contains([404, 500], event.status) && true`,
		`( event.status   > var.min + 3 )`:                     `event.status   > 403`,
		`matches(join("|", ["a", upper("b")]), event.path)`:    `matches("a|B", event.path)`,
		`event.status == (var.on ? 1 : 2)`:                     `event.status == 1`,
		`contains([for c in var.codes : c + 1], event.status)`: `contains([405, 501], event.status)`,
		`startswith(event.path, "/${var.min}")`:                `startswith(event.path, "/400")`,
		`!contains(["a"], event.path)`:                         `!contains(["a"], event.path)`,
	} {
		x, diags := hclsyntax.ParseExpression([]byte(source), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got, diags := rule.FoldCondition(x, []byte(source), scope)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		if strings.Trim(got, "() ") != strings.Trim(want, "() ") {
			t.Errorf("%s folds to %s, want %s", source, got, want)
		}
		if _, diags := rule.Compile(got); diags.HasErrors() {
			t.Errorf("%s folds to what does not compile: %v", source, diags)
		}
	}
	key, diags := rule.FoldKey(parsed(t, `[event.source, var.name]`), []byte(`[event.source, var.name]`), scope)
	if key != `[event.source, "ro\"ot$${x}"]` || diags.HasErrors() {
		t.Errorf("%s, %v", key, diags)
	}
}

func parsed(t *testing.T, source string) hcl.Expression {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(source), "x.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return x
}

func TestFieldsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range rule.Fields() {
		if f.Doc == "" || f.Type == "" || len(f.Kinds) == 0 || seen[f.Name] || f.Type == "nothing" {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
	for _, body := range []event.Body{
		&event.ConnectionOpened{}, &event.ConnectionClosed{}, &event.AuthAttempt{}, &event.Command{}, &event.Request{}, &event.Query{},
		&event.Transfer{}, &event.Fingerprint{}, &event.Scan{}, &event.Canary{}, &event.Drift{}, &event.System{},
	} {
		own := 0
		for _, f := range rule.Fields() {
			k, diags := rule.CompileKey("event." + f.Name)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			_, has := k.Of(with(body))
			says := false
			for _, kind := range f.Kinds {
				says = says || kind == body.Kind()
			}
			if has != says {
				t.Errorf("%s has event.%s: %v, described as %v", body.Kind(), f.Name, has, says)
			}
			if has && len(f.Kinds) < 12 {
				own++
			}
		}
		if own == 0 {
			t.Errorf("%s has no field of its own", body.Kind())
		}
	}
}

// BenchmarkMatch judges events; a million a second is the goal.
func BenchmarkMatch(b *testing.B) {
	for _, source := range []string{
		`event.kind == "auth.attempt" && !event.success`,
		`event.kind == "command" && contains(["uname -a", "id"], event.command)`,
		`event.kind == "command" && matches("\\b(wget|curl)\\b", event.command)`,
	} {
		b.Run(source, func(b *testing.B) {
			c, diags := rule.Compile(source)
			if diags.HasErrors() {
				b.Fatal(diags)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Match(all[i%len(all)])
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// FuzzRule looks for a source that makes compiling or matching panic, and for
// one whose fold means something else.
func FuzzRule(f *testing.F) {
	for _, source := range []string{
		`event.kind == "auth.attempt" && !event.success`, `contains(["a", 1], event.path) || matches("(a|b)*", event.command)`,
		`[event.source, lower(event.username)]`, `event.status >= 4e2 && length(event.path) < 3`, `"a${event.path}" == "x" ? true : false`,
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, diags := rule.Compile(source)
		if k, keyDiags := rule.CompileKey(source); !keyDiags.HasErrors() {
			for _, e := range all {
				k.Of(e)
			}
		}
		if diags.HasErrors() {
			return
		}
		x, diags := hclsyntax.ParseExpression([]byte(source), "rule", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		folded, diags := rule.FoldCondition(x, []byte(source), &hcl.EvalContext{Functions: function.Pure()})
		if diags.HasErrors() {
			t.Fatalf("compiles, and does not fold: %v", diags)
		}
		again, diags := rule.Compile(folded)
		if diags.HasErrors() {
			t.Fatalf("%q folds to %q: %v", source, folded, diags)
		}
		for _, e := range all {
			if c.Match(e) != again.Match(e) {
				t.Fatalf("%q and its fold %q differ on %s", source, folded, names[e])
			}
		}
	})
}
