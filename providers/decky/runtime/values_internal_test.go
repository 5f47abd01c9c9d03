package runtime

import (
	"errors"
	"strings"
	"testing"
)

type flusher struct {
	flushed *int
	err     error
	panics  bool
}

func (f flusher) Flush() error {
	*f.flushed++
	if f.panics {
		panic("broken")
	}
	return f.err
}

func TestSharedValuesAreMadeOnceAndFlushedOnce(t *testing.T) {
	var v values
	made, flushed := 0, 0
	get := func() any { return v.get("machine", func() any { made++; return flusher{flushed: &flushed} }) }
	if first := get(); first != get() || made != 1 {
		t.Errorf("made %d times", made)
	}
	v.get("plain", func() any { return 1 })
	v.get("sick", func() any { return flusher{flushed: &flushed, err: errors.New("disk")} })
	v.get("panics", func() any { return flusher{flushed: &flushed, panics: true} })
	err := v.flush()
	if flushed != 3 || err == nil || !strings.Contains(err.Error(), "disk") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%d flushed, %v", flushed, err)
	}
	if err := v.flush(); flushed != 3 || err != nil {
		t.Errorf("flushed again: %d, %v", flushed, err)
	}
}

func TestAMakerThatPanicsLeavesNothing(t *testing.T) {
	var v values
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		v.get("x", func() any { panic("once") })
	}()
	if got := v.get("x", func() any { return 7 }); got != 7 {
		t.Errorf("value = %v", got)
	}
}
