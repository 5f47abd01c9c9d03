// Package detection keeps rules and sinks: instances without a live machinery of
// their own, which the intel daemon reads from the state. Their objects are
// record files below the data directory, so that they are listed, drift and are
// rebuilt like any other. The package evaluates no rule and opens no sink.
package detection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

type provider struct{ env providers.Env }

// New makes the provider; it touches nothing.
func New(env providers.Env) providers.Provider { return &provider{env: env} }

func (p *provider) Name() string { return "detection" }

func (p *provider) Close() error { return nil }

func (p *provider) Resources() []providers.Resource {
	return []providers.Resource{
		providers.NewResource(providers.Spec{Type: providers.TypeRule, Overwrites: true, Adopts: true}, &handler[schema.Rule]{env: p.env, typ: providers.TypeRule}),
		providers.NewResource(providers.Spec{Type: providers.TypeSink, Overwrites: true, Adopts: true}, &handler[schema.Sink]{env: p.env, typ: providers.TypeSink}),
	}
}

// State is what is known of a record.
type State[C any] struct {
	Lineage string `json:"lineage"`
	Address string `json:"address"`
	Config  C      `json:"config"`
}

// record is the content of a file.
type record[C any] struct {
	Owner  providers.Owner `json:"owner"`
	Config C               `json:"config"`
}

type handler[C any] struct {
	env providers.Env
	typ string
}

func (h *handler[C]) dir(lineage string) string {
	return filepath.Join(h.env.DataDir, lineage, "detection")
}

func (h *handler[C]) path(lineage, address string) string {
	sum := sha256.Sum256([]byte(address))
	return filepath.Join(h.dir(lineage), h.typ+"-"+hex.EncodeToString(sum[:12])+".json")
}

func (h *handler[C]) Diff(want C, have State[C]) []providers.Change {
	return providers.Compare(have.Config, want, nil)
}

func (h *handler[C]) Read(_ context.Context, have State[C]) (State[C], error) {
	r, err := h.read(h.path(have.Lineage, have.Address))
	if errors.Is(err, fs.ErrNotExist) {
		return have, providers.ErrGone
	}
	if err != nil {
		return have, h.failure("read record", err)
	}
	return State[C]{Lineage: r.Owner.Lineage, Address: r.Owner.Address, Config: r.Config}, nil
}

// List reads every record of the type. One that is no record any more does not
// exist: Create writes it anew.
func (h *handler[C]) List(_ context.Context, lineage string) ([]providers.Object[C, State[C]], error) {
	dir := h.dir(lineage)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, h.failure("list records", err)
	}
	var all []providers.Object[C, State[C]]
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if !strings.HasPrefix(entry.Name(), h.typ+"-") || filepath.Ext(path) != ".json" {
			continue
		}
		r, err := h.read(path)
		var syntax *malformedError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.As(err, &syntax), err == nil && (r.Owner.Lineage != lineage || h.path(lineage, r.Owner.Address) != path):
			h.env.Log.Warn("a record is damaged or misplaced and will be written anew", slog.String("path", path), slog.Any("error", err))
			continue
		case err != nil:
			return nil, h.failure("list records", err)
		}
		all = append(all, providers.Object[C, State[C]]{
			Owner: r.Owner, Config: r.Config, State: State[C]{Lineage: lineage, Address: r.Owner.Address, Config: r.Config},
		})
	}
	slices.SortFunc(all, func(a, b providers.Object[C, State[C]]) int { return strings.Compare(a.Owner.Address, b.Owner.Address) })
	return all, nil
}

func (h *handler[C]) Create(_ context.Context, owner providers.Owner, want C) (State[C], error) {
	made := State[C]{Lineage: owner.Lineage, Address: owner.Address, Config: want}
	data, err := json.Marshal(record[C]{Owner: owner, Config: want})
	if err != nil {
		return made, fmt.Errorf("encode record of %s: %w", owner.Address, err)
	}
	path := h.path(owner.Lineage, owner.Address)
	if err := os.MkdirAll(filepath.Dir(filepath.Dir(path)), 0o755); err != nil {
		return made, h.failure("make directory", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return made, h.failure("make directory", err)
	}
	if err := write(path, append(data, '\n')); err != nil {
		return made, h.failure("write record", err)
	}
	return made, nil
}

func (h *handler[C]) Update(ctx context.Context, owner providers.Owner, want C, _ State[C]) (State[C], error) {
	return h.Create(ctx, owner, want)
}

// Readdress implements providers.Readdresser: the new record stands before the old
// one goes, and of two left by a crash the next plan removes one.
func (h *handler[C]) Readdress(ctx context.Context, owner providers.Owner, have State[C]) (State[C], error) {
	old, err := h.read(h.path(have.Lineage, have.Address))
	if errors.Is(err, fs.ErrNotExist) {
		if made, err := h.read(h.path(owner.Lineage, owner.Address)); err == nil {
			return State[C]{Lineage: owner.Lineage, Address: owner.Address, Config: made.Config}, nil
		}
	}
	if err != nil {
		return have, h.failure("read record", err)
	}
	made, err := h.Create(ctx, owner, old.Config)
	if err != nil || h.path(have.Lineage, have.Address) == h.path(owner.Lineage, owner.Address) {
		return made, err
	}
	return made, h.Delete(ctx, have)
}

// Delete removes the record, and the directory with the last one.
func (h *handler[C]) Delete(_ context.Context, have State[C]) error {
	path := h.path(have.Lineage, have.Address)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h.failure("remove record", err)
	}
	os.Remove(filepath.Dir(path)) //nolint:errcheck // it is not empty, or gone
	return nil
}

// malformedError is a file that holds no record.
type malformedError struct{ err error }

func (e *malformedError) Error() string { return "no record: " + e.err.Error() }
func (e *malformedError) Unwrap() error { return e.err }

func (h *handler[C]) read(path string) (record[C], error) {
	var r record[C]
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, &malformedError{err: err}
	}
	return r, nil
}

// failure tells a missing privilege from other failures.
func (h *handler[C]) failure(what string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &providers.UnavailableError{
			Provider: "detection", What: what, Remedy: "run as a user who owns " + h.env.DataDir, Err: err,
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// write replaces path by a file of mode 0600, whole or not at all.
func write(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
