package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/module"
	"github.com/decnet/decnet/schema/syncfile"
)

func TestSinksOfACommitKeepToTheirFiles(t *testing.T) {
	b := boundsOf(syncfile.Sync{Name: "prod"}, "/data/sync/prod")
	for _, c := range []struct {
		sink schema.Sink
		want string // of the error, else the path that comes out
	}{
		{schema.Sink{SecretFile: "hook"}, "/data/sync/prod/secrets/hook"},
		{schema.Sink{TokenFile: "./a/../token"}, "/data/sync/prod/secrets/token"},
		{schema.Sink{URLFile: "/data/sync/prod/secrets/chat"}, "/data/sync/prod/secrets/chat"},
		{schema.Sink{Path: "events.log"}, "/data/sync/prod/events/events.log"},
		{schema.Sink{PasswordFile: "/etc/decnet/git-token"}, `password_file = "/etc/decnet/git-token" leads out of`},
		{schema.Sink{SecretFile: "../secret"}, "leads out of"},
		{schema.Sink{TokenFile: "/data/sync/prod/secrets/../secret"}, "leads out of"},
		{schema.Sink{URLFile: "/data/sync/prod/secretsnot/x"}, "leads out of"},
		{schema.Sink{CAFile: "/root/.ssh/id_ed25519"}, "leads out of"},
		{schema.Sink{SecretFile: "."}, "leads out of"},
		{schema.Sink{Path: "/etc/cron.d/x"}, `path = "/etc/cron.d/x" leads out of /data/sync/prod/events`},
		{schema.Sink{Path: "../secrets/hook"}, "leads out of"},
		{schema.Sink{Address: "unix:///run/decnet/control.sock"}, "no socket of a syslog receiver"},
		{schema.Sink{Address: "unix:///dev/log"}, ""},
		{schema.Sink{Address: "udp://127.0.0.1:514"}, ""},
	} {
		encoded, err := json.Marshal(c.sink)
		if err != nil {
			t.Fatal(err)
		}
		desired := &schema.Desired{Instances: []schema.Instance{{Address: "decky.a", Type: "decky", Config: json.RawMessage(`{}`)}, {Address: "sink.a", Type: providers.TypeSink, Config: encoded, Source: "main.hcl:3"}}}
		err = b.confine(desired)
		got := string(desired.Instances[1].Config)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || (err != nil) != strings.Contains(c.want, " ") {
			t.Errorf("%+v: %s, want %s", c.sink, got, c.want)
		}
		if err == nil && len(desired.Instances[1].Digest) != 64 {
			t.Errorf("digest %q", desired.Instances[1].Digest)
		}
		if err != nil && !strings.Contains(got, "main.hcl:3") {
			t.Errorf("the error names no place: %v", err)
		}
		// Whatever a state has, no other file is read.
		sinks, told := sinksIn([]state.Instance{{Address: "sink.a", Type: providers.TypeSink, Config: encoded}}, b)
		if (told != nil) != (err != nil) || len(sinks) == 1 != (err == nil) {
			t.Errorf("%+v in a state: %v, %v", c.sink, sinks, told)
		}
	}
	if b := boundsOf(syncfile.Sync{Secrets: "/etc/decnet/secrets"}, "/data"); b.Secrets != "/etc/decnet/secrets" {
		t.Errorf("secrets = %s", b.Secrets)
	}
}

func TestModulesOfACommitComeFromKnownHosts(t *testing.T) {
	for _, c := range []struct {
		repository, source string
		may                bool
	}{
		{"https://git.example.com/a.git", "git::https://git.example.com/m.git", true},
		{"https://git.example.com:8443/a.git", "git::https://git.example.com:8443/m.git", true},
		{"https://git.example.com:8443/a.git", "git::https://git.example.com/m.git", false},
		{"git@Git.example.com:a.git", "git::https://git.example.com/m.git", true},
		{"ssh://git@git.example.com:2222/a.git", "git::https://git.example.com:443/m.git", true},
		{"git://git.example.com/a.git", "git::https://evil.example.net/m.git", false},
		{"git://git.example.com/a.git", "git::https://extra.example.com:8443/m.git", true},
		{"https://git.example.com/a.git", "git::ssh://git@git.example.com/m.git", false},
		{"https://git.example.com/a.git", "git::https://git.example.com.evil.example.net/m.git", false},
		{"https://git.example.com/a.git", "git::https://127.0.0.1:2375/m.git", false},
		{"/srv/a.git", "git::file:///root/secret", false},
		{"/srv/a.git", "git::/root/secret", false},
		{"/srv/a.git", "git::https://git.example.com/m.git", false},
	} {
		b := boundsOf(syncfile.Sync{Repository: c.repository, ModuleHosts: []string{"extra.example.com:8443"}}, "/data")
		s, err := module.Parse(c.source)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Module(s); (err == nil) != c.may {
			t.Errorf("%s from %s: %v", c.source, c.repository, err)
		}
	}
}
