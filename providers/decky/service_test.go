package decky_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky"
)

type config struct {
	Version string            `json:"version" doc:"Product version." default:"1.2"`
	Mode    string            `json:"mode" doc:"How it logs in." default:"a" oneof:"a b"`
	Tries   int               `json:"tries" doc:"Tries per connection." default:"6"`
	Users   map[string]string `json:"users" doc:"Accounts."`
}

func (c *config) Validate() error {
	if c.Tries < 0 {
		return errors.New("tries is negative")
	}
	return nil
}

// Program names a product by the mode and the host.
func (c *config) Program(h decky.Host) string { return c.Mode + h.Distro }

func TestAServiceTellsItsProgram(t *testing.T) {
	s := decky.Define(decky.Info{Slug: "x"}, func(config, decky.Env) (decky.Handler, error) { return nil, nil })
	spec := decky.ServiceSpec{Name: "x.y", Slug: "x", Ports: []decky.Port{{Number: 7, Transport: "tcp"}}, Arguments: json.RawMessage(`{"mode":"b"}`)}
	if diff := cmp.Diff(decky.Listening{Name: "x.y", Slug: "x", Program: "bdebian", Ports: spec.Ports}, s.Listening(spec, decky.Host{Distro: "debian"})); diff != "" {
		t.Error(diff)
	}
	silent := decky.Define(decky.Info{Slug: "y"}, func(struct{}, decky.Env) (decky.Handler, error) { return nil, nil })
	if got := silent.Listening(decky.ServiceSpec{Slug: "y"}, decky.Host{}).Program; got != "y" {
		t.Errorf("a service that does not tell is %q", got)
	}
}

func TestConfigurationTakesDefaultsAndIsChecked(t *testing.T) {
	var got config
	s := decky.Define(decky.Info{Slug: "x"}, func(c config, _ decky.Env) (decky.Handler, error) { got = c; return nil, nil })
	if _, err := s.Open(json.RawMessage(`{"tries":3,"version":null}`), decky.Env{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config{Version: "1.2", Mode: "a", Tries: 3}, got); diff != "" {
		t.Error(diff)
	}
	if err := s.Check(nil); err != nil {
		t.Errorf("defaults are refused: %v", err)
	}
	for raw, want := range map[string]string{`{"mode":"c"}`: "one of a, b", `{"tries":-1}`: "negative", `{"colour":"red"}`: "colour", `{"tries":"many"}`: "tries"} {
		if err := s.Check(json.RawMessage(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%s) = %v, want %q in it", raw, err, want)
		}
	}
	if n := len(s.Arguments()); n != 4 {
		t.Errorf("%d arguments, want 4", n)
	}
}
