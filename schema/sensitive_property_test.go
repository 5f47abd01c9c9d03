package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// marker is a sensitive value that nothing else contains.
const marker = "zq7marker7qz"

// carriers are expressions that pass a text on, %s.
var carriers = []string{
	`%s`, `"x-${%s}"`, `upper(%s)`, `join(",", [%s, "b"])`, `format("%%s!", %s)`, `coalesce(null, %s)`, `element([%s], 0)`,
	`lookup({ a = %s }, "a", "b")`, `merge({ a = "x" }, { a = %s }).a`, `try(tonumber(%s), %s)`, `[for s in [%s] : s][0]`,
	`{ for k, v in { a = %s } : k => v }["a"]`, `keys({ (%s) = 1 })[0]`, `(true ? %s : "b")`, `templatestring("$${x}", { x = %s })`, `jsonencode({ a = %s })`,
	`jsondecode(jsonencode(%s))`, `strrev(%s)`, `replace(%s, "y", "n")`, `tolist(toset([%s]))[0]`, `flatten([[%s]])[0]`, `one([%s])`, `trimspace(%s)`,
	`(length(%s) > 3 ? "long" : "short")`, `yamlencode(%s)`, `base64decode(base64encode(%s))`, `values({ a = %s })[0]`, `local.kept`, `sensitive(%s)`, `substr(%s, 0, 40)`,
	`split(",", %s)[0]`, `zipmap(["a"], [%s])["a"]`, `setunion(["a"], [%s]) == toset(["a"]) ? "a" : "b"`, `csvdecode("a\n${%s}")[0].a`,
}

// uses are blocks that use a text, %s.
var uses = []string{
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { banner = %s }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { users = { root = %s } }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { users = { (%s) = \"x\" } }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { motd = [\"x\", %s] }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { mode = %s }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" { tries = %s }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"http\" { ports = [%s] }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  services = [%s]\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  hostname = %s\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  domain = %s\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  archetype = %s\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  for_each = toset([%s])\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  count = length(%s)\n}\n",
	"decky \"d%d\" {\n  network = %s\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"http\" { enabled = %s == \"x\" }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  dynamic \"service\" {\n    for_each = { a = %s }\n    labels = [\"ssh\"]\n    content { banner = service.value }\n  }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  dynamic \"service\" {\n    for_each = [1]\n    labels = [\"ssh\", %s]\n    content {}\n  }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  dynamic \"service\" {\n    for_each = [1]\n    labels = [\"ssh\"]\n    content { banner = %s }\n  }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  lifecycle {\n    on_drift = %s\n  }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  lifecycle {\n    precondition {\n      condition = %s == \"x\"\n      error_message = \"no\"\n    }\n  }\n}\n",
	"decky \"d%d\" {\n  network = network.n\n  service \"ssh\" {\n    banner = %s\n    lifecycle {\n      postcondition {\n        condition = self.arguments.banner == \"x\"\n        error_message = self.arguments.banner\n      }\n    }\n  }\n}\n",
	"archetype \"a%[1]d\" {\n  service \"ssh\" { banner = %[2]s }\n}\ndecky \"d%[1]d\" {\n  network = network.n\n  archetype = archetype.a%[1]d\n}\n",
	"archetype \"a%[1]d\" {\n  extends = \"linux-server\"\n  service \"ssh\" { users = { a = %[2]s } }\n}\narchetype \"b%[1]d\" { extends = \"a%[1]d\" }\ndecky \"d%[1]d\" {\n  count = 2\n  network = network.n\n  archetype = \"b%[1]d\"\n}\n",
	"archetype \"a%d\" {\n  os = %s\n}\n",
	"distro \"x%d\" {\n  title = %s\n  hostname_style = \"minimal\"\n  kernel = \"1\"\n  build = \"1\"\n}\n",
	"distro \"x%[1]d\" {\n  title = \"x\"\n  hostname_style = \"minimal\"\n  kernel = \"1\"\n  build = \"1\"\n  packages = { openssh = %[2]s }\n}\ndecky \"d%[1]d\" {\n  network = network.n\n  distro = distro.x%[1]d\n}\n",
	"output \"o%d\" { value = %s }\n",
	"output \"o%d\" {\n  value = { a = [%s] }\n  sensitive = true\n}\n",
	"output \"o%d\" {\n  value = 1\n  description = %s\n}\n",
	"output \"o%d\" {\n  value = 1\n  precondition {\n    condition = %s == \"x\"\n    error_message = local.kept\n  }\n}\n",
	"rule \"r%d\" {\n  technique = \"T1110\"\n  when = event.username == %s\n}\n",
	"rule \"r%d\" {\n  technique = %s\n  when = event.kind == \"scan\"\n}\n",
	"rule \"r%d\" {\n  technique = \"T1110\"\n  when = event.kind == \"scan\" && length(%s) > 1\n}\n",
	"sink \"s%d\" {\n  type = \"file\"\n  path = %s\n}\n",
	"sink \"s%d\" {\n  type = \"syslog\"\n  address = %s\n}\n",
	"network \"m%d\" {\n  driver = \"bridge\"\n  subnet = %s\n}\n",
	"network \"m%d\" {\n  driver = %s\n  subnet = \"10.1.0.0/24\"\n}\n",
	"check \"c%d\" {\n  assert {\n    condition = %s == \"x\"\n    error_message = \"no\"\n  }\n}\n",
	"check \"c%d\" {\n  assert {\n    condition = false\n    error_message = %s\n  }\n}\n",
	"check \"c%d\" {\n  assert {\n    condition = tonumber(%s) == 5\n    error_message = \"x\"\n  }\n}\n",
	"decky \"i%[1]d\" { network = network.n }\nimport {\n  to = decky.i%[1]d\n  id = %[2]s\n}\n",
	"variable \"v%d\" {\n  default = 1\n  validation {\n    condition = var.token == \"x\"\n    error_message = var.token\n  }\n}\nlocals { l%[1]d = %[2]s }\n",
	"locals { l%d = parseint(%s, 10) }\n",
	"locals { l%d = regex(\"^y$\", %s) }\n",
	"locals { l%d = file(%s) }\n",
	"locals { l%d = { a = 1 }[%s] }\n",
	"locals { l%d = nothing.a[%s] }\n",
	"locals { l%d = cidrhost(%s, 1) }\n",
}

// TestSensitiveValuesStayWhereTheyAreListed writes random configurations that
// use a sensitive value in all kinds of places: it comes out in sensitive
// outputs and at the paths that an instance lists, and in no diagnostic.
func TestSensitiveValuesStayWhereTheyAreListed(t *testing.T) {
	resolved := 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("decnet { seed = \"s\" }\nvariable \"token\" {\n  type = string\n  sensitive = true\n}\nlocals { kept = \"k-${var.token}\" }\n")
		b.WriteString("network \"n\" {\n  parent = \"eth0\"\n  subnet = \"10.0.0.0/24\"\n}\n")
		for n := range rapid.IntRange(1, 3).Draw(t, "uses") {
			expression := "var.token"
			for range rapid.IntRange(0, 3).Draw(t, "depth") {
				expression = strings.ReplaceAll(rapid.SampledFrom(carriers).Draw(t, "carrier"), "%s", expression)
				expression = strings.ReplaceAll(expression, "%%", "%")
			}
			fmt.Fprintf(&b, rapid.SampledFrom(uses).Draw(t, "use"), n, expression)
		}
		if leaks, good := leaksOf(b.String()); len(leaks) > 0 {
			t.Fatalf("%s\n%s", strings.Join(leaks, "\n"), b.String())
		} else if good {
			resolved++
		}
	})
	if resolved == 0 {
		t.Error("no configuration was good, so nothing was looked at")
	}
}

// TestEveryUseKeepsItsSecret is the same for each use alone.
func TestEveryUseKeepsItsSecret(t *testing.T) {
	resolved := 0
	for _, use := range uses {
		source := "variable \"token\" {\n  type = string\n  sensitive = true\n}\nlocals { kept = \"k-${var.token}\" }\n" +
			"network \"n\" {\n  parent = \"eth0\"\n  subnet = \"10.0.0.0/24\"\n}\n" + fmt.Sprintf(use, 1, "var.token")
		leaks, good := leaksOf(source)
		for _, leak := range leaks {
			t.Errorf("%s in\n%s", leak, source)
		}
		if good {
			resolved++
		}
	}
	if resolved < 10 {
		t.Errorf("only %d uses are good", resolved)
	}
}

// leaksOf are the places where the marker shows that may not; good: the
// configuration resolves.
func leaksOf(source string) (leaks []string, good bool) {
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(source)}}, schema.Options{Catalogue: modules.FS})
	desired, more := c.Evaluate(schema.EvalOptions{
		Services: services(), Variables: []schema.Value{{Name: "token", Raw: marker, Origin: "--var"}},
	})
	diags = append(diags, more...)
	var b bytes.Buffer
	if err := diag.Write(&b, c.Files(), diags, diag.Style{Width: 100}); err != nil {
		return []string{err.Error()}, false
	}
	records, err := json.Marshal(diag.Records(c.Files(), diags))
	if err != nil {
		return []string{err.Error()}, false
	}
	if shows(b.String()) || shows(string(records)) {
		leaks = append(leaks, "a diagnostic shows it:\n"+b.String())
	}
	if desired == nil {
		return leaks, false
	}
	for _, i := range desired.Instances {
		var config any
		if err := json.Unmarshal(i.Config, &config); err != nil {
			return append(leaks, err.Error()), true
		}
		for _, path := range pathsWith("", config) {
			if !slices.ContainsFunc(i.Sensitive, func(s string) bool { return path == s || strings.HasPrefix(path, s+".") }) {
				leaks = append(leaks, fmt.Sprintf("%s shows it at %s, listed are %v", i.Address, path, i.Sensitive))
			}
		}
		i.Config = nil
		if rest, err := json.Marshal(i); err != nil || shows(string(rest)) {
			leaks = append(leaks, fmt.Sprintf("%s shows it beside its configuration: %s, %v", i.Address, rest, err))
		}
	}
	for _, o := range desired.Outputs {
		if !o.Sensitive && shows(string(o.Value)) || shows(o.Description) {
			leaks = append(leaks, "output "+o.Name+" shows it")
		}
	}
	rest := *desired
	rest.Instances, rest.Outputs = nil, nil
	if encoded, err := json.Marshal(rest); err != nil || shows(string(encoded)) {
		leaks = append(leaks, fmt.Sprintf("the rest shows it: %s, %v", encoded, err))
	}
	return leaks, true
}

// shows tells whether a text holds the marker, forwards or backwards.
func shows(s string) bool {
	s = strings.ToLower(s)
	reversed := []byte(marker)
	slices.Reverse(reversed)
	return strings.Contains(s, marker) || strings.Contains(s, string(reversed))
}

// pathsWith are the paths of a JSON value whose key or text holds the marker.
func pathsWith(at string, v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		if shows(v) {
			out = append(out, at)
		}
	case []any:
		for _, element := range v {
			out = append(out, pathsWith(at, element)...)
		}
	case map[string]any:
		for key, element := range v {
			path := strings.TrimPrefix(at+"."+key, ".")
			if shows(key) {
				out = append(out, at)
			}
			out = append(out, pathsWith(path, element)...)
		}
	}
	return out
}
