package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/judge/compare"
	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/score"
	"github.com/decnet/decnet/providers/decky"
)

// all is every contest, for a machine that need not exist.
func all() []contest {
	return contests(decky.Host{Packages: map[string]string{"openssh": "OpenSSH_9.2p1 Debian-2", "nginx": "1.22.1", "apache2": "2.4.62", "lighttpd": "1.4.69"}})
}

func TestEveryContestIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, c := range all() {
		if names[c.name] || c.name == "" || c.service == "" || c.reference == nil || c.ours == nil {
			t.Errorf("contest %q is not whole, or there are two", c.name)
		}
		names[c.name] = true
		probes, err := c.load(options{})
		if err != nil || len(probes) == 0 {
			t.Errorf("%s: %d probes, %v", c.name, len(probes), err)
		}
		file, err := data.ReadFile(c.maskFile())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := probe.ParseMasks(file); err != nil {
			t.Errorf("masks of %s: %v", c.service, err)
		}
		if _, err := loadFacts(c.service); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryServiceHasItsProbesAndAControl(t *testing.T) {
	want := map[string]int{"ssh": 150}
	probes, control := map[string]int{}, map[string]bool{}
	for _, c := range all() {
		some, err := c.load(options{})
		if err != nil {
			t.Fatal(err)
		}
		probes[c.service] = max(probes[c.service], len(some))
		control[c.service] = control[c.service] || c.foreign != nil
	}
	for service, n := range want {
		if probes[service] < n || !control[service] {
			t.Errorf("%s: %d probes, want %d; a control: %t", service, probes[service], n, control[service])
		}
	}
}

// verdicts are 1000, of which differ differ.
func verdicts(contest string, differ int) []score.Verdict {
	var out []score.Verdict
	for i := range 1000 {
		v := score.Verdict{Contest: contest, Probe: string(rune('a'+i%26)) + strings.Repeat("x", i/26), Timing: compare.Timing{Same: true}}
		v.Difference.Bytes = i < differ
		out = append(out, v)
	}
	return out
}

func TestWhatFailsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		ours, self, foreign int
		base                score.Baseline
		wrong               []string
		code                int
		says                string
	}{
		"all is well":              {ours: 50, self: 5, foreign: 401},
		"ours is not alike enough": {ours: 51, foreign: 900, code: 1, says: "94.9 % alike"},
		"the real one differs":     {self: 6, foreign: 900, code: 1, says: "agrees with itself"},
		"the library's agrees":     {foreign: 400, code: 1, says: "do not tell servers apart"},
		"one used to agree":        {ours: 1, foreign: 900, base: score.Baseline{"ssh": {"a"}}, code: 1, says: "ssh a used to agree"},
		"another used to agree":    {ours: 1, foreign: 900, base: score.Baseline{"ssh": {"b"}, "nginx": {"a"}}},
		"a fact is wrong":          {foreign: 900, wrong: []string{"IIS: header"}, code: 1, says: "fact IIS: header"},
	} {
		t.Run(name, func(t *testing.T) {
			baseline := filepath.Join(t.TempDir(), "baseline.json")
			if err := score.WriteBaseline(baseline, c.base); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			r := &report{out: &out, options: options{minimum: 95, baseline: baseline}, order: []string{"ssh"}, wrong: c.wrong}
			r.ours = map[string][]score.Verdict{"ssh": verdicts("ssh", c.ours)}
			r.self = map[string][]score.Verdict{"ssh": verdicts("ssh", c.self)}
			r.foreign = map[string][]score.Verdict{"ssh": verdicts("ssh", c.foreign)}
			code, err := r.close()
			if err != nil || code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("code %d, %v, want %d and %q:\n%s", code, err, c.code, c.says, &out)
			}
		})
	}
}

func TestUpdateWritesWhatAgrees(t *testing.T) {
	baseline := filepath.Join(t.TempDir(), "baseline.json")
	r := &report{out: new(bytes.Buffer), options: options{minimum: 95, baseline: baseline, update: true}, order: []string{"ssh"}}
	r.ours = map[string][]score.Verdict{"ssh": {{Contest: "ssh", Probe: "b"}, {Contest: "ssh", Probe: "a"}, {Contest: "ssh", Probe: "c", Difference: compare.Difference{Close: true}}}}
	if _, err := r.close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(baseline)
	if err != nil || strings.Join(strings.Fields(string(got)), "") != `{"ssh":["a","b"]}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-service", "ssh", "-probe", "id/", "-v"})
	if err != nil || o.service != "ssh" || !o.verbose || o.minimum != 95 || !o.probe.MatchString("id/good") {
		t.Errorf("%+v %v", o, err)
	}
	if _, err := parse([]string{"-probe", "("}); err == nil {
		t.Error("a broken expression is taken")
	}
}

func TestNobodyJudgesOutsideALab(t *testing.T) {
	t.Setenv("DECNET_JUDGE_LAB", "1") // says so, but this process is no lab's first
	if _, err := judge(t.Context(), options{service: "ssh"}); err == nil {
		t.Error("it judges")
	}
}
