package providers_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
)

type leaf struct {
	name  string
	specs []providers.Spec
	err   error
}

func (l leaf) Name() string { return l.name }
func (l leaf) Close() error { return l.err }
func (l leaf) Resources() []providers.Resource {
	var all []providers.Resource
	for _, s := range l.specs {
		all = append(all, providers.NewResource(s, handler{}))
	}
	return all
}

func TestRegistryFindsHandlersByKind(t *testing.T) {
	docker := leaf{name: "docker", specs: []providers.Spec{{Type: "service", Runtime: "docker"}, {Type: "decky", Runtime: "docker"}}}
	rules := leaf{name: "detection", specs: []providers.Spec{{Type: "rule"}}}
	r, err := providers.NewRegistry(docker, rules)
	if err != nil {
		t.Fatal(err)
	}
	want := []providers.Kind{{Type: "decky", Runtime: "docker"}, {Type: "rule"}, {Type: "service", Runtime: "docker"}}
	if diff := cmp.Diff(want, r.Kinds()); diff != "" {
		t.Error(diff)
	}
	for _, kind := range want {
		resource, ok := r.Resource(kind)
		if !ok || resource.Spec().Kind() != kind {
			t.Errorf("%s: %v", kind, resource)
		}
	}
	if p := r.Provider(providers.Kind{Type: "rule"}); p == nil || p.Name() != "detection" {
		t.Errorf("provider of rule: %v", p)
	}
	if _, ok := r.Resource(providers.Kind{Type: "decky", Runtime: "native"}); ok || r.Provider(providers.Kind{Type: "decky"}) != nil {
		t.Error("a kind without a handler has one")
	}
	if _, err := r.Diff(providers.Kind{Type: "decky", Runtime: "native"}, nil, nil); err == nil {
		t.Error("diff of a kind without a handler succeeded")
	}
}

func TestRegistryRefusesTwoHandlersOfOneKind(t *testing.T) {
	one := leaf{name: "one", specs: []providers.Spec{{Type: "decky", Runtime: "docker"}}}
	two := leaf{name: "two", specs: one.specs}
	_, err := providers.NewRegistry(one, two)
	if err == nil || !strings.Contains(err.Error(), "one") || !strings.Contains(err.Error(), "two") || !strings.Contains(err.Error(), "docker decky") {
		t.Errorf("error: %v", err)
	}
}

func TestRegistryClosesAllAndReportsAll(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	r, err := providers.NewRegistry(leaf{name: "a", err: first}, leaf{name: "b", err: second})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); !errors.Is(err, first) || !errors.Is(err, second) {
		t.Errorf("close: %v", err)
	}
}
