// Package control is how operators speak with a running decnet reconcile: an
// HTTP API on a UNIX socket, its client, and a handler that passes requests on
// to it. It owns who may ask, paths, limits and errors of that interface, and
// refuses to know how a repository is followed.
//
//	GET  /api/v1/sync                  every sync
//	GET  /api/v1/sync/{name}           one
//	GET  /api/v1/sync/{name}/history   limit; the newest first
//	GET  /api/v1/sync/{name}/events    limit; the newest first
//	POST /api/v1/sync/{name}/plan      plans now, and applies nothing
//	POST /api/v1/sync/{name}/approve   {"plan": ID}
//	POST /api/v1/sync/{name}/suspend   {"reason": TEXT}
//	POST /api/v1/sync/{name}/resume
//	POST /api/v1/sync/{name}/now
//
// A list is {"items": [...]}, an error {"error": {"code", "message"}}. A
// parameter or field that is unknown, repeated or malformed is an error. The
// socket belongs to the daemon's user, and the kernel says who asks: that user
// and root may do all of this, a reader may GET, and nobody else anything.
package control

import (
	"context"
	"errors"
	"time"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// Prefix is the path that everything here stands under.
const Prefix = "/api/v1/sync"

// Limits of the interface.
const (
	MaxList    = 1000 // entries of a history
	maxBody    = 16 << 10
	maxQuery   = 1 << 10
	maxReason  = 500
	maxName    = 128
	concurrent = 16 // requests of those who operate, and as many of those who read
	bodyTime   = 10 * time.Second
	answerTime = 30 * time.Second // that an answer to a GET takes to be read
)

// What a caller branches on.
var (
	// ErrUnknown says that no sync has the name.
	ErrUnknown = errors.New("there is no sync of this name")
	// ErrConflict says that what was asked does not fit what is: a plan of
	// another id waits, or none.
	ErrConflict = errors.New("it is not as the request says")
	// ErrAbsent says that no daemon answers.
	ErrAbsent = errors.New("no decnet reconcile runs here")
)

// Planned is a plan of what a sync follows.
type Planned struct {
	Revision status.Revision `json:"revision"`
	Pending  *status.Pending `json:"pending,omitempty"` // it waits for approval under this id
	Plan     *plan.Plan      `json:"plan"`              // with what is sensitive left out
}

// Reader tells how the followed repositories do. Its errors are ErrUnknown, or
// what went wrong.
type Reader interface {
	List(ctx context.Context) ([]status.Sync, error)
	Get(ctx context.Context, name string) (status.Sync, error)
	// History and Events are the newest limit entries, the newest first.
	History(ctx context.Context, name string, limit int) ([]status.Entry, error)
	Events(ctx context.Context, name string, limit int) ([]notification.Notification, error)
}

// Operator does what operators ask for; who is the one that asked, for the
// history. Its errors are ErrUnknown, ErrConflict, or what went wrong.
type Operator interface {
	// Plan plans the revision that is followed now. It applies nothing.
	Plan(ctx context.Context, name string) (Planned, error)
	// Approve lets the plan of this id be applied. It returns when that is
	// decided, not when it is done.
	Approve(ctx context.Context, name, id, who string) error
	Suspend(ctx context.Context, name, reason, who string) error
	Resume(ctx context.Context, name, who string) error
	// Now looks at the repository and at what is alive without waiting.
	Now(ctx context.Context, name, who string) error
}
