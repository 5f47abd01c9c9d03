package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// fleet is a configuration of n deckies with three services each.
func fleet(n int, forEach bool) fstest.MapFS {
	counted, index := fmt.Sprintf("count = %d", n), "count.index"
	if forEach {
		counted, index = fmt.Sprintf(`for_each = { for i in range(%d) : format("k%%05d", i) => i }`, n), "each.value"
		if n > 1024 { // range ends at 1024
			counted = fmt.Sprintf(`for_each = { for i in setproduct(range(%d), range(1000)) : format("k%%02d%%03d", i...) => i[0] * 1000 + i[1] }`, n/1000)
		}
	}
	return fstest.MapFS{"main.hcl": {Data: fmt.Appendf(nil, `
decnet {
  name = "bench"
  seed = "s"
}
network "n" {
  parent = "eth0"
  subnet = "10.0.0.0/16"
}
decky "web" {
  %s
  network   = network.n
  archetype = "linux-server"
  hostname  = format("WS-%%05d", %s)
  service "redis" { version = "7.0.15" }
}
rule "r" {
  technique = "T1110"
  when      = event.kind == "auth.attempt"
}
`, counted, index)}}
}

func services() map[string]schema.ServiceType {
	tcp := func(n uint16) []schema.Port { return []schema.Port{{Number: n, Transport: "tcp"}} }
	return map[string]schema.ServiceType{
		"ssh": {Slug: "ssh", Ports: tcp(22), Arguments: []schema.Argument{
			{Name: "users", Type: "map(string)", Doc: "Accounts.", Sensitive: true}, {Name: "banner", Type: "string", Doc: "The banner."},
			{Name: "tries", Type: "number", Doc: "Tries per connection."}, {Name: "motd", Type: "list(string)", Doc: "Lines."},
			{Name: "mode", Type: "string", Doc: "How it logs in.", OneOf: []string{"strict", "lax"}},
		}, Check: checkSSH},
		"http": {Slug: "http", Ports: tcp(80), Arguments: []schema.Argument{
			{Name: "title", Type: "string", Doc: "The title."}, {Name: "tls", Type: "bool", Doc: "Whether it speaks TLS."},
		}},
		"redis": {Slug: "redis", Ports: tcp(6379), Arguments: []schema.Argument{{Name: "version", Type: "string", Doc: "The version."}}},
	}
}

// checkSSH refuses more than 9 tries.
func checkSSH(raw json.RawMessage) error {
	var c struct {
		Tries int `json:"tries"`
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	if c.Tries > 9 {
		return fmt.Errorf("tries is %d, at most 9 are believable", c.Tries)
	}
	return nil
}

// evaluated loads and evaluates, and ends the test on an error.
func evaluated(t testing.TB, fsys fstest.MapFS, o schema.EvalOptions) *schema.Desired {
	t.Helper()
	c, diags := schema.Load(fsys, schema.Options{Name: "test", Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	o.Services = services()
	desired, diags := c.Evaluate(o)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return desired
}

// priorOf is what a state would hold after an apply.
func priorOf(d *schema.Desired) map[addr.Address]json.RawMessage {
	prior := make(map[addr.Address]json.RawMessage, len(d.Instances))
	for _, i := range d.Instances {
		prior[i.Address] = i.Config
	}
	return prior
}

// BenchmarkEvaluate is Load and Evaluate of a fleet with three services each.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		for _, forEach := range []bool{false, true} {
			kind := map[bool]string{false: "count", true: "for_each"}[forEach]
			fsys := fleet(n, forEach)
			run := func(prior map[addr.Address]json.RawMessage) func(*testing.B) {
				return func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if d := evaluated(b, fsys, schema.EvalOptions{Prior: prior}); len(d.Instances) != 4*n+2 {
							b.Fatalf("%d instances", len(d.Instances))
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/decky")
				}
			}
			b.Run(fmt.Sprintf("%s/%d", kind, n), run(nil))
			b.Run(fmt.Sprintf("%s/%d/prior", kind, n), run(priorOf(evaluated(b, fsys, schema.EvalOptions{}))))
		}
	}
}

// BenchmarkLifecycle is BenchmarkEvaluate's counted fleet where every decky has
// a lifecycle with a condition of its own.
func BenchmarkLifecycle(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		fsys := fleet(n, false)
		source := strings.Replace(string(fsys["main.hcl"].Data), "  service \"redis\"", `  lifecycle {
    prevent_destroy = count.index == 0
    ignore_changes  = [hostname]
    postcondition {
      condition     = self.hostname != "" && count.index >= 0
      error_message = "x"
    }
  }
  service "redis"`, 1)
		fsys["main.hcl"] = &fstest.MapFile{Data: []byte(source)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := evaluated(b, fsys, schema.EvalOptions{}); d.Instances[0].Lifecycle.IgnoreChanges == nil {
					b.Fatal("there is no lifecycle")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/decky")
		})
	}
}
