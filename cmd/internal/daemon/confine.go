package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/module"
	"github.com/decnet/decnet/schema/syncfile"
)

// Bounds are what the files of a commit may reach of this machine and of others.
// The zero Bounds are none: of a configuration whose files are the operator's.
type Bounds struct {
	// Secrets is where every file stands that a sink names, Events where every
	// file stands that a sink writes.
	Secrets, Events string
	// ModuleHosts are the hosts that modules come from, by https.
	ModuleHosts []string
}

// boundsOf are the bounds of a sync whose memory stands in dir.
func boundsOf(s syncfile.Sync, dir string) *Bounds {
	b := &Bounds{Secrets: s.Secrets, Events: filepath.Join(dir, "events"), ModuleHosts: slices.Clone(s.ModuleHosts)}
	if b.Secrets == "" {
		b.Secrets = filepath.Join(dir, "secrets")
	}
	if u, err := url.Parse(s.Repository); err == nil && u.Scheme == "https" {
		b.ModuleHosts = append(b.ModuleHosts, strings.ToLower(u.Host))
	} else if host := hostOf(s.Repository); host != "" {
		b.ModuleHosts = append(b.ModuleHosts, host)
	}
	return b
}

// hostOf is the host of a repository that is not reached by https, without its
// port, which is that of another protocol.
func hostOf(repository string) string {
	if filepath.IsAbs(repository) {
		return ""
	}
	if !strings.Contains(repository, "://") { // host:path, as ssh takes it
		host, _, _ := strings.Cut(repository, ":")
		return strings.ToLower(host[strings.LastIndex(host, "@")+1:])
	}
	u, err := url.Parse(repository)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Module says why a commit may not have a module fetched; nil where it may.
func (b *Bounds) Module(s module.Source) error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "https" {
		return fmt.Errorf("%s: a repository that is followed takes modules by https alone, or from its own files", s.Package())
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	if !slices.ContainsFunc(b.ModuleHosts, func(allowed string) bool { return strings.TrimSuffix(allowed, ":443") == host }) {
		return fmt.Errorf("%s: modules may not come from %s; name it in module_hosts of the sync, if they should", s.Package(), host)
	}
	return nil
}

// sockets are where a syslog receiver of this machine listens.
var sockets = []string{"/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/syslog"}

// confine holds the sinks of a commit to their files, whose paths it makes
// absolute: whoever reads the state needs to know no more.
func (b *Bounds) confine(desired *schema.Desired) error {
	for i := range desired.Instances {
		instance := &desired.Instances[i]
		if instance.Type != providers.TypeSink {
			continue
		}
		var s schema.Sink
		if err := json.Unmarshal(instance.Config, &s); err != nil {
			return fmt.Errorf("read configuration of %s: %w", instance.Address, err)
		}
		if err := b.sink(&s); err != nil {
			return fmt.Errorf("%s: %s: %w", instance.Source, instance.Address, err)
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("write configuration of %s: %w", instance.Address, err)
		}
		sum := sha256.Sum256(encoded)
		instance.Config, instance.Digest = encoded, hex.EncodeToString(sum[:])
	}
	return nil
}

func (b *Bounds) sink(s *schema.Sink) error {
	for _, file := range []struct {
		argument, dir string
		path          *string
	}{
		{"secret_file", b.Secrets, &s.SecretFile},
		{"token_file", b.Secrets, &s.TokenFile},
		{"url_file", b.Secrets, &s.URLFile},
		{"password_file", b.Secrets, &s.PasswordFile},
		{"ca_file", b.Secrets, &s.CAFile},
		{"path", b.Events, &s.Path},
	} {
		if *file.path == "" {
			continue
		}
		full := *file.path
		if !filepath.IsAbs(full) {
			full = filepath.Join(file.dir, full)
		}
		within, err := filepath.Rel(file.dir, filepath.Clean(full))
		if err != nil || within == "." || !filepath.IsLocal(within) {
			return fmt.Errorf("%s = %q leads out of %s, the only directory that it may name in a repository that is followed; write a path relative to it", file.argument, *file.path, file.dir)
		}
		*file.path = filepath.Clean(full)
	}
	if path, local := strings.CutPrefix(s.Address, "unix://"); local && !slices.Contains(sockets, path) {
		return fmt.Errorf("address = %q is no socket of a syslog receiver: in a repository that is followed it is one of %s", s.Address, strings.Join(sockets, ", "))
	}
	return nil
}
