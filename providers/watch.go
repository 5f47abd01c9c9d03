package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Watcher is implemented by a provider that hears at once that something
// happened to objects of its kinds.
type Watcher interface {
	// Watch calls tell for whatever may have changed an object of the lineage,
	// until ctx ends; it then returns nil. Its first call of tell, with a zero
	// Notice, says that it hears from now on: what happened before must be
	// looked for. An error says that it has become deaf; the caller starts it
	// again after a pause. tell does not block.
	Watch(ctx context.Context, lineage string, tell func(Notice)) error
}

// Notice says that something may have happened. It is a reason to look, never a
// fact to act on: what the engine did itself is noticed, too.
type Notice struct {
	Address string    // that the object carries; empty: any of the provider's
	What    string    // "container died", for logs
	Time    time.Time // zero: now
}

// Incarnator is implemented by a handler whose objects can end and come back
// without decnet: by the restart policy of an engine, or by a supervisor.
type Incarnator[S any] interface {
	// Incarnation names the present life of the object, another after each
	// restart; empty where it does not live or that is not known. It is pure.
	Incarnation(have S) string
}

// Beginner is implemented by an Incarnator that knows when a life began, so that
// what followed from a step of ours is told from what somebody did.
type Beginner[S any] interface {
	// Began is when the present life of the object began; the zero time says that
	// no life of it ever begins because of what it lives in. known is false where
	// nothing can be said. It changes nothing.
	Began(have S) (at time.Time, known bool)
}

// Limits of one examination.
const (
	MaxExhibit     = 1 << 20  // bytes of one exhibit; the rest is cut off
	MaxExhibits    = 64       // exhibits of one object
	MaxExamination = 16 << 20 // bytes of all exhibits of one object
)

// Exhibit is one piece of evidence of what became of an object. Its data may
// have been written by an attacker.
type Exhibit struct {
	Name      string // "diff", "log", "processes", "files/etc/passwd"
	Media     string // its media type; empty: text/plain
	Data      []byte // at most MaxExhibit
	Truncated bool   // there was more
}

// Examiner is implemented by a handler that can tell more of a drifted object
// than its state, before it is healed.
type Examiner[S any] interface {
	// Examine hands to keep, what is cheap or worth most first, what tells how the
	// object became what it is, or what is left where it is gone. It changes
	// nothing, executes nothing, and returns as soon as ctx ends or keep fails.
	// What could be had has been kept then; the error says what could not.
	// have is the object as it is seen now, or was last seen where it is gone.
	Examine(ctx context.Context, have S, keep func(Exhibit) error) error
}

// Quarantiner is implemented by a handler whose objects can be kept for study
// without their network.
type Quarantiner[S any] interface {
	// Quarantine cuts the object off: no packet leaves or reaches it, all else
	// stays as it is. Repeating it succeeds. Only a replacement ends it.
	Quarantine(ctx context.Context, owner Owner, have S) (S, error)
	// Quarantined tells whether the object is cut off. It is pure.
	Quarantined(have S) bool
}

// Incarnation is that of the object that have describes; empty where the
// handler is no Incarnator.
func Incarnation(r Resource, have json.RawMessage) (string, error) {
	if erased, ok := r.(interface {
		incarnation(have json.RawMessage) (string, error)
	}); ok && len(have) > 0 {
		return erased.incarnation(have)
	}
	return "", nil
}

// Began is when the life of the object that have describes began; not known
// where the handler is no Beginner.
func Began(r Resource, have json.RawMessage) (at time.Time, known bool) {
	if erased, ok := r.(interface {
		began(have json.RawMessage) (time.Time, bool)
	}); ok && len(have) > 0 {
		return erased.began(have)
	}
	return time.Time{}, false
}

// Examine calls the handler behind r, if it is an Examiner.
func Examine(ctx context.Context, r Resource, have json.RawMessage, keep func(Exhibit) error) error {
	if erased, ok := r.(interface {
		examine(ctx context.Context, have json.RawMessage, keep func(Exhibit) error) error
	}); ok {
		return erased.examine(ctx, have, keep)
	}
	return nil
}

// Quarantine calls the handler behind r, if it is a Quarantiner.
func Quarantine(ctx context.Context, r Resource, owner Owner, have json.RawMessage) (json.RawMessage, error) {
	erased, ok := r.(interface {
		quarantine(ctx context.Context, owner Owner, have json.RawMessage) (json.RawMessage, error)
	})
	if !ok || !r.Spec().Quarantines {
		return nil, fmt.Errorf("quarantine %s: objects of %s have no network of their own", owner.Address, r.Spec().Kind())
	}
	return erased.quarantine(ctx, owner, have)
}

// Quarantined tells whether the object that have describes is cut off; false
// where the handler is no Quarantiner.
func Quarantined(r Resource, have json.RawMessage) (bool, error) {
	if erased, ok := r.(interface {
		quarantined(have json.RawMessage) (bool, error)
	}); ok && len(have) > 0 {
		return erased.quarantined(have)
	}
	return false, nil
}

func (r *resource[C, S]) incarnation(have json.RawMessage) (string, error) {
	h, ok := r.handler.(Incarnator[S])
	if !ok {
		return "", nil
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return "", err
	}
	return h.Incarnation(s), nil
}

func (r *resource[C, S]) began(have json.RawMessage) (time.Time, bool) {
	h, ok := r.handler.(Beginner[S])
	if !ok {
		return time.Time{}, false
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return time.Time{}, false
	}
	return h.Began(s)
}

func (r *resource[C, S]) examine(ctx context.Context, have json.RawMessage, keep func(Exhibit) error) error {
	h, ok := r.handler.(Examiner[S])
	if !ok {
		return nil
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return err
	}
	return h.Examine(ctx, s, keep)
}

func (r *resource[C, S]) quarantine(ctx context.Context, owner Owner, have json.RawMessage) (json.RawMessage, error) {
	s, err := decode[S]("state", have)
	if err != nil {
		return nil, err
	}
	return encode(r.handler.(Quarantiner[S]).Quarantine(ctx, owner, s))
}

func (r *resource[C, S]) quarantined(have json.RawMessage) (bool, error) {
	h, ok := r.handler.(Quarantiner[S])
	if !ok {
		return false, nil
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return false, err
	}
	return h.Quarantined(s), nil
}
