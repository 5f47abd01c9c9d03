// Package generate writes configuration for live objects: blocks that plan to
// change nothing of what they were made from. It writes what an object is, not
// how somebody would have put it: archetypes and expressions are not guessed. A
// sensitive value stands in no block: the block takes it from a variable, and
// the value goes into a text of its own.
package generate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Options is what the blocks stand among.
type Options struct {
	// Others are instances that have blocks already; a decky's network is looked
	// for among them and among those that are written.
	Others []schema.Instance
	// Ports are what a service listens on where nothing is written; nil: that is
	// not known.
	Ports func(slug string) []schema.Port
	// Variables are names that new ones must not take.
	Variables []string
}

// Text is formatted HCL.
type Text struct {
	Blocks []byte // of a configuration file
	// Values are those of the variables in Blocks, as a file of values holds
	// them: everything sensitive, and nothing else. Empty without any.
	Values []byte
}

// writer writes one Text.
type writer struct {
	Options
	blocks, values *hclwrite.File
	deckies        map[addr.Address]*hclwrite.Body
	networks       map[string]addr.Address // by engine-side name
	variables      []variable
}

type variable struct {
	name, about string
	value       cty.Value
}

// Write writes the blocks for instances: each service stands in the block of its
// decky.
func Write(instances []schema.Instance, o Options) (Text, error) {
	w := &writer{Options: o, blocks: hclwrite.NewEmptyFile(), values: hclwrite.NewEmptyFile(), deckies: map[addr.Address]*hclwrite.Body{}, networks: map[string]addr.Address{}}
	for _, i := range slices.Concat(o.Others, instances) {
		var n schema.Network
		if i.Type == providers.TypeNetwork && json.Unmarshal(i.Config, &n) == nil {
			w.networks[n.Name] = i.Address
		}
	}
	for _, i := range instances {
		if i.Type != providers.TypeService {
			if err := w.top(i); err != nil {
				return Text{}, fmt.Errorf("write a block for %s: %w", i.Address, err)
			}
		}
	}
	for _, i := range instances {
		if i.Type == providers.TypeService {
			if err := w.service(i); err != nil {
				return Text{}, fmt.Errorf("write a block for %s: %w", i.Address, err)
			}
		}
	}
	w.declare()
	return Text{Blocks: hclwrite.Format(w.blocks.Bytes()), Values: hclwrite.Format(w.values.Bytes())}, nil
}

// top writes a block that stands in no other.
func (w *writer) top(i schema.Instance) error {
	steps, err := addr.Parse(string(i.Address))
	if err != nil {
		return err
	}
	file := w.blocks.Body()
	if len(file.Blocks()) > 0 {
		file.AppendNewline()
	}
	last := steps[len(steps)-1]
	if len(steps) > 1 || last.Key.Kind != addr.KeyNone {
		comment(file, "For "+string(i.Address)+": put it into that module, or give the block its count or for_each.")
	}
	body := file.AppendNewBlock(last.Type, []string{last.Name}).Body()
	w.deckies[i.Address] = body
	switch i.Type {
	case providers.TypeNetwork:
		return network(body, i.Config)
	case providers.TypeDecky:
		return w.decky(body, i)
	default:
		return w.everything(body, i.Config, nil, "name")
	}
}

func comment(body *hclwrite.Body, text string) {
	body.AppendUnstructuredTokens(hclwrite.Tokens{{Bytes: []byte("# " + text + "\n")}})
}

// declare writes the variables that the blocks take.
func (w *writer) declare() {
	for _, v := range w.variables {
		w.blocks.Body().AppendNewline()
		body := w.blocks.Body().AppendNewBlock("variable", []string{v.name}).Body()
		body.SetAttributeRaw("type", raw(typeOf(v.value.Type())))
		body.SetAttributeValue("description", cty.StringVal(v.about))
		body.SetAttributeValue("sensitive", cty.True)
		w.values.Body().SetAttributeValue(v.name, v.value)
	}
}

// typeOf is the constraint of a value that was JSON.
func typeOf(t cty.Type) string {
	switch {
	case t.IsObjectType():
		return "map(string)"
	case t.IsTupleType():
		return "list(string)"
	default:
		return t.FriendlyName()
	}
}

// take makes a variable for a sensitive value and returns its name.
func (w *writer) take(about string, parts []string, value cty.Value) string {
	stem := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.Join(parts, "_"))
	if stem[0] >= '0' && stem[0] <= '9' {
		stem = "_" + stem
	}
	name := stem
	taken := func() bool {
		return slices.Contains(w.Variables, name) || slices.ContainsFunc(w.variables, func(v variable) bool { return v.name == name })
	}
	for n := 2; taken(); n++ {
		name = stem + "_" + strconv.Itoa(n)
	}
	w.variables = append(w.variables, variable{name, about, value})
	return name
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

func (w *writer) decky(body *hclwrite.Body, i schema.Instance) error {
	var d schema.Decky
	if err := json.Unmarshal(i.Config, &d); err != nil {
		return err
	}
	address, known := w.networks[d.Network.Name]
	if !known {
		return fmt.Errorf("nothing declares its network %s: import that too, or first", d.Network.Name)
	}
	body.SetAttributeRaw("network", raw(string(address)))
	ip, _, _ := strings.Cut(d.Host.IP, "/")
	texts(body, "archetype", d.Archetype, "os", d.Personality, "distro", d.Host.Distro, "hostname", d.Host.Hostname,
		"domain", d.Host.Domain, "ip", ip, "mac", d.Host.MAC, "runtime", i.Runtime)
	return nil
}

func (w *writer) service(i schema.Instance) error {
	if len(i.Parents) == 0 || w.deckies[i.Parents[0]] == nil {
		return errors.New("a service stands in the block of its decky; import that")
	}
	var s schema.Service
	if err := json.Unmarshal(i.Config, &s); err != nil {
		return err
	}
	steps, err := addr.Parse(string(i.Parents[0]))
	if err != nil {
		return err
	}
	labels := []string{s.Slug}
	if _, label, ok := strings.Cut(s.Name, "."); ok {
		labels = append(labels, label)
	}
	around := w.deckies[i.Parents[0]]
	around.AppendNewline()
	body := around.AppendNewBlock("service", labels).Body()
	var usual []schema.Port
	if w.Ports != nil {
		usual = w.Ports(s.Slug)
	}
	if !slices.Equal(usual, s.Ports) {
		body.SetAttributeValue("ports", ports(s.Ports, usual))
	}
	return w.everything(body, s.Arguments, func(name string, value cty.Value) string {
		if !slices.Contains(i.Sensitive, "arguments."+name) {
			return ""
		}
		parts := slices.Concat([]string{steps[len(steps)-1].Name}, labels, []string{name})
		return w.take(fmt.Sprintf("%s of %s", name, i.Address), parts, value)
	})
}

// ports are numbers where all are TCP, which is usual, else texts that name the
// transport.
func ports(all, usual []schema.Port) cty.Value {
	plain := len(usual) > 0 && usual[0].Transport == "tcp" && !slices.ContainsFunc(all, func(p schema.Port) bool { return p.Transport != "tcp" })
	values := make([]cty.Value, len(all))
	for i, p := range all {
		values[i] = cty.StringVal(fmt.Sprintf("%d/%s", p.Number, p.Transport))
		if plain {
			values[i] = cty.NumberUIntVal(uint64(p.Number))
		}
	}
	return cty.TupleVal(values)
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

// everything writes the fields of a document. secret, where it is given, is the
// variable that stands for a field, "" where the value may stand there.
func (w *writer) everything(body *hclwrite.Body, document json.RawMessage, secret func(name string, value cty.Value) string, except ...string) error {
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
		if secret != nil {
			if variable := secret(name, value); variable != "" {
				body.SetAttributeRaw(name, raw("var."+variable))
				continue
			}
		}
		body.SetAttributeValue(name, value)
	}
	return nil
}

func raw(expression string) hclwrite.Tokens {
	return hclwrite.Tokens{{Bytes: []byte(expression)}}
}
