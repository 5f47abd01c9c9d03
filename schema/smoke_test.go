package schema_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

func TestSmoke(t *testing.T) {
	c, diags := schema.LoadDir("../examples/quickstart", schema.Options{Catalogue: modules.FS})
	diag.Write(os.Stdout, c.Files(), diags, diag.Style{Width: 100})
	d, diags := c.Evaluate(schema.EvalOptions{Services: map[string]schema.ServiceType{
		"ssh":   {Slug: "ssh", Ports: []schema.Port{{22, "tcp"}}, Arguments: []schema.Argument{{Name: "users", Type: "map(string)"}}},
		"http":  {Slug: "http", Ports: []schema.Port{{80, "tcp"}}, Arguments: []schema.Argument{{Name: "title", Type: "string"}}},
		"redis": {Slug: "redis", Ports: []schema.Port{{6379, "tcp"}}},
	}})
	diag.Write(os.Stdout, c.Files(), diags, diag.Style{Width: 100})
	if d != nil {
		for _, i := range d.Instances {
			fmt.Println(i.Address, i.Runtime, i.Source, string(i.Config))
		}
		fmt.Println(string(d.Outputs[0].Value))
	}
}
