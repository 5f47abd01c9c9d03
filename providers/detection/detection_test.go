package detection_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/detection"
	"github.com/decnet/decnet/providers/providertest"
	"github.com/decnet/decnet/schema"
)

const (
	rule    = `{"name":"spray","technique":"T1110.003","when":"true","threshold":8,"within":"10m"}`
	ruleTwo = `{"name":"spray","technique":"T1110.003","when":"true","threshold":9,"within":"10m"}`
	sink    = `{"name":"file","type":"file","path":"/var/log/decnet/events.log"}`
	sinkTwo = `{"name":"file","type":"file","path":"/var/log/decnet/other.log"}`
)

func resources(dir string) map[string]providers.Resource {
	all := map[string]providers.Resource{}
	for _, r := range detection.New(providers.Env{DataDir: dir, Log: slog.New(slog.DiscardHandler)}).Resources() {
		all[r.Spec().Type] = r
	}
	return all
}

func records(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "word", "detection", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	all := resources(dir)
	overwrite := func(data string) func(testing.TB, json.RawMessage) {
		return func(t testing.TB, _ json.RawMessage) {
			for _, path := range records(t, dir) {
				if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	remove := func(t testing.TB, _ json.RawMessage) {
		for _, path := range records(t, dir) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	owner := providers.Owner{Lineage: "word", Address: "rule.spray"}
	providertest.Run(t,
		providertest.Case{
			Resource: all["rule"], Owner: owner, Config: json.RawMessage(rule), Changed: json.RawMessage(ruleTwo),
			Drift: map[string]func(testing.TB, json.RawMessage){
				"edited":  overwrite(`{"owner":{"lineage":"word","address":"rule.spray","digest":"x"},"config":` + ruleTwo + `}`),
				"damaged": overwrite(`{"owner":`),
				"removed": remove,
			},
		},
		providertest.Case{
			Resource: all["sink"], Owner: providers.Owner{Lineage: "word", Address: "sink.file"}, Config: json.RawMessage(sink), Changed: json.RawMessage(sinkTwo),
		},
	)
	if left, err := os.ReadDir(filepath.Join(dir, "word")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v (%v)", left, err)
	}
}

func TestRecordsArePrivate(t *testing.T) {
	dir := t.TempDir()
	_, err := resources(dir)["rule"].Create(context.Background(), providers.Owner{Lineage: "word", Address: "rule.spray"}, json.RawMessage(rule))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range records(t, dir) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v (%v)", path, info.Mode(), err)
		}
	}
}

// TestTypesAndNamesDoNotMix puts a record under another's name.
func TestTypesAndNamesDoNotMix(t *testing.T) {
	dir := t.TempDir()
	all := resources(dir)
	ctx := context.Background()
	if _, err := all["rule"].Create(ctx, providers.Owner{Lineage: "word", Address: "rule.a"}, json.RawMessage(rule)); err != nil {
		t.Fatal(err)
	}
	if found, err := all["sink"].List(ctx, "word"); err != nil || len(found) > 0 {
		t.Errorf("sinks: %v (%v)", found, err)
	}
	path := records(t, dir)[0]
	if err := os.Rename(path, filepath.Join(filepath.Dir(path), "rule-000000.json")); err != nil {
		t.Fatal(err)
	}
	if found, err := all["rule"].List(ctx, "word"); err != nil || len(found) > 0 {
		t.Errorf("a misplaced record is listed: %v (%v)", found, err)
	}
}

func TestNoDirectoryIsNoRecords(t *testing.T) {
	found, err := resources(filepath.Join(t.TempDir(), "missing"))["rule"].List(context.Background(), "word")
	if err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	var unavailable *providers.UnavailableError
	if errors.As(err, &unavailable) {
		t.Error("a missing directory is unavailable")
	}
}

func TestPreflightTellsOfSinksThatCannotBeWrittenTo(t *testing.T) {
	dir := t.TempDir()
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	p := detection.New(providers.Env{DataDir: dir, Log: slog.New(slog.DiscardHandler)}).(providers.Preflighter)
	open, kept := filepath.Join(dir, "open"), filepath.Join(dir, "kept")
	for path, mode := range map[string]os.FileMode{open: 0o644, kept: 0o600} {
		if err := os.WriteFile(path, []byte("secret"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		sink schema.Sink
		warn bool
	}{
		"file":            {schema.Sink{Type: "file", Path: filepath.Join(dir, "events.log")}, false},
		"no directory":    {schema.Sink{Type: "file", Path: filepath.Join(dir, "none", "events.log")}, true},
		"socket":          {schema.Sink{Type: "syslog", Address: "unix://" + filepath.Join(dir, "log")}, false},
		"no socket":       {schema.Sink{Type: "syslog", Address: "unix://" + filepath.Join(dir, "none")}, true},
		"listening":       {schema.Sink{Type: "syslog", Address: "tcp://" + listening.Addr().String()}, false},
		"nobody listens":  {schema.Sink{Type: "syslog", Address: "tcp://" + closed.Addr().String()}, true},
		"udp":             {schema.Sink{Type: "syslog", Address: "udp://127.0.0.1:514"}, false},
		"name not asked":  {schema.Sink{Type: "syslog", Address: "tcp://logs.example.invalid:514"}, false},
		"secret":          {schema.Sink{Type: "webhook", URL: "https://desk.example.invalid/", SecretFile: kept}, false},
		"readable secret": {schema.Sink{Type: "slack", URLFile: open}, true},
		"no secret":       {schema.Sink{Type: "email", PasswordFile: filepath.Join(dir, "none")}, true},
		"no token file":   {schema.Sink{Type: "commit_status", TokenFile: dir}, true},
		"relative secret": {schema.Sink{Type: "webhook", TokenFile: "token"}, false},
		"no such address": {schema.Sink{Type: "syslog", Address: "udp://0.0.0.0:"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.sink.Name = "x"
			config, err := json.Marshal(c.sink)
			if err != nil {
				t.Fatal(err)
			}
			found := p.Preflight(t.Context(), []providers.Planned{{Address: "sink.x", Type: providers.TypeSink, Config: config}})
			if warned := len(found) > 0; warned != c.warn {
				t.Errorf("%+v", found)
			}
			for _, f := range found {
				if f.Severity != providers.SeverityWarning || f.Remedy == "" || f.Address != "sink.x" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestReaddress gives a record another address and another lineage.
func TestReaddress(t *testing.T) {
	dir := t.TempDir()
	r := resources(dir)[providers.TypeRule]
	if spec := r.Spec(); !spec.Readdresses || !spec.Adopts || !spec.Overwrites {
		t.Fatalf("spec: %+v", spec)
	}
	ctx := context.Background()
	have, err := r.Create(ctx, providers.Owner{Lineage: "word", Address: "rule.a", Digest: "d"}, json.RawMessage(rule))
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []providers.Owner{
		{Lineage: "word", Address: "rule.b", Digest: "d"}, {Lineage: "word", Address: "rule.b", Digest: "d"}, {Lineage: "other", Address: "rule.c", Digest: "d"},
	} {
		if have, err = providers.Readdress(ctx, r, owner, have); err != nil {
			t.Fatal(err)
		}
		found, err := r.List(ctx, owner.Lineage)
		if err != nil || len(found) != 1 || found[0].Owner != owner || string(found[0].State) != string(have) {
			t.Errorf("after %+v: %+v (%v)", owner, found, err)
		}
	}
	if left := records(t, dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	gone := json.RawMessage(`{"lineage":"word","address":"rule.gone","config":` + rule + `}`)
	if _, err := providers.Readdress(ctx, r, providers.Owner{Lineage: "word", Address: "rule.new"}, gone); err == nil {
		t.Error("a record that is gone was given an address")
	}
}
