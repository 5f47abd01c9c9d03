package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/decnet/decnet/cmd/internal/judge/client"
	"github.com/decnet/decnet/cmd/internal/judge/lab"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/server"
	"github.com/decnet/decnet/providers/decky"
)

// face is a product that this machine has no real server of: what is known of
// it, each line with its source, is all that ours can be held against.
type face struct {
	Face      string          `json:"face"`
	Slug      string          `json:"slug"`
	Port      uint16          `json:"port"`
	Arguments json.RawMessage `json:"arguments"`
	// Distro is the persona's where it decides on the face.
	Distro string `json:"distro"`
	Facts  []fact `json:"facts"`
}

type fact struct {
	probe.Probe
	// Want is a regular expression over what is heard: an entry a line, the end
	// on the last.
	Want   string `json:"want"`
	Source string `json:"source"`
}

// loadFacts reads data/SERVICE/facts.json; a service may have none.
func loadFacts(service string) ([]face, error) {
	file, err := data.ReadFile("data/" + service + "/facts.json")
	if err != nil {
		return nil, nil // embedded: it is not there
	}
	var faces []face
	if err := json.Unmarshal(file, &faces); err != nil {
		return nil, fmt.Errorf("facts of %s: %w", service, err)
	}
	for _, f := range faces {
		for _, known := range f.Facts {
			if known.Source == "" {
				return nil, fmt.Errorf("fact %s of %s has no source", known.Name, f.Face)
			}
			if _, err := regexp.Compile(known.Want); err != nil {
				return nil, fmt.Errorf("fact %s of %s: %w", known.Name, f.Face, err)
			}
		}
	}
	return faces, nil
}

// found is a fact and whether ours agrees with it.
type found struct {
	face, name, source string
	agrees             bool
	heard              string
}

// facts asks ours for every fact of a service.
func facts(ctx context.Context, l *lab.Lab, o options, host decky.Host, service string) ([]found, error) {
	faces, err := loadFacts(service)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, f := range faces {
		ip, err := l.Address(ctx)
		if err != nil {
			return nil, err
		}
		arguments, host := string(f.Arguments), host
		if f.Distro != "" {
			host.Distro = f.Distro
		}
		ours, err := server.Decky{Binary: o.decky, Host: host, Slug: f.Slug, Port: f.Port, Arguments: arguments}.Start(ctx, l, ip)
		if err != nil {
			return nil, fmt.Errorf("face %s: %w", f.Face, err)
		}
		c := &client.Client{Address: ours.Address, Values: map[string]string{"account": lab.Account, "password": l.Password, "host": ip.String()}}
		for _, known := range f.Facts {
			log := c.Play(ctx, known.Probe)
			var heard strings.Builder
			for _, e := range log.Heard() {
				heard.Write(e.Data)
				heard.WriteByte('\n')
			}
			heard.WriteString(string(log.End))
			agrees := regexp.MustCompile(known.Want).MatchString(heard.String())
			all = append(all, found{f.Face, known.Name, known.Source, agrees, heard.String()})
		}
		ours.Stop()
	}
	return all, nil
}
