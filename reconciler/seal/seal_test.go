package seal_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/decnet/decnet/reconciler/seal"
)

func TestHideAndReveal(t *testing.T) {
	for _, c := range []struct{ document, paths, want string }{
		{`{"a":1,"b":{"c":"secret"}}`, "b.c", `{"a":1,"b":{"c":#}}`},
		{`{"config":{"arguments":{"users":{"root":"toor"},"port":22}}}`, "arguments.users", `{"config":{"arguments":{"users":#,"port":22}}}`},
		{` { "list" : [ {"pw":"x"}, {"pw":"y"} ] , "pw" : true }`, "list[1].pw", ` { "list" : [ {"pw":"x"}, {"pw":#} ] , "pw" : true }`},
		{`{"pw":"a\"},{","other":"pw"}`, "pw", `{"pw":#,"other":"pw"}`},
		{`{"p\u0077":null}`, "pw", `{"p\u0077":#}`},
		{`{"password":"x"}`, "pw,word", `{"password":"x"}`},
		{`{"a":[1,2,{"b":[]}]}`, "a", `{"a":#}`},
		{`not JSON`, "a", `not JSON`},
		{`{}`, "", `{}`},
	} {
		values := []json.RawMessage{}
		got := seal.Hide(json.RawMessage(c.document), strings.FieldsFunc(c.paths, func(r rune) bool { return r == ',' }), func(_ string, v json.RawMessage) json.RawMessage {
			values = append(values, v)
			return seal.Mark("d")
		})
		want := strings.ReplaceAll(c.want, "#", `{"$sensitive":"d"}`)
		if string(got) != want {
			t.Errorf("Hide(%s, %s) = %s, want %s", c.document, c.paths, got, want)
		}
		i := 0
		back, complete := seal.Reveal(got, func(string) (json.RawMessage, bool) { i++; return values[i-1], true })
		if string(back) != c.document || !complete {
			t.Errorf("Reveal(%s) = %s", got, back)
		}
		if len(values) > 0 {
			if _, complete := seal.Reveal(got, func(string) (json.RawMessage, bool) { return nil, false }); complete {
				t.Errorf("%s is complete without its values", got)
			}
		}
	}
}

func TestShow(t *testing.T) {
	got := seal.Show(json.RawMessage(`{"a":{"$sensitive":"d"},"b":{"c":1},"d":2}`), []string{"b.c"})
	if want := `{"a":"(sensitive)","b":{"c":"(sensitive)"},"d":2}`; string(got) != want {
		t.Errorf("Show = %s, want %s", got, want)
	}
	// A string that looks like a mark is none.
	text := json.RawMessage(`{"a":"{\"$sensitive\":\"d\"}"}`)
	if got := seal.Show(text, nil); !bytes.Equal(got, text) {
		t.Errorf("Show = %s", got)
	}
}

// FuzzHide holds that what is hidden is gone, that the rest is as it was, and
// that everything can be put back.
func FuzzHide(f *testing.F) {
	f.Add([]byte(`{"a":[{"pw":"x"},1.5e3],"pw":{"pw":[]},"b":"\"\\pw"}`), "pw")
	f.Add([]byte(`[[],{},"",null,-1]`), "a.b")
	f.Fuzz(func(t *testing.T, document []byte, path string) {
		var values []json.RawMessage
		hidden := seal.Hide(document, []string{path}, func(_ string, v json.RawMessage) json.RawMessage {
			values = append(values, v)
			return seal.Mark("d")
		})
		if !json.Valid(document) || path == "" {
			return
		}
		if !json.Valid(hidden) {
			t.Fatalf("%q became %q", document, hidden)
		}
		if bytes.Contains(document, []byte(`"$sensitive"`)) {
			return
		}
		i := 0
		back, _ := seal.Reveal(hidden, func(string) (json.RawMessage, bool) { i++; return values[i-1], true })
		if !bytes.Equal(back, document) || i != len(values) {
			t.Fatalf("%q came back as %q", document, back)
		}
	})
}
