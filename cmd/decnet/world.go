package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/unit"
	"github.com/decnet/decnet/cmd/internal/world"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/all"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
)

// session is one command's hold on state and objects.
type session struct {
	store    *state.Store
	meta     state.Meta
	registry *providers.Registry
	engine   *reconciler.Engine
	// runtime is the default that the operator chose, where neither the
	// configuration nor the state says.
	runtime string
}

// open opens the state at path and wires the engine to every provider. secret
// is the path of the secret, "" for the one beside the state. Close it.
func (a *app) open(ctx context.Context, path, secret string, parallelism int) (*session, error) {
	store, err := state.Open(path)
	if err != nil {
		return nil, err
	}
	s := &session{store: store}
	if s.meta, err = store.Meta(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if secret == "" {
		secret = state.SecretPath(path)
	}
	installation := state.NewSecret(secret)
	store.UseSecret(installation)
	binary := deckyBinary()
	digest, err := digestOf(binary)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	env := providers.Env{
		Log: a.log, Now: time.Now, DataDir: dataDir(), RunDir: runDir(), Decky: binary, DeckyDigest: digest,
		Derive: installation.Derive, DockerHost: os.Getenv("DOCKER_HOST"), Rootless: a.rootless,
	}
	env.Supervisor = func(lineage string) []string {
		return unit.Host{DataDir: env.DataDir, RunDir: env.RunDir}.Supervisor(binary, lineage)
	}
	if s.registry, err = providers.NewRegistry(all.New(env)...); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.engine, err = reconciler.New(reconciler.Config{
		Store: store, Registry: s.registry, DataDir: env.DataDir, Dir: dir, Parallelism: parallelism, Log: a.log, Sensitive: sensitiveArguments,
		Tell: reconciler.Teller(store, env.DataDir), Compromises: world.Compromises{Databases: a.intelDatabases(path)},
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// intelDatabases are the places where the events of a state's deckies may be
// collected: where somebody says, else beside the state, and where the unit of decnet intel has it for
// the sync that the state's directory is named after.
func (a *app) intelDatabases(statePath string) []string {
	if a.intelDatabase != "" {
		return []string{a.intelDatabase}
	}
	dir := filepath.Dir(statePath)
	all := []string{filepath.Join(dir, "intel.db")}
	if filepath.Dir(dir) == filepath.Join(dataDir(), "sync") {
		all = append(all, filepath.Join(fromEnv("DECNET_INTEL_DIR", "/var/lib/decnet-intel"), filepath.Base(dir), "intel.db"))
	}
	return all
}

// Close releases state and providers.
func (s *session) Close() error { return errors.Join(s.registry.Close(), s.store.Close()) }

// deckyBinary finds the static binary that goes into deckies: where
// DECNET_DECKY says, else beside this program, else on the PATH.
func deckyBinary() string {
	if path := os.Getenv("DECNET_DECKY"); path != "" {
		return path
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), "decky")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	if path, err := exec.LookPath("decky"); err == nil {
		return path
	}
	return "decky"
}

// digestOf is the SHA-256 of a file in hex, "" where there is none.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the decky binary: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the decky binary: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// holder is this process as others read it in the lock.
func holder(verb string) state.Holder {
	who := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return state.Holder{Who: who, Host: host, PID: os.Getpid(), Command: verb, Since: time.Now()}
}

// defaultRuntime decides where deckies run that do not say it themselves: as
// the configuration, the state or the environment says, else on Docker where an
// engine answers.
func (s *session) defaultRuntime(ctx context.Context, configured string) (string, error) {
	switch wanted := os.Getenv("DECNET_RUNTIME"); {
	case configured != "":
		return configured, nil
	case s.meta.Runtime != "":
		return s.meta.Runtime, nil
	case s.runtime != "":
		return s.runtime, nil
	case wanted == providers.RuntimeDocker || wanted == providers.RuntimeNative:
		return wanted, nil
	case wanted != "":
		return "", fmt.Errorf("DECNET_RUNTIME is %q; it may be %s or %s", wanted, providers.RuntimeDocker, providers.RuntimeNative)
	}
	for _, p := range s.registry.Providers() {
		prober, ok := p.(providers.Prober)
		if !ok || p.Name() != providers.RuntimeDocker {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if !hasError(prober.Probe(ctx)) {
			return providers.RuntimeDocker, nil
		}
	}
	return providers.RuntimeNative, nil
}

func hasError(findings []providers.Finding) bool {
	for _, f := range findings {
		if f.Severity == providers.SeverityError {
			return true
		}
	}
	return false
}

// statePath is the state file: what the command line says, else the
// configuration, else the default.
func (a *app) statePath(configured string) string {
	switch {
	case a.state != "":
		return a.state
	case configured != "" && !filepath.IsAbs(configured):
		return filepath.Join(a.dir, configured)
	case configured != "":
		return configured
	default:
		return state.DefaultPath(a.dir)
	}
}

// secretPath is the configured secret file, relative to the configuration.
func (a *app) secretPath(configured string) string {
	if configured == "" || filepath.IsAbs(configured) {
		return configured
	}
	return filepath.Join(a.dir, strings.TrimPrefix(configured, "./"))
}
