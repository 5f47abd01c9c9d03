package lint_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/lint"
)

// TestFleetIsTheConfiguration compares what the quick reader reads with what
// encoding/json makes of the same documents.
func TestFleetIsTheConfiguration(t *testing.T) {
	_, desired := loaded(t, map[string]string{"main.hcl": `
decky "web" {
  for_each  = toset(["a.service.b", "c \"d\""])
  network   = network.lan
  archetype = "linux-server"
  domain    = "corp.lan"
  service "ssh" "second" {
    ports  = [2222, "2223/tcp"]
    banner = "quote \" backslash \\ ümlaut"
    users  = { root = "x", "k \"y\"" = "v\\" }

    failure_delay = 1900
  }
  service "mqtt" { accept_all = true }
}
`})
	fleet, err := lint.NewFleet(desired.Instances)
	if err != nil {
		t.Fatal(err)
	}
	got := map[addr.Address]any{}
	for _, d := range fleet.Deckies {
		got[d.Address] = schema.Decky{Network: d.Network.Network, Host: d.Host, Personality: d.Personality, Archetype: d.Archetype}
		for _, s := range d.Services {
			arguments := map[string]any{}
			for _, name := range s.Arguments.Names() {
				if text := s.Arguments.Text(name); text != "" {
					arguments[name] = text
				} else if n, ok := s.Arguments.Number(name); ok {
					arguments[name] = float64(n)
				} else if m := s.Arguments.Map(name); m != nil {
					texts := map[string]any{}
					for k, v := range m {
						texts[k] = v
					}
					arguments[name] = texts
				} else {
					arguments[name] = s.Arguments.Flag(name)
				}
			}
			got[s.Address] = []any{s.Slug, s.Ports, arguments, s.Decky.Address}
		}
	}
	want := map[addr.Address]any{}
	for _, i := range desired.Instances {
		switch i.Type {
		case "decky":
			var d schema.Decky
			if err := json.Unmarshal(i.Config, &d); err != nil {
				t.Fatal(err)
			}
			d.Name = ""
			want[i.Address] = d
		case "service":
			var s schema.Service
			if err := json.Unmarshal(i.Config, &s); err != nil {
				t.Fatal(err)
			}
			arguments := map[string]any{}
			if s.Arguments != nil {
				if err := json.Unmarshal(s.Arguments, &arguments); err != nil {
					t.Fatal(err)
				}
			}
			want[i.Address] = []any{s.Slug, s.Ports, arguments, i.Parents[0]}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 10 {
		t.Errorf("%d instances: %s", len(want), diff)
	}
	if len(fleet.Networks) != 1 || len(fleet.Networks[0].Deckies) != 2 || len(fleet.Rules) != 1 || len(fleet.Sinks) != 1 {
		t.Errorf("%+v", fleet)
	}
}

func TestFleetRefusesWhatIsNone(t *testing.T) {
	for typ, configs := range map[string][]string{
		"decky":   {``, `[]`, `{"host":{}}`, `{"network":{},"host":3}`, `{"network":3}`, `{"network":{}`, `{"network":{},"personality":3}`},
		"service": {`{"slug":`, `{"slug":3}`, `{"slug":"a","ports":{}}`},
		"network": {`[]`}, "rule": {`3`}, "sink": {`"x"`},
	} {
		for _, config := range configs {
			_, err := lint.NewFleet([]schema.Instance{{Address: "x.y", Type: typ, Config: json.RawMessage(config)}})
			if err == nil || !strings.Contains(err.Error(), "x.y") {
				t.Errorf("%s %s: %v", typ, config, err)
			}
		}
	}
	fleet, err := lint.NewFleet([]schema.Instance{
		{Address: "canary.x", Type: "canary", Config: json.RawMessage(`?`)},
		{Address: "decky.gone.service.ssh", Type: "service", Config: json.RawMessage(`{"slug":"ssh"}`)},
	})
	if err != nil || len(fleet.Deckies) != 0 {
		t.Errorf("%+v %v", fleet, err)
	}
}

// FuzzFleet reads documents of any kind: no panic, and what encoding/json
// accepts as an object is read alike.
func FuzzFleet(f *testing.F) {
	f.Add(`{"name":"a","network":{"name":"n","subnet":"10.0.0.0/24"},"host":{"hostname":"h","ip":"10.0.0.5","mac":"00:11:22:33:44:55","packages":{"a":"b"}},"personality":"linux"}`)
	f.Add(`{"network":{},"host":{"hostname":"\u00e9\"\\"} , "x" : [1,{"a":"}"}] }`)
	f.Add(`{"slug":"ssh","ports":[{"number":22,"transport":"tcp"}],"arguments":{"banner":"x"}}`)
	f.Add(`{"\"":`)
	f.Fuzz(func(t *testing.T, config string) {
		for _, typ := range []string{"decky", "service", "network"} {
			fleet, err := lint.NewFleet([]schema.Instance{{Address: "decky.a", Type: typ, Config: json.RawMessage(config)}})
			if err != nil || typ != "decky" {
				continue
			}
			var want schema.Decky
			if json.Unmarshal([]byte(config), &want) != nil || strings.Contains(config, `\u`) || slices.Max([]byte(config)) > 0x7e || repeated(config) {
				continue // keys in escapes or twice are not what an evaluator writes
			}
			if got := fleet.Deckies[0].Host.Hostname; got != want.Host.Hostname {
				t.Fatalf("%q: %q, want %q", config, got, want.Host.Hostname)
			}
		}
	})
}

// repeated tells whether a document says a host or its name twice, or in
// another case, which encoding/json folds.
func repeated(config string) bool {
	folded := strings.ToLower(config)
	return strings.Count(folded, `"host`) > 2 || strings.Count(folded, `"hostname`) != strings.Count(config, `"hostname"`) || strings.Count(folded, `"host"`) != strings.Count(config, `"host"`)
}

// fleetOf is n deckies with three services each.
func fleetOf(t testing.TB, n int, hostname string) (*schema.Configuration, *schema.Desired) {
	return loaded(t, map[string]string{"main.hcl": fmt.Sprintf(`
network "n" {
  parent  = "eth0"
  subnet  = "10.0.0.0/16"
  gateway = "10.0.0.1"
}
# decnet:ignore DN1061: to have comments to look at
decky "web" {
  count     = %d
  network   = network.n
  archetype = "linux-server"
  hostname  = format("%s-%%05d", count.index)
  service "redis" { version = "7.0.15" }
  service "ssh" {
    users = { backup = "Backup${count.index}" }
  }
}
`, n, hostname)})
}

// BenchmarkRun is what lint costs, of a good fleet and of one where every decky
// breaks rules, and what a plan costs that compares two fleets. The yardstick
// is encoding/json's look at the same documents: "x-json" is how many times as
// long it takes.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		for _, hostname := range []string{"WS", "honeypot"} {
			c, desired := fleetOf(b, n, hostname)
			_, before := fleetOf(b, n, "SRV")
			began := time.Now()
			for _, i := range desired.Instances {
				if !json.Valid(i.Config) {
					b.Fatal(i.Address)
				}
			}
			yardstick := time.Since(began)
			measure := func(name string, once func() error) {
				b.Run(fmt.Sprintf("%s/%s/%d", name, hostname, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := once(); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(yardstick), "x-json")
				})
			}
			measure("run", func() error { _, err := lint.Run(desired, lint.Options{Files: c.Files()}); return err })
			measure("compare", func() error { _, err := lint.Compare(before.Instances, desired.Instances); return err })
		}
	}
}
