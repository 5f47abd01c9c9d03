package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txtar")

// TestGolden evaluates each archive of testdata: its files are the
// configuration, except "want" (the diagnostics, or the instances and outputs),
// "prior" (lines of address and JSON), "flags" (lines of name=value for
// variables, which may come more than once), "environment" likewise,
// "--var-file NAME" and "interfaces" (lines of name, address, gateway).
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d archives: %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := golden(t, archive)
			at := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					at = i
				}
			}
			if *update {
				if at < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					at = len(archive.Files) - 1
				}
				archive.Files[at].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if at < 0 {
				t.Fatal("no want; run with -update and read what it says")
			}
			if diff := cmp.Diff(string(archive.Files[at].Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// golden is what an archive evaluates to.
func golden(t *testing.T, archive *txtar.Archive) string {
	fsys := fstest.MapFS{}
	order := 0
	l := schema.Options{Name: "Test Fleet", Version: "1.2.3", Catalogue: modules.FS}
	o := schema.EvalOptions{Services: services(), Reserved: func(ip netip.Addr) bool { return ip.String() == "192.0.2.66" }}
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
		case "prior":
			o.Prior = map[addr.Address]json.RawMessage{}
			for line := range strings.Lines(string(f.Data)) {
				address, config, _ := strings.Cut(strings.TrimSpace(line), " ")
				o.Prior[addr.Address(address)] = json.RawMessage(config)
			}
		case "environment":
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				o.Environment = append(o.Environment, schema.Value{Name: name, Raw: value, Origin: "DECNET_VAR_" + name})
			}
		case "flags":
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				order++
				o.Variables = append(o.Variables, schema.Value{Name: name, Raw: value, Origin: "--var", Order: order})
			}
		case "interfaces":
			for i, line := range strings.Split(strings.TrimSpace(string(f.Data)), "\n") {
				fields := strings.Fields(line)
				o.Interfaces = append(o.Interfaces, schema.Interface{
					Name: fields[0], Addresses: []netip.Prefix{netip.MustParsePrefix(fields[1])}, Gateway: netip.MustParseAddr(fields[2]), Default: i == 0,
				})
			}
		default:
			if name, named := strings.CutPrefix(f.Name, "--var-file "); named {
				order++
				l.VarFiles = append(l.VarFiles, schema.VarFile{Name: name, Source: f.Data, Order: order})
				continue
			}
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	c, diags := schema.Load(fsys, l)
	if diags.HasErrors() {
		return rendered(t, c.Files(), diags)
	}
	desired, more := c.Evaluate(o)
	if diags = append(diags, more...); diags.HasErrors() {
		if desired != nil {
			t.Error("errors, and still a result")
		}
		return rendered(t, c.Files(), diags)
	}
	return rendered(t, c.Files(), diags) + listed(t, desired)
}

func rendered(t *testing.T, files map[string]*hcl.File, diags hcl.Diagnostics) string {
	var b bytes.Buffer
	if err := diag.Write(&b, files, diags, diag.Style{Width: 100}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// listed shows instances with what matters of their configuration.
func listed(t *testing.T, d *schema.Desired) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seed=%q\n", d.Name, d.Seed)
	for _, i := range d.Instances {
		fmt.Fprintf(&b, "%s", i.Address)
		if i.Runtime != "" {
			fmt.Fprintf(&b, " (%s)", i.Runtime)
		}
		switch i.Type {
		case "decky":
			var c schema.Decky
			decode(t, i.Config, &c)
			fmt.Fprintf(&b, " %s %s %s %s %s %s", c.Name, c.Host.Hostname, c.Host.IP, c.Host.MAC, c.Host.Distro, c.Personality)
			if c.Host.Zone+c.Host.Persist != "" {
				fmt.Fprintf(&b, " timezone=%s persist=%s", c.Host.Zone, c.Host.Persist)
			}
		case "service":
			var c schema.Service
			decode(t, i.Config, &c)
			fmt.Fprintf(&b, " %s %v %s", c.Name, c.Ports, c.Arguments)
		default:
			fmt.Fprintf(&b, " %s", i.Config)
		}
		for _, p := range i.After {
			fmt.Fprintf(&b, " after %s", p)
		}
		if len(i.Sensitive) > 0 {
			fmt.Fprintf(&b, " sensitive %s", strings.Join(i.Sensitive, ", "))
		}
		if lifecycle, err := json.Marshal(i.Lifecycle); err != nil {
			t.Fatal(err)
		} else if string(lifecycle) != "{}" {
			fmt.Fprintf(&b, " lifecycle %s", lifecycle)
		}
		fmt.Fprintf(&b, " <%s>\n", i.Source)
	}
	for _, m := range d.Moved {
		fmt.Fprintf(&b, "moved %s -> %s <%s>\n", m.From, m.To, m.Source)
	}
	for _, r := range d.Removed {
		fmt.Fprintf(&b, "removed %s destroy=%v <%s>\n", r.From, r.Destroy, r.Source)
	}
	for _, i := range d.Imports {
		fmt.Fprintf(&b, "import %s = %s <%s>\n", i.To, i.ID, i.Source)
	}
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "check %s passed=%v %q <%s>\n", c.Name, c.Passed, c.Message, c.Source)
	}
	for _, o := range d.Outputs {
		fmt.Fprintf(&b, "output %s = %s\n", o.Name, o.Value)
	}
	return b.String()
}

func decode(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}
