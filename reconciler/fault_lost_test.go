package reconciler_test

import (
	"errors"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema"
)

// TestALostStateIsNoticedDespiteAFault lets each look at the objects fail, one by
// one, where the state is gone and its objects are not. Not knowing is no reason
// to make everything once more.
func TestALostStateIsNoticedDespiteAFault(t *testing.T) {
	o := ordeal{desired: with(native(), func(d *schema.Desired) { d.Instances = d.Instances[len(d.Instances)-1:] })} // what no reserved IP protects
	b := newBench(t, t.TempDir(), fake.Options{}, serial)
	b.apply(o.desired(), reconciler.PlanOptions{})
	b.lose()
	before := b.world.Objects()
	clean, _, _, err := o.attempt(b, faultAt{})
	var refused *reconciler.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("without a fault: %v", err)
	}
	for i := range clean.calls {
		v, _, _, err := o.attempt(b, faultAt{i + 1, fake.Before, fake.ErrInjected})
		if v.hit == nil || !errors.As(err, &refused) && !errors.Is(err, fake.ErrInjected) {
			t.Errorf("call %d, %+v: the error is %v", i+1, v.hit, err)
		}
		if diff := gocmp.Diff(before, b.world.Objects()); diff != "" {
			t.Fatalf("call %d, %+v: something was done: %s", i+1, v.hit, diff)
		}
	}
	if len(clean.calls) == 0 {
		t.Error("nothing was looked at")
	}
}
