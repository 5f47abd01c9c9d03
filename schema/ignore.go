package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
)

// ignorable are the arguments that ignore_changes may name, by type of block,
// with the paths of Config that they decide. A service's other arguments are
// below "arguments".
var ignorable = map[string]map[string][]string{
	"decky": {
		"archetype": {"archetype"}, "domain": {"host.domain"}, "hostname": {"host.hostname"}, "ip": {"host.ip"}, "mac": {"host.mac"},
		"network": {"network"}, "persist": {"host.persist"}, "timezone": {"host.zone"}, "os": {"host.os", "personality"}, "vendor": {"host.mac"},
		"distro": {"host.build", "host.distro", "host.kernel", "host.machine", "host.packages", "host.title"},
	},
	"network": {
		"driver": {"driver"}, "gateway": {"gateway"}, "host_access": {"host_ip"}, "host_ip": {"host_ip"}, "parent": {"parent"},
		"pool": {"pool"}, "subnet": {"subnet"},
	},
	"rule": {
		"by": {"by"}, "distinct": {"distinct"}, "tactics": {"tactics"}, "technique": {"technique"}, "threshold": {"threshold"},
		"when": {"when"}, "within": {"within"},
	},
	"sink":    sinkPaths(),
	"service": {"ports": {"ports"}},
}

// sinkPaths are the arguments of a sink, which Config has under the same names.
func sinkPaths() map[string][]string {
	paths := map[string][]string{}
	for _, name := range sinkArgumentNames() {
		paths[name] = []string{name}
	}
	return paths
}

// isHostPath tells whether a path of a decky's configuration stands in its
// services' too.
func isHostPath(path string) bool { return strings.HasPrefix(path, "host.") }

// ignoreChanges reads ignore_changes: a list of arguments, or all.
func (l *loader) ignoreChanges(kind string, a *hcl.Attribute) []string {
	if hcl.ExprAsKeyword(a.Expr) == IgnoreAll {
		return []string{IgnoreAll}
	}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		l.add(diag.Error(a.Expr.Range(), "ignore_changes is a list of arguments", "Write ignore_changes = [hostname, ip], without quotes, or ignore_changes = all."))
		return nil
	}
	var out []string
	for _, item := range items {
		traversal, diags := hcl.AbsTraversalForExpr(item)
		if diags.HasErrors() {
			detail := "Write the name of an argument of this block without quotes, such as hostname."
			if value, diags := item.Value(nil); !diags.HasErrors() && value.Type() == cty.String && value.IsKnown() && !value.IsNull() {
				detail = fmt.Sprintf("Write %s without the quotes.", value.AsString())
			}
			l.add(diag.Error(item.Range(), "This names no argument", "%s", detail))
			continue
		}
		paths, d := ignoredPaths(kind, traversal, item.Range())
		if d != nil {
			l.add(d)
			continue
		}
		out = append(out, paths...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ignoredPaths are the paths of Config that an entry stands for.
func ignoredPaths(kind string, traversal hcl.Traversal, at hcl.Range) ([]string, *hcl.Diagnostic) {
	root := traversal.RootName()
	rest := ""
	for _, step := range traversal[1:] {
		name, ok := stepName(step)
		if !ok {
			return nil, diag.Error(at, "A list is ignored as a whole", "Write %s.", root)
		}
		rest += "." + name
	}
	known := ignorable[kind]
	paths, ok := known[root]
	switch {
	case root == IgnoreAll && rest == "":
		return nil, diag.Error(at, "all stands alone", "Write ignore_changes = all, without brackets.")
	case !ok && kind == "service" && root != "enabled" && root != "depends_on":
		return []string{"arguments." + root + rest}, nil
	case !ok && kind == "decky" && (root == "services" || root == "service"):
		return nil, diag.Error(at, "Services have a lifecycle of their own", "Write the lifecycle block inside the service block.")
	case !ok:
		d := diag.Unknown(at, "argument", root, slices.Collect(maps.Keys(known)))
		d.Summary = fmt.Sprintf("There is no argument %q of a %s to ignore", root, kind)
		return nil, d
	case rest != "":
		return nil, diag.Error(at, fmt.Sprintf("%s has no parts", root), "Write %s.", root)
	}
	return paths, nil
}
