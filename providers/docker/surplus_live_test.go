//go:build live

package docker_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
)

// TestOneTooManyGoesAlone makes a second base and a second service container
// with the labels of the first ones, and deletes those.
func TestOneTooManyGoesAlone(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want)
	b.answers(0)
	kept := filepath.Join(b.env.DataDir, b.lineage, "store", b.host(0).Name+"-ssh", "left")
	b.must(os.WriteFile(kept, []byte("by an attacker"), 0o600))
	var own []string
	for _, o := range want[1:] {
		name := b.host(0).Name
		if o.resource.Spec().Type == providers.TypeService {
			name += "-ssh"
		}
		found, err := b.api.ContainerInspect(t.Context(), name)
		b.must(err)
		own = append(own, found.ID)
		_, err = b.api.ContainerCreate(t.Context(), found.Config, &container.HostConfig{NetworkMode: "none"}, nil, nil, name+"-copy")
		b.must(err)
	}
	for _, o := range want[1:] {
		found, err := o.resource.List(t.Context(), b.lineage)
		b.must(err)
		if len(found) != 2 {
			t.Fatalf("%s: %d objects, want its own and a copy", o.address, len(found))
		}
		for _, f := range found {
			if !slices.ContainsFunc(own, func(id string) bool { return strings.Contains(string(f.State), `"id":"`+id) }) {
				b.must(o.resource.Delete(t.Context(), f.State))
			}
		}
		if found, err = o.resource.List(t.Context(), b.lineage); err != nil || len(found) != 1 {
			t.Fatalf("%s: %d objects are left, %v", o.address, len(found), err)
		}
	}
	b.answers(0)
	if plan := b.plan(want); len(plan) > 0 {
		t.Errorf("the deckies suffered: %v", plan)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("what clients wrote went with the copy: %v", err)
	}
}
