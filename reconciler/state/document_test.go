package state_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

func snapshot() state.Snapshot {
	a := instance("decky.a")
	a.Labelled, a.PreventDestroy = "decky.old", true
	return state.Snapshot{
		Meta:      state.Meta{Lineage: "l", Serial: 3, Seed: "s", Runtime: "native", Name: "n"},
		Instances: []state.Instance{a}, Released: []state.Released{{Address: "decky.b", Type: "decky", Runtime: "native"}},
		Interrupted: map[addr.Address]string{},
	}
}

func TestADocumentComesBackAsItWas(t *testing.T) {
	want := snapshot()
	want.Instances[0].Parents = nil
	data, err := state.EncodeDocument(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.DecodeDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := state.EncodeDocument(got)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("%s became %s (%v)", data, again, err)
	}
	if diff := cmp.Diff(want.Meta, got.Meta); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentsThatNoPlanCanBeMadeOf(t *testing.T) {
	row := `{"address":"decky.a","type":"decky","config":{},"digest":"d","updated":"2026-01-01T00:00:00Z"`
	for _, c := range []struct{ document, want string }{
		{`{`, "decode state"},
		{`{"format_version":2}`, "format version is 2"},
		{`{"format_version":1,"surprise":1}`, "surprise"},
		{`{"format_version":1} {}`, "invalid"},
		{`{"format_version":1,"serial":-1}`, "serial"},
		{`{"format_version":1,"instances":[` + row + `},` + row + `}]}`, "twice"},
		{`{"format_version":1,"instances":[` + row + `,"parents":["decky.b"]}]}`, "lives in decky.b"},
		{`{"format_version":1,"instances":[` + row + `,"object":[]}]}`, "object of decky.a"},
		{`{"format_version":1,"instances":[` + strings.Replace(row, `{},"digest"`, `1,"digest"`, 1) + `}]}`, "configuration of decky.a"},
		{`{"format_version":1,"instances":[` + strings.Replace(row, "decky.a", "nothing", 1) + `}]}`, "nothing"},
		{`{"format_version":1,"released":[{"address":"x"}]}`, "x"},
	} {
		if _, err := state.DecodeDocument([]byte(c.document)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.document, err, c.want)
		}
	}
}

// FuzzDecodeDocument holds that what is accepted can be written and read again.
func FuzzDecodeDocument(f *testing.F) {
	data, err := state.EncodeDocument(snapshot())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format_version":1,"instances":[{"address":"decky.a","type":"decky","config":{},"digest":"d","object":null,"updated":"2026-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		snap, err := state.DecodeDocument(data)
		if err != nil {
			return
		}
		again, err := state.EncodeDocument(snap)
		if err != nil {
			t.Fatalf("%q was accepted and cannot be written: %v", data, err)
		}
		if _, err := state.DecodeDocument(again); err != nil {
			t.Fatalf("%q was accepted, %q is not: %v", data, again, err)
		}
	})
}
