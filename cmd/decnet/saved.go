package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
)

// savePlan writes the plan for a later apply: without sensitive values, and with
// the values of variables that were given for it alone.
func (a *app) savePlan(p *plan.Plan, s *session, path string) error {
	sealed, err := p.Seal(s.store.SealDigest)
	if err != nil {
		return err
	}
	saved := *sealed
	for _, f := range a.given.files {
		saved.VarFiles = append(saved.VarFiles, f.text)
	}
	return saved.Save(path)
}

// publicVariables are the values of variables that were given for a plan alone,
// without sensitive ones.
func (a *app) publicVariables(configuration *schema.Configuration) (map[string]string, error) {
	given, err := a.variables()
	if err != nil {
		return nil, err
	}
	var public map[string]string
	for _, v := range slices.Concat(environment(), given) {
		if configuration.SensitiveVariable(v.Name) {
			continue
		}
		if public == nil {
			public = map[string]string{}
		}
		public[v.Name] = v.Raw
	}
	return public, nil
}

// recall takes the values that a saved plan was made with, unless others are
// given now; sensitive ones must be given again.
func (a *app) recall(p *plan.Plan) {
	given := map[string]bool{}
	for _, v := range a.given.vars {
		name, _, _ := strings.Cut(v.text, "=")
		given[strings.TrimSpace(name)] = true
	}
	add := func(into *[]placed, text string) {
		a.given.next++
		*into = append(*into, placed{text: text, place: a.given.next})
	}
	if len(a.given.files) == 0 {
		for _, f := range p.VarFiles {
			add(&a.given.files, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Variables)) {
		if !given[name] {
			add(&a.given.vars, name+"="+p.Variables[name])
		}
	}
}
