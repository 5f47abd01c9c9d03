package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
)

type config struct {
	Name  string            `json:"name"`
	Ports []int             `json:"ports,omitempty"`
	Tags  map[string]string `json:"tags,omitempty"`
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	got := providers.Compare(config{Name: "a", Ports: []int{1, 2}, Tags: map[string]string{"x": "1"}}, config{Name: "b", Ports: []int{1}}, func(p string) bool { return p == "name" })
	want := []providers.Change{
		{Path: "name", Before: `"a"`, After: `"b"`, Replace: true},
		{Path: "ports[1]", Before: "2"},
		{Path: "tags.x", Before: `"1"`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if same := providers.Compare(config{Name: "a"}, config{Name: "a"}, nil); same != nil {
		t.Errorf("equal values differ: %v", same)
	}
}

type handler struct {
	providers.Handler[config, config]
}

func (handler) Diff(want, have config) []providers.Change {
	return providers.Compare(have, want, nil)
}
func (handler) Create(_ context.Context, _ providers.Owner, want config) (config, error) {
	return want, errors.New("half made")
}

func TestResourceKeepsWhatAFailedCreateMade(t *testing.T) {
	r := providers.NewResource(providers.Spec{Type: "x"}, handler{})
	state, err := r.Create(context.Background(), providers.Owner{}, json.RawMessage(`{"name":"a"}`))
	if err == nil || string(state) != `{"name":"a"}` {
		t.Fatalf("Create = %s, %v; want the half-made state and the error", state, err)
	}
	changes, err := r.Diff(json.RawMessage(`{"name":"b"}`), state)
	if err != nil || len(changes) != 1 || changes[0].Path != "name" {
		t.Fatalf("Diff = %v, %v", changes, err)
	}
	if _, err := r.Diff(json.RawMessage(`[`), state); err == nil {
		t.Fatal("Diff of broken configuration succeeded")
	}
}
