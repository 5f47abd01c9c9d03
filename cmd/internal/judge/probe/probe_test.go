package probe_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
)

func one(t *testing.T, step string) probe.Step {
	t.Helper()
	file, err := probe.Parse([]byte(`{"about": "x", "probes": [{"name": "a", "steps": [` + step + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return file.Probes[0].Steps[0]
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]string{
		`"GET /\r\n"`:                  "GET /\r\n",
		`"\u00ff\u00fd\u0000"`:         "\xff\xfd\x00",
		`{"hex": "ff fd 18"}`:          "\xff\xfd\x18",
		`{"repeat": "ab", "times": 3}`: "ababab",
		`{"repeat": "ab", "times": 0}`: "",
		`{"u16": 258}`:                 "\x01\x02",
		`{"u32": 16909060}`:            "\x01\x02\x03\x04",
		`["a", {"repeat": [{"hex": "00"}, "b"], "times": 2}, "c"]`: "a\x00b\x00bc",
		`"x ${etag} ${none}"`:               "x \"7\" ${none}",
		`{"repeat": "${etag}", "times": 2}`: `"7""7"`,
	} {
		if got := one(t, `{"send": `+in+`}`).Send.Expand(map[string]string{"etag": `"7"`}); string(got) != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	for in, want := range map[string]string{
		`["SERVICE_REQUEST", "ssh-userauth"]`:                               "\x05\x00\x00\x00\x0cssh-userauth",
		`["200", 1, true, false, {"byte": 7}]`:                              "\xc8\x00\x00\x00\x01\x01\x00\x07",
		`["KEX_30", {"mpint": "80"}]`:                                       "\x1e\x00\x00\x00\x02\x00\x80",
		`["KEX_30", {"string": {"repeat": "x", "times": 2}}, {"raw": "y"}]`: "\x1e\x00\x00\x00\x02xxy",
		`["USERAUTH_FAILURE", ["a", "b"], false]`:                           "\x33\x00\x00\x00\x03a,b\x00",
		`["IGNORE", "${who}"]`:                                              "\x02\x00\x00\x00\x05alice",
	} {
		if got := one(t, `{"ssh": {"packet": `+in+`}}`).SSH.Packet.Expand(map[string]string{"who": "alice"}); string(got) != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	for step, want := range map[string]string{
		`{}`:                                     "0 acts",
		`{"send": "a", "wait": "1s"}`:            "2 acts",
		`{"sent": "a"}`:                          "unknown field",
		`{"send": "\u0100"}`:                     "no byte",
		`{"send": {"hex": "f"}}`:                 "hex",
		`{"send": {"repeat": "a", "times": -1}}`: "times",
		`{"send": {"u16": 65536}}`:               "65536",
		`{"wait": "1 hour"}`:                     "duration",
		`{"wait": "1h"}`:                         "not within",
		`{"read": {"until": "\u0100"}}`:          "until",
		`{"capture": {"name": "x", "pattern": "no group"}}`:                                          "group",
		`{"wait": "1s", "pace": {"bytes": 1}}`:                                                       "pace",
		`{"tls": {"min": "0.9"}}`:                                                                    "TLS version",
		`{"parallel": {"connections": 5000, "steps": []}}`:                                           "parallel",
		`{"parallel": {"connections": 2, "steps": [{"parallel": {"connections": 2, "steps": []}}]}}`: "parallel",
		`{"parallel": {"connections": 2, "outcome": "mood", "steps": []}}`:                           "outcome",
		`{"ssh": {}}`:                           "0 acts of SSH",
		`{"ssh": {"packet": []}}`:               "at least its name",
		`{"ssh": {"packet": ["NOSUCH"]}}`:       "no message",
		`{"ssh": {"packet": ["IGNORE", null]}}`: "field null",
		`{"ssh": {"expect": {"until": ["X"]}}}`: "no message",
	} {
		_, err := probe.Parse([]byte(`{"about": "x", "probes": [{"name": "a", "steps": [` + step + `]}]}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", step, err, want)
		}
	}
	for _, file := range []string{`{"probes": [{"name": "A b", "steps": [{"half_close": true}]}]}`, `{"probes": [{"name": "a", "steps": []}]}`, `{"probes": []} {}`, `[]`} {
		if _, err := probe.Parse([]byte(file)); err == nil {
			t.Errorf("%s is taken", file)
		}
	}
}

func TestLoadRefusesTwoOfOneName(t *testing.T) {
	file := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"about": "x", "probes": [{"name": "` + name + `", "steps": [{"half_close": true}]}]}`)}
	}
	fsys := fstest.MapFS{"data/a.probes.json": file("a"), "data/b.probes.json": file("b"), "twice/a.probes.json": file("a"), "twice/b.probes.json": file("a")}
	all, err := probe.Load(fsys, "data/*.probes.json")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Error(diff)
	}
	for _, pattern := range []string{"twice/*.json", "none/*.json"} {
		if _, err := probe.Load(fsys, pattern); err == nil {
			t.Errorf("%s is loaded", pattern)
		}
	}
}

func TestMasksWithoutAReasonAreRefused(t *testing.T) {
	for _, in := range []string{`[{"name": "x", "pattern": "a"}]`, `[{"name": "x", "why": "y"}]`, `[{"name": "x", "why": "y", "pattern": "a", "field": "A.b"}]`, `[{"name": "x", "why": "y", "pattern": "("}]`} {
		if _, err := probe.ParseMasks([]byte(in)); err == nil {
			t.Errorf("%s is taken", in)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"about": "x", "probes": [{"name": "a", "steps": [{"send": ["a", {"hex": "00"}]}, {"ssh": {"packet": ["IGNORE", {"mpint": "80"}]}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := probe.Parse(data)
		if err != nil {
			return
		}
		for _, p := range file.Probes {
			if len(p.Steps) == 0 {
				t.Error("a probe without steps")
			}
		}
	})
}
