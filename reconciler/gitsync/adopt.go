package gitsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// maxStale is how often a plan is made again that healing has overtaken.
const maxStale = 5

// Commands in the history of a state.
const (
	commandApply    = "sync"
	commandRollback = "sync rollback"
)

// adopt makes a revision live. What is about to be done stands on the disk
// before anything is touched, what came of it after.
func (c *controller) adopt(ctx context.Context, rev status.Revision, desired *schema.Desired, p *plan.Plan) {
	stop, former := false, c.memory().Approved
	err := c.update(func(d *document) {
		if stop = d.Suspend != nil; stop {
			return
		}
		if d.Approved != nil && d.Approved.Commit == rev.Commit {
			begun := *d.Approved
			begun.Begun = true
			d.Approved = &begun
		}
		retry := d.Verdict.Commit == rev.Commit && (d.Verdict.Reason == ApplyFailed || d.Verdict.Reason == Progressing)
		d.Intent, d.Attempted, d.Waiting = &intent{Revision: rev, Source: c.begun()}, &rev, ""
		if weigh(p).changes == 0 {
			return // it heals at most: nobody needs to know that it began
		}
		if !retry {
			c.announce(d, notification.Progressing, notification.Info, "is being applied", "Progressing/"+short(rev.Commit), telling{revision: &rev, summary: summarize(p)})
		}
		v := verdict{Reason: Progressing, Message: "Commit " + short(rev.Commit) + " is being applied.", Commit: rev.Commit}
		if d.Verdict.Commit == rev.Commit {
			v.Tries = d.Verdict.Tries
		}
		d.Verdict = v
	})
	if stop {
		return
	}
	if err != nil {
		c.update(func(d *document) { d.Intent = nil }) //nolint:errcheck // said in the log
		c.refuse(rev, Fail(ApplyFailed, err), "apply")
		return
	}
	c.deliver()
	result, p, err := c.carryOut(ctx, rev.Commit, desired, p, commandApply)
	if errors.Is(err, errMoved) {
		c.reconsider(ctx, rev, desired, p, err, former)
		return
	}
	c.finish(ctx, rev, result, p, err)
}

// errMoved says that a plan that was made again does something else than the one
// that was judged. Nothing was touched.
var errMoved = errors.New("what it changes is no longer what was planned")

// reconsider judges a plan that was made again, as if it was the first: what
// moved may be no more than what another run left to do. An approval is again
// what it was before the apply began, which touched nothing.
func (c *controller) reconsider(ctx context.Context, rev status.Revision, desired *schema.Desired, p *plan.Plan, why error, approved *approval) {
	if ctx.Err() != nil {
		return // the intent stands: the next daemon goes on
	}
	c.update(func(d *document) { d.Intent, d.Approved = nil, approved }) //nolint:errcheck // said in the log
	if c.moved++; c.moved >= maxStale {
		c.refuse(rev, Fail(ApplyFailed, why), "apply")
		return
	}
	c.judge(ctx, rev, desired, p)
}

// carryOut adopts, and plans again where what was planned has moved meanwhile.
// Where that plan does something else, the error is errMoved, and it is to be
// judged.
func (c *controller) carryOut(ctx context.Context, commit string, desired *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, *plan.Plan, error) {
	for tries := 1; ; tries++ {
		result, err := c.Subject.Adopt(ctx, desired, p, command)
		var stale *reconciler.StaleError
		if !errors.As(err, &stale) || result != nil || tries == maxStale || ctx.Err() != nil {
			return result, p, err
		}
		again, failed := c.Subject.Plan(ctx, desired)
		if failed != nil {
			return nil, p, failed
		}
		if key := c.memory().Key; identify(key, commit, again) != identify(key, commit, p) {
			return nil, again, fmt.Errorf("%w: %w", errMoved, err)
		}
		p = again
	}
}

// finish records what came of an apply.
func (c *controller) finish(ctx context.Context, rev status.Revision, result *reconciler.Result, p *plan.Plan, err error) {
	if err == nil {
		c.applied(rev, result, p)
		return
	}
	if ctx.Err() != nil {
		return // the intent stands: the next daemon goes on
	}
	if applied := c.memory().Applied; result != nil && c.sync.Rollback && applied != nil && applied.Commit != rev.Commit {
		back := *applied
		written := c.update(func(d *document) {
			d.Intent = &intent{Revision: back, Source: c.begun(), Failed: &rev, Why: clip(err.Error(), maxMessage)}
			d.Pending, d.Approved = nil, nil
		})
		if written == nil {
			c.rollBack(ctx, *c.memory().Intent)
			return
		}
	}
	c.update(func(d *document) { d.Intent = nil }) //nolint:errcheck // said in the log
	c.refuse(rev, Fail(ApplyFailed, err), "apply")
}

// applied records that a revision is live.
func (c *controller) applied(rev status.Revision, result *reconciler.Result, p *plan.Plan) {
	var run int64
	if result != nil {
		run = result.Run
	}
	c.update(func(d *document) { //nolint:errcheck // said in the log; the next look adopts it again
		d.Intent, d.Pending, d.Approved, d.Waiting = nil, nil, nil, ""
		d.Applied, d.Attempted, d.Base, d.Source = &rev, &rev, rev.Commit, c.source()
		if len(p.Changes) > 0 || d.PlanDigest == "" {
			d.PlanDigest = identify(d.Key, rev.Commit, p)
		}
		c.settle(d, telling{verdict: verdict{Reason: Applied, Message: "Commit " + short(rev.Commit) + " is live."}, revision: &rev, action: "apply", summary: summarize(p), run: run})
	})
	c.clean()
}

// begun says of what is begun what it is part of.
func (c *controller) begun() string { return c.source() + " " + c.sync.Path }

// resume goes on with what a daemon was about to do when it ended, if this one
// would begin it, too: the daemon's file and the keys may be others by now. If
// not, that is forgotten, and the look that follows judges what there is anew.
// Windows do not count: what is half done is finished.
func (c *controller) resume(ctx context.Context) (forgotten bool) {
	i := *c.memory().Intent
	forget := func(why string) {
		forgotten = true
		c.log.Warn("what was begun is judged anew", "commit", i.Revision.Commit, "why", why)
		c.update(func(d *document) { d.Intent = nil }) //nolint:errcheck // said in the log
	}
	switch {
	case c.sync.Policy == syncfile.Observe:
		forget(observing)
		return forgotten
	case i.Source != c.begun():
		forget("the sync follows something else")
		return forgotten
	case i.Failed != nil:
		c.rollBack(ctx, i)
		return forgotten
	}
	if _, err := c.verify(ctx, i.Revision); err != nil {
		if ctx.Err() == nil {
			forget(err.Error())
		}
		return forgotten
	}
	desired, p, err := c.plan(ctx, i.Revision.Commit)
	if ctx.Err() != nil {
		return forgotten
	}
	if err == nil {
		if reason, why := c.bounds(i.Revision, p); reason != "" && reason != OutsideWindow {
			forget(why)
			return forgotten
		}
	}
	if err != nil {
		c.update(func(d *document) { d.Intent = nil }) //nolint:errcheck // said in the log
		c.refuse(i.Revision, err, "apply")
		return forgotten
	}
	result, p, err := c.carryOut(ctx, i.Revision.Commit, desired, p, commandApply)
	if errors.Is(err, errMoved) {
		c.reconsider(ctx, i.Revision, desired, p, err, c.memory().Approved)
		return forgotten
	}
	c.finish(ctx, i.Revision, result, p, err)
	return false
}

// rollBack adopts the last good commit after one that failed.
func (c *controller) rollBack(ctx context.Context, i intent) {
	desired, p, err := c.plan(ctx, i.Revision.Commit)
	var result *reconciler.Result
	if err == nil {
		result, p, err = c.carryOut(ctx, i.Revision.Commit, desired, p, commandRollback)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.update(func(d *document) { //nolint:errcheck // said in the log
			t := telling{verdict: c.again(d, i.Failed.Commit, ApplyFailed), revision: i.Failed, action: "rollback"}
			t.Message = fmt.Sprintf("%s\nThe rollback to %s failed, too, and is tried again: %s", i.Why, short(i.Revision.Commit), err)
			c.settle(d, t)
		})
		return
	}
	c.update(func(d *document) { //nolint:errcheck // said in the log; the next look rolls back again
		d.Intent, d.Attempted = nil, i.Failed
		t := telling{verdict: verdict{Reason: RolledBack, Forever: true}, revision: i.Failed, action: "rollback", summary: summarize(p)}
		if result != nil {
			t.run = result.Run
		}
		t.Message = withRemedy(fmt.Sprintf("%s\nCommit %s is live again.", i.Why, short(i.Revision.Commit)), RolledBack)
		c.settle(d, t)
	})
}

// exports is where the files of commits are kept.
func (c *controller) exports() string { return filepath.Join(c.store.dir, "exports") }

func (c *controller) exported(commit string) string { return filepath.Join(c.exports(), commit) }

// export makes the files of a commit stand under its name, whole or not at all.
// Those of an earlier process are written again: nobody knows what became of
// them since.
func (c *controller) export(ctx context.Context, commit string) error {
	dir := c.exported(commit)
	if _, err := os.Stat(dir); err == nil && c.whole[commit] {
		return nil
	}
	made, old := dir+".new", dir+".old"
	if err := errors.Join(os.RemoveAll(made), os.RemoveAll(old)); err != nil {
		return fmt.Errorf("export commit: %w", err)
	}
	if err := os.MkdirAll(made, 0o700); err != nil {
		return fmt.Errorf("export commit: %w", err)
	}
	if err := c.Repository.Export(ctx, commit, made); err != nil {
		os.RemoveAll(made) //nolint:errcheck // the next export does it again
		return err
	}
	c.store.written(c.sync.Name, "exported")
	if err := syncTree(made); err != nil {
		return fmt.Errorf("export commit: %w", err)
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("export commit: %w", err)
	}
	if err := errors.Join(os.Rename(made, dir), os.RemoveAll(old)); err != nil {
		return fmt.Errorf("export commit: %w", err)
	}
	c.whole[commit] = true
	return syncDir(c.exports())
}

// syncTree returns once all files of a directory are on the disk: after a power
// failure, half of them would be another configuration.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		return syncDir(path)
	})
}

// clean removes the exports that nothing is rolled back to.
func (c *controller) clean() {
	keep := map[string]bool{}
	d := c.memory()
	for _, r := range []*status.Revision{d.Applied, d.Attempted, intended(d.Intent)} {
		if r != nil {
			keep[r.Commit] = true
		}
	}
	entries, err := os.ReadDir(c.exports())
	if err != nil {
		return
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			delete(c.whole, e.Name())
			if err := os.RemoveAll(c.exported(e.Name())); err != nil {
				c.log.Warn("the files of an old commit stay", "error", err)
			}
		}
	}
}
