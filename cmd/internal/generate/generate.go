// Package generate writes configuration for live objects: blocks that plan to
// change nothing of what they were made from. It writes what an object is, not
// how somebody would have put it: archetypes and expressions are not guessed.
package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Blocks is the text of the blocks for instances: each service stands in the
// block of its decky. known are the rows of the state, among which a decky's
// network is looked for.
func Blocks(instances []schema.Instance, known []state.Instance) ([]byte, error) {
	file := hclwrite.NewEmptyFile()
	deckies := map[addr.Address]*hclwrite.Body{}
	for _, i := range instances {
		if i.Type == providers.TypeService {
			continue
		}
		steps, err := addr.Parse(string(i.Address))
		if err != nil {
			return nil, fmt.Errorf("write a block for %s: %w", i.Address, err)
		}
		if len(file.Body().Blocks()) > 0 {
			file.Body().AppendNewline()
		}
		last := steps[len(steps)-1]
		if len(steps) > 1 || last.Key.Kind != addr.KeyNone {
			file.Body().AppendUnstructuredTokens(hclwrite.Tokens{{Type: 0, Bytes: []byte("# For " + string(i.Address) + ": put it into that module, or give the block its count or for_each.\n")}})
		}
		body := file.Body().AppendNewBlock(last.Type, []string{last.Name}).Body()
		if err := write(body, i, known); err != nil {
			return nil, fmt.Errorf("write a block for %s: %w", i.Address, err)
		}
		deckies[i.Address] = body
	}
	for _, i := range instances {
		if i.Type != providers.TypeService {
			continue
		}
		if len(i.Parents) == 0 || deckies[i.Parents[0]] == nil {
			return nil, fmt.Errorf("write a block for %s: a service stands in the block of its decky; import that", i.Address)
		}
		if err := service(deckies[i.Parents[0]], i); err != nil {
			return nil, fmt.Errorf("write a block for %s: %w", i.Address, err)
		}
	}
	return hclwrite.Format(file.Bytes()), nil
}

func write(body *hclwrite.Body, i schema.Instance, known []state.Instance) error {
	switch i.Type {
	case providers.TypeNetwork:
		return network(body, i.Config)
	case providers.TypeDecky:
		return decky(body, i, known)
	default:
		return everything(body, i.Config, "name")
	}
}

func network(body *hclwrite.Body, config json.RawMessage) error {
	var n schema.Network
	if err := json.Unmarshal(config, &n); err != nil {
		return err
	}
	texts(body, "driver", n.Driver, "parent", n.Parent, "subnet", n.Subnet, "gateway", n.Gateway, "pool", n.Pool)
	if n.HostIP != "" {
		body.SetAttributeValue("host_access", cty.True)
	}
	return nil
}

func decky(body *hclwrite.Body, i schema.Instance, known []state.Instance) error {
	var d schema.Decky
	if err := json.Unmarshal(i.Config, &d); err != nil {
		return err
	}
	at := slices.IndexFunc(known, func(r state.Instance) bool {
		var n schema.Network
		return r.Type == providers.TypeNetwork && json.Unmarshal(r.Config, &n) == nil && n.Name == d.Network.Name
	})
	if at < 0 {
		return fmt.Errorf("its network %s is not in the state: import that first", d.Network.Name)
	}
	body.SetAttributeRaw("network", raw(string(known[at].Address)))
	ip, _, _ := strings.Cut(d.Host.IP, "/")
	texts(body, "archetype", d.Archetype, "os", d.Personality, "distro", d.Host.Distro, "hostname", d.Host.Hostname, "ip", ip, "mac", d.Host.MAC, "runtime", i.Runtime)
	return nil
}

func service(body *hclwrite.Body, i schema.Instance) error {
	var s schema.Service
	if err := json.Unmarshal(i.Config, &s); err != nil {
		return err
	}
	labels := []string{s.Slug}
	if _, label, ok := strings.Cut(s.Name, "."); ok {
		labels = append(labels, label)
	}
	body.AppendNewline()
	return everything(body.AppendNewBlock("service", labels).Body(), s.Arguments)
}

// texts takes names and values in turn, and leaves out what is empty.
func texts(body *hclwrite.Body, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			body.SetAttributeValue(pairs[i], cty.StringVal(pairs[i+1]))
		}
	}
}

// conditions are written as they were: they are expressions, not text.
var conditions = []string{"when", "by", "distinct"}

func everything(body *hclwrite.Body, document json.RawMessage, except ...string) error {
	if len(bytes.TrimSpace(document)) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(document, &fields); err != nil {
		return err
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		if !slices.Contains(except, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		var text string
		if slices.Contains(conditions, name) && json.Unmarshal(fields[name], &text) == nil {
			body.SetAttributeRaw(name, raw(text))
			continue
		}
		ty, err := ctyjson.ImpliedType(fields[name])
		if err != nil {
			return err
		}
		value, err := ctyjson.Unmarshal(fields[name], ty)
		if err != nil {
			return err
		}
		body.SetAttributeValue(name, value)
	}
	return nil
}

func raw(expression string) hclwrite.Tokens {
	return hclwrite.Tokens{{Bytes: []byte(expression)}}
}
