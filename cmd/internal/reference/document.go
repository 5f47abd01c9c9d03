// Package reference is the language as a document for editors and as pages for
// people. It is made from what decnet itself reads: the grammar of blocks, the
// structs of services, the table of events, the catalogue and the commands. It
// adds no text of its own about any of them, so that a page cannot say what the
// program does not do.
package reference

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/function"
	"github.com/decnet/decnet/schema/rule"
	"github.com/decnet/decnet/schema/syncfile"
	"github.com/decnet/decnet/schema/testfile"
)

// FormatVersion is the version of Document's JSON: the first number changes
// where a reader of the old one would be misled.
const FormatVersion = "1.0"

// Document is everything that can be written in a configuration.
type Document struct {
	FormatVersion string             `json:"format_version"`
	Version       string             `json:"decnet_version"`
	Blocks        []schema.BlockInfo `json:"blocks"`
	TestBlocks    []schema.BlockInfo `json:"test_blocks"` // of *.test.hcl files
	SyncBlocks    []schema.BlockInfo `json:"sync_blocks"` // of the daemon's own file
	Services      []Service          `json:"services"`
	Functions     []function.Info    `json:"functions"`
	Events        []Field            `json:"event_fields"`
	EventKinds    []event.Kind       `json:"event_kinds"`
	Archetypes    []Item             `json:"archetypes"`
	Distros       []Item             `json:"distros"`
}

// Service is a service that deckies can have.
type Service struct {
	Slug      string            `json:"slug"`
	Doc       string            `json:"doc"`
	Ports     []schema.Port     `json:"ports"`
	Arguments []schema.Argument `json:"arguments"`
}

// Field is a field of event in a rule.
type Field struct {
	Name  string       `json:"name"`
	Type  string       `json:"type"`
	Doc   string       `json:"doc"`
	Kinds []event.Kind `json:"kinds"` // that have it
}

// Item is an item of the catalogue.
type Item struct {
	Slug string `json:"slug"`
	Doc  string `json:"doc"`
	// Values are its arguments that are plain.
	Values map[string][]string `json:"values,omitempty"`
	// Services are the slugs of its service blocks and of its list.
	Services []string `json:"services,omitempty"`
}

// New describes the language as this version of the program reads it.
func New(version string, services map[string]schema.ServiceType, catalogue fs.FS) (*Document, error) {
	d := &Document{FormatVersion: FormatVersion, Version: version, Blocks: schema.Blocks(), TestBlocks: testfile.Blocks(), SyncBlocks: syncfile.Blocks(), Functions: function.Describe()}
	for _, slug := range slices.Sorted(maps.Keys(services)) {
		t := services[slug]
		arguments := slices.SortedFunc(slices.Values(t.Arguments), func(a, b schema.Argument) int { return strings.Compare(a.Name, b.Name) })
		d.Services = append(d.Services, Service{Slug: slug, Doc: t.Summary, Ports: t.Ports, Arguments: arguments})
	}
	for _, f := range rule.Fields() {
		d.Events = append(d.Events, Field{Name: f.Name, Type: f.Type, Doc: f.Doc, Kinds: f.Kinds})
		for _, k := range f.Kinds {
			if !slices.Contains(d.EventKinds, k) {
				d.EventKinds = append(d.EventKinds, k)
			}
		}
	}
	slices.Sort(d.EventKinds)
	var err error
	if d.Archetypes, err = items(catalogue, "archetypes", "archetype"); err != nil {
		return nil, err
	}
	d.Distros, err = items(catalogue, "distros", "distro")
	return d, err
}

// items reads the blocks of one kind from a folder of the catalogue.
func items(catalogue fs.FS, folder, kind string) ([]Item, error) {
	names, err := fs.Glob(catalogue, folder+"/*.hcl")
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, name := range names {
		source, err := fs.ReadFile(catalogue, name)
		if err != nil {
			return nil, fmt.Errorf("read the catalogue: %w", err)
		}
		file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
		if diags.HasErrors() {
			return nil, fmt.Errorf("read the catalogue: %w", diags)
		}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			if block.Type == kind && len(block.Labels) > 0 {
				out = append(out, item(block))
			}
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return strings.Compare(a.Slug, b.Slug) })
	return out, nil
}

func item(block *hclsyntax.Block) Item {
	i := Item{Slug: block.Labels[0], Values: map[string][]string{}}
	for name, attribute := range block.Body.Attributes {
		value, diags := attribute.Expr.Value(nil)
		if diags.HasErrors() {
			continue
		}
		texts := plain(value)
		switch {
		case len(texts) == 0:
		case name == "title" || name == "description":
			i.Doc = texts[0]
		case name == "services":
			i.Services = append(i.Services, texts...)
		default:
			i.Values[name] = texts
		}
	}
	for _, inner := range block.Body.Blocks {
		if inner.Type == "service" && len(inner.Labels) > 0 {
			i.Services = append(i.Services, strings.Join(inner.Labels, "."))
		}
	}
	slices.Sort(i.Services)
	i.Services = slices.Compact(i.Services)
	return i
}

// plain are the texts of a text or of a list of texts.
func plain(value cty.Value) []string {
	switch {
	case value.IsNull() || !value.IsWhollyKnown():
		return nil
	case value.Type() == cty.String:
		return []string{value.AsString()}
	case value.Type().IsTupleType() || value.Type().IsListType():
		var out []string
		for _, v := range value.AsValueSlice() {
			out = append(out, plain(v)...)
		}
		return out
	}
	return nil
}
