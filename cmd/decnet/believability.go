package main

import (
	"context"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/lint"
)

// believability puts into a plan what it does to the fleet's score. A plan that
// takes everything away has none.
func believability(ctx context.Context, s *session, desired *schema.Desired, p *plan.Plan) error {
	if p.Destroy {
		return nil
	}
	held, err := s.store.Instances(ctx)
	if err != nil {
		return err
	}
	before := make([]schema.Instance, 0, len(held))
	for _, i := range held {
		if i.Object != nil { // else nothing of it was ever made
			before = append(before, schema.Instance{Address: i.Address, Type: i.Type, Config: i.Config, Parents: i.Parents})
		}
	}
	p.Believability, err = lint.Compare(before, desired.Instances)
	return err
}
