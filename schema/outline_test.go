package schema_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
)

func TestOutline(t *testing.T) {
	c, diags := schema.Load(fstest.MapFS{
		"main.hcl": {Data: []byte(`
variable "n" { default = 2 }
locals { hosts = [for i in range(var.n) : "h-${i}"] }
network "lab" {
  parent = "eth0"
  subnet = "10.0.0.0/24"
}
decky "web" {
  for_each  = toset(local.hosts)
  network   = network.lab
  archetype = "web-server"
  hostname  = each.key
}
module "dmz" {
  source = "./dmz"
  site   = local.hosts[0]
}
output "zone" { value = module.dmz.zone }
`)},
		"dmz/main.hcl": {Data: []byte(`
variable "site" {}
network "dmz" {
  parent = "eth1"
  subnet = "10.1.0.0/24"
}
decky "db" { network = network.dmz }
output "zone" { value = "${var.site}-${decky.db.hostname}" }
`)},
	}, schema.Options{Catalogue: modules.FS})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got := map[string]string{}
	for _, d := range c.Outline() {
		got[d.ID] = strings.Join(append([]string{d.Kind, d.Module, d.Network}, d.References...), " ")
		if d.Source == "" {
			t.Errorf("%s stands nowhere", d.ID)
		}
	}
	want := map[string]string{
		"var.n": "variable  ", "local.hosts": "local   var.n", "network.lab": "network  ",
		"decky.web": "decky  network.lab archetype.web-server local.hosts network.lab", "archetype.web-server": "archetype  ",
		"module.dmz": "module  ", "output.zone": "output   module.dmz module.dmz.output.zone",
		"module.dmz.var.site": "variable module.dmz  local.hosts module.dmz", "module.dmz.network.dmz": "network module.dmz  module.dmz",
		"module.dmz.decky.db":    "decky module.dmz module.dmz.network.dmz module.dmz module.dmz.network.dmz",
		"module.dmz.output.zone": "output module.dmz  module.dmz module.dmz.decky.db module.dmz.var.site",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOutlineOfWhatDidNotLoad(t *testing.T) {
	c, _ := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(`decky "x" {`)}}, schema.Options{})
	if got := c.Outline(); got != nil {
		t.Errorf("%v", got)
	}
}
