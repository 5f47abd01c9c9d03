package gitsync

import (
	"context"
	"errors"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

// Repository is one followed repository. Its errors hold no secret; a *Failure
// says what kind they are, any other is FetchFailed. Calls come one at a time.
type Repository interface {
	// Fetch asks the server for what is followed now. Unless since is empty, the
	// answer must be that commit or descend from it, else the error is a Failure
	// of reason HistoryRewritten with the new commit in it.
	Fetch(ctx context.Context, since string) (status.Revision, error)
	// Export writes the files of a fetched commit, and nothing else, into dir,
	// which exists and is empty.
	Export(ctx context.Context, commit, dir string) error
}

// Accepter is implemented by a Repository that remembers by itself what was
// followed, and refuses what has become another: versions whose tag was moved.
type Accepter interface {
	// Accept takes a refused revision, as it stood in the Failure, for the right
	// one from now on. Where nothing is remembered of it there is nothing to do.
	Accept(ctx context.Context, r status.Revision) error
}

// Verifier decides whom commits come from. Its errors are a *Failure of reason
// Unsigned, UnknownSigner, BadSignature, ExpiredKey, OutsidePath or
// HistoryRewritten; any other is
// BadSignature.
type Verifier interface {
	// Verify checks what must be signed of the commits after since up to tip, and
	// says who signed the tip. since is empty, or trusted and an ancestor.
	Verify(ctx context.Context, tip status.Revision, since string) (signer string, err error)
}

// Subject is what a sync acts upon: the loop that keeps one configuration live.
type Subject interface {
	// Plan is what must change to make desired live. It changes nothing.
	Plan(ctx context.Context, desired *schema.Desired) (*plan.Plan, error)
	// Adopt applies the plan and keeps desired live from then on. A nil result
	// says that nothing was touched.
	Adopt(ctx context.Context, desired *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, error)
	// Hold keeps it from healing until Release.
	Hold(why string)
	Release()
	Wake(why string)
	Report() Report
}

// Report is how the subject of a sync does.
type Report struct {
	Conditions status.Conditions
	Deckies    []status.Decky // sorted by address
	Drifts     status.Drifts
}

// Evaluate makes of the files in dir what they want. Its error is for people:
// the first diagnostics, without values. Nothing in dir may be executed, and
// nothing outside of it be read but what the sync names.
type Evaluate func(ctx context.Context, dir string, sync syncfile.Sync) (*schema.Desired, error)

// Failure is an error of a known kind.
type Failure struct {
	Reason Reason
	Err    error
	// Commit is the one that is concerned, where it is not known already.
	Commit status.Revision
}

// Fail is a Failure of a reason.
func Fail(reason Reason, err error) *Failure { return &Failure{Reason: reason, Err: err} }

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is what went wrong.
func (f *Failure) Unwrap() error { return f.Err }

// reasonOf is the kind of an error.
func reasonOf(err error, otherwise Reason) Reason {
	var f *Failure
	if errors.As(err, &f) {
		if _, known := reasons[f.Reason]; known {
			return f.Reason
		}
	}
	return otherwise
}
