package providertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/providertest"
)

const defectVariable = "DECNET_TEST_DEFECT"

type config struct {
	Text string `json:"text"`
}

type state struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
	Half bool   `json:"half,omitempty"`
}

type object struct {
	owner  providers.Owner
	config config
	state  state
}

// shelf is the simplest handler that there can be, with one defect.
type shelf struct {
	defect  string
	objects map[int]*object
	next    int
}

func (s *shelf) Diff(want config, have state) []providers.Change {
	var changes []providers.Change
	if s.defect != "blind" && want.Text != have.Text {
		changes = append(changes, providers.Change{Path: "text", Before: have.Text, After: want.Text, Replace: s.defect == "replaces"})
	}
	if s.defect != "half is whole" && have.Half {
		changes = append(changes, providers.Change{Path: "half"})
	}
	return changes
}

func (s *shelf) Read(_ context.Context, have state) (state, error) {
	o := s.objects[have.ID]
	switch {
	case o != nil:
		return o.state, nil
	case s.defect == "read of nothing":
		return have, nil
	default:
		return have, providers.ErrGone
	}
}

func (s *shelf) List(_ context.Context, lineage string) ([]providers.Object[config, state], error) {
	var all []providers.Object[config, state]
	for _, o := range s.objects {
		if o.owner.Lineage != lineage && s.defect != "lineages mix" {
			continue
		}
		found := providers.Object[config, state]{Owner: o.owner, Config: o.config, State: o.state}
		if s.defect == "list forgets" {
			found.Config = config{}
		}
		if s.defect == "list wobbles" {
			s.next++
			found.State.ID = s.next
		}
		if s.defect == "digest lost" {
			found.Owner.Digest = ""
		}
		all = append(all, found)
	}
	return all, nil
}

func (s *shelf) Create(_ context.Context, owner providers.Owner, want config) (state, error) {
	for _, o := range s.objects {
		if o.owner.Lineage == owner.Lineage && o.owner.Address == owner.Address && s.defect != "twins" {
			if s.defect == "no adoption" {
				return state{}, errors.New("it exists")
			}
			if s.defect != "not completed" {
				o.state = state{ID: o.state.ID, Text: want.Text}
			}
			o.owner, o.config = owner, want
			return o.state, nil
		}
	}
	s.next++
	o := &object{owner: owner, config: want, state: state{ID: s.next, Text: want.Text}}
	s.objects[s.next] = o
	return o.state, nil
}

func (s *shelf) Update(ctx context.Context, owner providers.Owner, want config, have state) (state, error) {
	if s.defect == "idle update" {
		return have, nil
	}
	return s.Create(ctx, owner, want)
}

func (s *shelf) Delete(_ context.Context, have state) error {
	if s.objects[have.ID] == nil && s.defect == "delete of nothing" {
		return errors.New("there is none")
	}
	if s.defect != "idle delete" {
		delete(s.objects, have.ID)
	}
	return nil
}

func runContract(t *testing.T, defect string) {
	s := &shelf{defect: defect, objects: map[int]*object{}}
	one := func(f func(o *object)) {
		for _, o := range s.objects {
			f(o)
		}
	}
	providertest.Run(t, providertest.Case{
		Resource: providers.NewResource(providers.Spec{Type: "shelf"}, s),
		Owner:    providers.Owner{Lineage: "word", Address: "shelf.one"},
		Config:   json.RawMessage(`{"text":"a"}`), Changed: json.RawMessage(`{"text":"b"}`),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"edited":  func(testing.TB, json.RawMessage) { one(func(o *object) { o.state.Text = "x" }) },
			"removed": func(testing.TB, json.RawMessage) { clear(s.objects) },
		},
		HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
			"half": func(t testing.TB, owner providers.Owner, _ json.RawMessage) {
				s.next++
				s.objects[s.next] = &object{owner: owner, config: config{Text: "a"}, state: state{ID: s.next, Text: "a", Half: true}}
			},
		},
	})
}

func TestAGoodHandlerPasses(t *testing.T) { runContract(t, "") }

// TestDefect is what TestEveryDefectIsFound runs in a process of its own.
func TestDefect(t *testing.T) {
	if defect := os.Getenv(defectVariable); defect != "" {
		runContract(t, defect)
	}
}

func TestEveryDefectIsFound(t *testing.T) {
	for defect, in := range map[string]string{
		"blind": "update", "replaces": "update", "half is whole": "half_made", "read of nothing": "delete", "lineages mix": "lineages_are_apart",
		"list forgets": "create", "list wobbles": "create", "digest lost": "create", "twins": "create_adopts", "no adoption": "create_adopts",
		"not completed": "half_made", "idle update": "update", "delete of nothing": "delete", "idle delete": "delete",
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestDefect$")
		command.Env = append(os.Environ(), defectVariable+"="+defect)
		output, err := command.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(string(output), fmt.Sprintf("--- FAIL: TestDefect/shelf/%s", in)) {
			t.Errorf("%s was not found in %s (%v):\n%s", defect, in, err, output)
		}
	}
}
