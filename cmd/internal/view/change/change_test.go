package change_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
)

// shown is a tree as JSON, where a secret is null.
func shown(t testing.TB, tree any) string {
	t.Helper()
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHide(t *testing.T) {
	for _, c := range []struct{ name, document, path, want string }{
		{"a value", `{"a":{"b":"x","c":1}}`, "a.b", `{"a":{"b":null,"c":1}}`},
		{"a whole object", `{"a":{"b":"x"}}`, "a", `{"a":null}`},
		{"an element", `{"a":[{"p":"x"},{"p":"y"}]}`, "a[1].p", `{"a":[{"p":"x"},{"p":null}]}`},
		{"a key with dots", `{"sysctl":{"net.ipv4.ttl":64,"net":1}}`, "sysctl.net.ipv4.ttl", `{"sysctl":{"net":1,"net.ipv4.ttl":null}}`},
		{"the longest key", `{"a":{"b.c":"x"},"a.b":{"c":"y"}}`, "a.b.c", `{"a":{"b.c":"x"},"a.b":{"c":null}}`},
		{"nothing there", `{"a":1}`, "b.c", `{"a":1}`},
		{"beyond a list", `{"a":[1]}`, "a[7]", `{"a":[1]}`},
		{"inside of a value", `{"a":"x"}`, "a.b", `{"a":"x"}`},
	} {
		if got := shown(t, change.Hide(change.Decode([]byte(c.document)), []string{c.path})); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	got := shown(t, change.HideEverywhere(change.Decode([]byte(`{"config":{"arguments":{"users":"x"}},"list":[{"arguments":{"users":"y","n":1}}]}`)), []string{"arguments.users"}))
	if want := `{"config":{"arguments":{"users":null}},"list":[{"arguments":{"n":1,"users":null}}]}`; got != want {
		t.Error(got)
	}
}

func TestSecretsTellOnlyWhetherTheyDiffer(t *testing.T) {
	hidden := func(v string) any { return change.Hide(change.Decode([]byte(`{"p":`+v+`}`)), []string{"p"}) }
	if !change.Equal(hidden(`"a"`), hidden(`"a"`)) || change.Equal(hidden(`"a"`), hidden(`"b"`)) || change.Equal(hidden(`["a"]`), hidden(`"a"`)) {
		t.Error("equality of secrets is not that of their values")
	}
	twice := change.Hide(hidden(`"a"`), []string{"p"})
	if !change.Equal(twice, hidden(`"a"`)) {
		t.Error("a secret that is hidden again is another")
	}
}

func TestCovers(t *testing.T) {
	for path, want := range map[string]bool{
		"arguments.users": true, "arguments.users.root": true, "config.arguments.users[0]": true, "arguments": true,
		"arguments.user": false, "users": false, "arguments.usersx": false, "host.ip": false,
	} {
		if got := change.Covers([]string{"arguments.users"}, path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestStepsAndMarks(t *testing.T) {
	tree := change.Decode([]byte(`{"a":[{"b.c":1}]}`))
	if diff := cmp.Diff([]any{"a", 0, "b.c"}, change.Steps(tree, nil, "a[0].b.c")); diff != "" {
		t.Error(diff)
	}
	tree = change.Hide(change.Decode([]byte(`{"a":{"p":1,"q":2},"l":[1,{"p":"x"}],"m":[1]}`)), []string{"a.p", "l[1].p"})
	if got := shown(t, change.Marks(tree)); got != `{"a":{"p":true},"l":[false,{"p":true}]}` {
		t.Error(got)
	}
}

// TestOne follows what handlers say into the configurations.
func TestOne(t *testing.T) {
	for _, c := range []struct {
		name          string
		change        plan.Change
		before, after string
	}{
		{
			"configuration", plan.Change{Action: plan.Update, Before: json.RawMessage(`{"a":1,"gone":2}`), Config: json.RawMessage(`{"a":3}`)},
			`{"a":1,"gone":2}`, `{"a":3}`,
		},
		{
			"drift", plan.Change{
				Action: plan.Update, Before: json.RawMessage(`{"host":{"ip":"x"},"l":[1,2]}`), Config: json.RawMessage(`{"host":{"ip":"x"},"l":[1,2]}`),
				Attributes: []providers.Change{
					{Path: "host.ip", Before: `"y"`, After: `"x"`}, {Path: "l[1]", Before: "", After: "2"}, {Path: "sysctl.net.ttl", Before: "64", After: "128"},
				},
			}, `{"host":{"ip":"y"},"l":[1],"sysctl.net.ttl":64}`, `{"host":{"ip":"x"},"l":[1,2],"sysctl.net.ttl":128}`,
		},
		{
			"bare words", plan.Change{
				Action: plan.Update, Config: json.RawMessage(`{}`), Attributes: []providers.Change{{Path: "link", Before: "gone", After: "macvlan"}},
			}, `{"link":"gone"}`, `{"link":"macvlan"}`,
		},
		{
			"in the object only", plan.Change{
				Action: plan.Update, Before: json.RawMessage(`{}`), Config: json.RawMessage(`{}`), Object: &plan.Object{State: json.RawMessage(`{"live":{"arguments":{"t":"x"}}}`)},
				Attributes: []providers.Change{{Path: "arguments.t", Before: `"x"`}},
			}, `{"arguments":{"t":"x"}}`, `{"arguments":{}}`,
		},
		{
			"sensitive", plan.Change{
				Action: plan.Update, Sensitive: []string{"p"}, Before: json.RawMessage(`{"p":{"k":"x"}}`), Config: json.RawMessage(`{"p":{"k":"x"}}`),
				Attributes: []providers.Change{{Path: "p.k", Before: `"y"`, After: `"x"`}},
			}, `{"p":null}`, `{"p":null}`,
		},
		{
			"sensitive, hidden alike", plan.Change{
				Action: plan.Update, Sensitive: []string{"p"}, Before: json.RawMessage(`{"p":"(sensitive)"}`), Config: json.RawMessage(`{"p":"(sensitive)"}`),
				Attributes: []providers.Change{{Path: "p", Before: "(sensitive)", After: "(sensitive)"}},
			}, `{"p":null}`, `{"p":null}`,
		},
		{"create", plan.Change{Action: plan.Create, Before: json.RawMessage(`{"a":1}`), Config: json.RawMessage(`{"a":2}`)}, `null`, `{"a":2}`},
		{"delete", plan.Change{Action: plan.Delete, Before: json.RawMessage(`{"a":1}`)}, `{"a":1}`, `null`},
		{
			"an orphan", plan.Change{Action: plan.Delete, Sensitive: []string{"p"}, Object: &plan.Object{State: json.RawMessage(`{"config":{"p":"x"}}`)}},
			`{"config":{"p":null}}`, `null`,
		},
	} {
		got := change.One(&c.change, nil)
		if b, a := shown(t, got.Before), shown(t, got.After); b != c.before || a != c.after {
			t.Errorf("%s: %s -> %s, want %s -> %s", c.name, b, a, c.before, c.after)
		}
		if strings.HasPrefix(c.name, "sensitive") && change.Equal(got.Before, got.After) {
			t.Error("what drifted inside of a secret is no change")
		}
	}
}

// TestServicesHideWhatTheirDefinitionSays hides without the plan's help.
func TestServicesHideWhatTheirDefinitionSays(t *testing.T) {
	hidden := func(slug, argument string) bool { return slug == "ssh" && argument == "users" }
	config := json.RawMessage(`{"slug":"ssh","arguments":{"users":{"a":"x"},"banner":"b"}}`)
	for _, c := range []plan.Change{
		{Type: providers.TypeService, Action: plan.Create, Config: config},
		{Type: providers.TypeService, Action: plan.Update, Config: config, Before: config},
		{Type: providers.TypeService, Action: plan.Delete, Before: config},
		{Type: providers.TypeService, Action: plan.Delete, Object: &plan.Object{State: json.RawMessage(`{"config":` + string(config) + `}`)}},
	} {
		got := change.One(&c, hidden)
		if text := shown(t, []any{got.Before, got.After}); strings.Contains(text, `"x"`) || !strings.Contains(text, `"b"`) {
			t.Errorf("%s: %s", c.Action, text)
		}
	}
}

// TestNothingHiddenIsLeft hides a random path of a random tree that holds the
// same text nowhere else.
func TestNothingHiddenIsLeft(t *testing.T) {
	const secret = "s3cret"
	rapid.Check(t, func(t *rapid.T) {
		path := ""
		var grow func(depth int, on bool) any
		grow = func(depth int, on bool) any {
			if depth == 0 {
				if on {
					return secret
				}
				return rapid.SampledFrom([]any{"v", true, nil, "null"}).Draw(t, "leaf")
			}
			n := rapid.IntRange(1, 3).Draw(t, "n")
			way := -1
			if on {
				way = rapid.IntRange(0, n-1).Draw(t, "way")
			}
			if rapid.Bool().Draw(t, "list") {
				list := make([]any, n)
				for i := range list {
					if i == way {
						path += "[" + string(rune('0'+i)) + "]"
					}
					list[i] = grow(depth-1, i == way)
				}
				return list
			}
			m := map[string]any{}
			for i := range n {
				key := string(rune('a' + i))
				if i == way {
					path += "." + key
				}
				m[key] = grow(depth-1, i == way)
			}
			return m
		}
		tree := map[string]any{"root": grow(rapid.IntRange(0, 4).Draw(t, "depth"), true)}
		data, err := json.Marshal(change.Hide(tree, []string{"root" + path}))
		if err != nil || strings.Contains(string(data), secret) {
			t.Fatalf("%s at root%s: %v", data, path, err)
		}
	})
}

// FuzzOne takes documents and paths as they come.
func FuzzOne(f *testing.F) {
	f.Add(`{"a":[1,{"b":2}]}`, `{"a":[]}`, "a[1].b", `"x"`)
	f.Add(`[]`, `null`, "[0]", "1")
	f.Add(`{"":{"":1}}`, `{`, "..", "")
	f.Fuzz(func(t *testing.T, before, after, path, value string) {
		c := plan.Change{
			Action: plan.Update, Type: providers.TypeService, Before: json.RawMessage(before), Config: json.RawMessage(after), Sensitive: []string{path},
			Object:     &plan.Object{State: json.RawMessage(before)},
			Attributes: []providers.Change{{Path: path, Before: value}, {Path: path + ".x", After: value}, {Path: path + "[0]", Before: value, Replace: true}},
		}
		got := change.One(&c, func(string, string) bool { return true })
		shown(t, got.Before)
		shown(t, got.After)
		shown(t, change.Marks(got.After))
		change.Steps(got.Before, got.After, path)
	})
}
