package lint

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Score says how well a fleet would be believed.
//
// Fleet is 100 x the product, over every rule that found something, of
// 1 - w x (1 + share) / 2, where w is 0.25 for an error, 0.10 for a warning and
// 0.03 for a note, and share is the part of all deckies that the rule is
// about (1 where it is about networks or the fleet). A decky's own score is
// 100 x the product of 1 - w over the rules that are about it. Both are rounded
// to whole numbers. Comments that suppress a finding do not change it:
// attackers do not read them.
type Score struct {
	Fleet int `json:"fleet"` // 0 to 100; 100 for no decky at all
	// Deckies has the score of every decky that a rule is about; all others
	// have 100.
	Deckies map[addr.Address]int `json:"deckies,omitempty"`
	// Rules are those that found something, sorted.
	Rules []string `json:"rules,omitempty"`

	rules map[addr.Address][]string // by decky, sorted
}

// Of is the score of one decky.
func (s *Score) Of(decky addr.Address) int {
	if n, known := s.Deckies[decky]; known {
		return n
	}
	return 100
}

// Measure scores what a configuration or a state holds.
func Measure(instances []schema.Instance) (Score, error) {
	fleet, err := NewFleet(instances)
	if err != nil {
		return Score{}, err
	}
	var all []Finding
	for _, rule := range Rules() {
		if rule.Check != nil {
			all = append(all, named(rule, rule.Check(fleet))...)
		}
	}
	return score(fleet, all), nil
}

func (s Severity) weight() float64 { return [...]float64{0.03, 0.10, 0.25}[s] }

// score folds findings, which come grouped by rule.
func score(fleet *Fleet, findings []Finding) Score {
	s := Score{Fleet: 100, Deckies: map[addr.Address]int{}, rules: map[addr.Address][]string{}}
	if len(fleet.Deckies) == 0 {
		return s
	}
	product := 1.0
	own := map[*Decky]float64{}
	for len(findings) > 0 {
		rule, weight := findings[0].Rule, findings[0].Severity.weight()
		touched, everything := map[*Decky]bool{}, false
		for len(findings) > 0 && findings[0].Rule == rule {
			everything = everything || len(findings[0].Subjects) == 0
			for _, subject := range findings[0].Subjects {
				if subject.decky == nil {
					everything = true
					continue
				}
				touched[subject.decky] = true
			}
			findings = findings[1:]
		}
		share := float64(len(touched)) / float64(len(fleet.Deckies))
		if everything {
			share = 1
		}
		product *= 1 - weight*(1+share)/2
		s.Rules = append(s.Rules, rule)
		for decky := range touched {
			if _, known := own[decky]; !known {
				own[decky] = 1
			}
			own[decky] *= 1 - weight
			s.rules[decky.Address] = append(s.rules[decky.Address], rule)
		}
	}
	s.Fleet = int(math.Round(100 * product))
	for decky, part := range own {
		s.Deckies[decky.Address] = int(math.Round(100 * part))
	}
	slices.Sort(s.Rules)
	return s
}

// Comparison is what a plan does to a fleet's believability.
type Comparison struct {
	// Before is the score of what was applied last, nil before the first apply.
	Before *int `json:"before,omitempty"`
	After  int  `json:"after"`
	// Rules are those that find something afterwards and did not before.
	Rules []string `json:"new_rules,omitempty"`
	// Changes are the deckies whose own score differs, sorted by address.
	Changes []DeckyChange `json:"deckies,omitempty"`
}

// DeckyChange is what a plan does to one decky's score.
type DeckyChange struct {
	Address addr.Address `json:"address"`
	Before  *int         `json:"before,omitempty"` // nil: the decky is new
	After   int          `json:"after"`
	Rules   []string     `json:"rules,omitempty"` // what is found of it afterwards
}

// Worse tells whether the decky is believed less than before, or is new and
// gives itself away.
func (c DeckyChange) Worse() bool {
	if c.Before == nil {
		return c.After < 100
	}
	return c.After < *c.Before
}

// same tells whether two fleets hold the same configuration: a plan without
// changes need not be judged twice.
func same(before, after []schema.Instance) bool {
	if len(before) != len(after) {
		return false
	}
	configs := make(map[addr.Address]json.RawMessage, len(before))
	for i := range before {
		configs[before[i].Address] = before[i].Config
	}
	for i := range after {
		if !bytes.Equal(configs[after[i].Address], after[i].Config) {
			return false
		}
	}
	return true
}

// Compare scores what was applied and what is wanted.
func Compare(before, after []schema.Instance) (*Comparison, error) {
	is, err := Measure(after)
	if err != nil {
		return nil, err
	}
	c := &Comparison{After: is.Fleet, Rules: is.Rules}
	was := is
	existed := map[addr.Address]bool{}
	if len(before) > 0 {
		if !same(before, after) {
			if was, err = Measure(before); err != nil {
				return nil, err
			}
		}
		c.Before = &was.Fleet
		c.Rules = slices.DeleteFunc(slices.Clone(is.Rules), func(id string) bool { return slices.Contains(was.Rules, id) })
		for _, i := range before {
			existed[i.Address] = true
		}
	}
	for _, i := range after {
		if i.Type != "decky" {
			continue
		}
		change := DeckyChange{Address: i.Address, After: is.Of(i.Address), Rules: is.rules[i.Address]}
		if existed[i.Address] {
			n := was.Of(i.Address)
			change.Before = &n
		}
		if change.Before != nil && *change.Before == change.After || change.Before == nil && change.After == 100 {
			continue
		}
		c.Changes = append(c.Changes, change)
	}
	slices.SortFunc(c.Changes, func(a, b DeckyChange) int { return addr.Compare(a.Address, b.Address) })
	return c, nil
}
