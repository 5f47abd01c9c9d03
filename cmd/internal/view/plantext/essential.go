package plantext

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema/addr"
)

// line is one attribute that is worth reading.
type line struct {
	name, path string
	value      any
}

// bare is a value that is written without quotes.
type bare string

func parse(a addr.Address) ([]addr.Step, error) { return addr.Parse(string(a)) }

// essentials are the paths of what is worth reading of something new, under the
// names that the configuration has for them. The rest is derived, or repeats
// another instance.
var essentials = map[string][][2]string{
	providers.TypeNetwork: {
		{"driver", "driver"}, {"parent", "parent"}, {"subnet", "subnet"}, {"gateway", "gateway"}, {"pool", "pool"}, {"host_ip", "host_ip"},
	},
	providers.TypeDecky: {
		{"network", "network.name"}, {"archetype", "archetype"}, {"distro", "host.title"}, {"hostname", "host.hostname"}, {"domain", "host.domain"},
		{"ip", "host.ip"}, {"mac", "host.mac"}, {"personality", "personality"},
	},
	providers.TypeService: {{"ports", "ports"}, {"arguments", "arguments"}},
	providers.TypeRule: {
		{"technique", "technique"}, {"tactics", "tactics"}, {"when", "when"}, {"by", "by"}, {"distinct", "distinct"}, {"threshold", "threshold"}, {"within", "within"},
	},
	providers.TypeSink: {
		{"type", "type"}, {"path", "path"}, {"address", "address"}, {"url", "url"}, {"host", "host"}, {"to", "to"}, {"repository", "repository"},
	},
}

// essential is what is worth reading of a configuration, and how many attributes
// are left out. Of a type that is not known everything is.
func essential(typ string, tree map[string]any) ([]line, int) {
	wanted, known := essentials[typ]
	if _, state := tree["config"]; state || !known {
		return everything(tree), 0
	}
	var lines []line
	shown := 0
	for _, e := range wanted {
		v, found := lookup(tree, e[1])
		if !found {
			continue
		}
		shown += leaves(v)
		switch e[1] {
		case "ports":
			v = ports(v)
		case "when", "by", "distinct":
			if s, ok := v.(string); ok {
				v = bare(s)
			}
		}
		lines = append(lines, line{e[0], e[1], v})
	}
	return lines, leaves(tree) - shown
}

// readable writes the expressions of a rule as they were written, not as texts.
func readable(typ string, tree map[string]any) map[string]any {
	if typ != providers.TypeRule || tree == nil {
		return tree
	}
	tree = maps.Clone(tree)
	for _, name := range []string{"when", "by", "distinct"} {
		if s, ok := tree[name].(string); ok {
			tree[name] = bare(s)
		}
	}
	return tree
}

func everything(tree map[string]any) []line {
	var lines []line
	for _, k := range sortedKeys(tree) {
		lines = append(lines, line{name(k), k, tree[k]})
	}
	return lines
}

func lookup(tree map[string]any, path string) (any, bool) {
	head, rest, deeper := strings.Cut(path, ".")
	v, found := tree[head]
	if !found || !deeper {
		return v, found
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookup(inner, rest)
}

// leaves counts the attributes in a value; an empty list or object is one.
func leaves(v any) int {
	n := 0
	switch t := v.(type) {
	case map[string]any:
		for _, inner := range t {
			n += leaves(inner)
		}
	case []any:
		for _, inner := range t {
			n += leaves(inner)
		}
	}
	return max(n, 1)
}

// ports are "22/tcp" instead of an object each.
func ports(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	all := make([]string, len(list))
	for i, p := range list {
		m, _ := p.(map[string]any)
		number, isNumber := m["number"].(json.Number)
		transport, isText := m["transport"].(string)
		if !isNumber || !isText {
			return v
		}
		all[i] = number.String() + "/" + transport
	}
	return bare(strings.Join(all, ", "))
}
