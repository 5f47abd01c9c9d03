package view

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// attribute is one line of a headline.
type attribute struct{ name, value string }

// headline is what is worth reading of something new; the rest stands in the
// JSON document. A type that is not known here shows everything.
func headline(typ string, config json.RawMessage, s Style) []attribute {
	var h headlines
	switch typ {
	case providers.TypeNetwork:
		var c schema.Network
		if json.Unmarshal(config, &c) == nil {
			h.add("driver", c.Driver, "parent", c.Parent, "subnet", c.Subnet, "gateway", c.Gateway, "pool", c.Pool, "host_ip", c.HostIP)
		}
	case providers.TypeDecky:
		// Only what is shown is decoded: a plan may have thousands.
		var c struct {
			Host struct {
				Hostname string `json:"hostname"`
				IP       string `json:"ip"`
				MAC      string `json:"mac"`
				Title    string `json:"title"`
			} `json:"host"`
			Personality string `json:"personality"`
			Archetype   string `json:"archetype"`
		}
		if json.Unmarshal(config, &c) == nil {
			h.add("hostname", c.Host.Hostname, "ip", c.Host.IP, "mac", c.Host.MAC, "distro", c.Host.Title, "personality", c.Personality, "archetype", c.Archetype)
		}
	case providers.TypeService:
		var c struct {
			Slug      string          `json:"slug"`
			Ports     []schema.Port   `json:"ports"`
			Arguments json.RawMessage `json:"arguments"`
		}
		if json.Unmarshal(config, &c) == nil {
			h.ports(c.Ports)
			h.all("arguments", c.Arguments)
			for i, a := range h {
				if s.hides(c.Slug, a.name) {
					h[i].value = hidden
				}
			}
		}
	case providers.TypeRule:
		var c schema.Rule
		if json.Unmarshal(config, &c) == nil {
			h.add("technique", c.Technique)
			h.expressions("when", c.When, "by", c.By, "distinct", c.Distinct)
			if c.Threshold > 1 {
				h = append(h, attribute{"threshold", strconv.Itoa(c.Threshold)})
			}
			h.add("within", c.Within)
		}
	case providers.TypeSink:
		var c schema.Sink
		if json.Unmarshal(config, &c) == nil {
			h.add("type", c.Type, "path", c.Path, "address", c.Address, "url", c.URL, "host", c.Host, "to", strings.Join(c.To, ", "), "repository", c.Repository)
		}
	default:
		h.all("", config)
	}
	return h
}

// headlines collects attributes.
type headlines []attribute

// add takes names and texts in turn and leaves out what is empty.
func (h *headlines) add(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			*h = append(*h, attribute{pairs[i], Clean(strconv.Quote(pairs[i+1]))})
		}
	}
}

// expressions are shown as they are written.
func (h *headlines) expressions(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			*h = append(*h, attribute{pairs[i], Clean(pairs[i+1])})
		}
	}
}

func (h *headlines) ports(ports []schema.Port) {
	if len(ports) == 0 {
		return
	}
	all := make([]string, len(ports))
	for i, p := range ports {
		all[i] = strconv.Itoa(int(p.Number)) + "/" + p.Transport
	}
	*h = append(*h, attribute{"ports", strings.Join(all, ", ")})
}

// all shows everything in a document.
func (h *headlines) all(prefix string, document json.RawMessage) {
	if len(document) == 0 {
		return
	}
	for _, c := range providers.Compare(nil, document, nil) {
		path := strings.TrimPrefix(prefix+"."+c.Path, ".")
		*h = append(*h, attribute{path, Clean(c.After)})
	}
}
