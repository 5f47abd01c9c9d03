package gitsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"

	"github.com/decnet/decnet/reconciler/gitsync/window"
)

// cycle finishes what was begun, asks the repository, and brings what is new as
// far as it may go.
func (c *controller) cycle(ctx context.Context, w wake) {
	c.moved = 0
	if w.now {
		c.fetch, c.fresh = pause{}, true
	}
	forgotten := false
	if d := c.memory(); d.Intent != nil && (w.now || !c.now().Before(d.Verdict.Next)) {
		forgotten = c.resume(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	if unfinished := c.unfinished; forgotten {
		defer func() { // this look may adopt it all the same
			if ctx.Err() == nil {
				c.goOn(unfinished)
			}
		}()
	} else {
		c.goOn(unfinished)
	}
	tip, ok := c.ask(ctx, w)
	if !ok || ctx.Err() != nil {
		return
	}
	if tip.Commit != c.newest {
		c.newest, c.found = tip.Commit, c.now()
	}
	if c.quiet(tip, w) {
		c.observeAgain(ctx, tip)
		return
	}
	c.mu.Lock()
	c.working = c.doc.Applied == nil || tip.Commit != c.doc.Applied.Commit
	c.mu.Unlock()
	if !c.upstream() {
		return
	}
	c.process(ctx, tip)
}

// goOn ends the hold of what a former daemon left unfinished.
func (c *controller) goOn(unfinished bool) {
	if !unfinished {
		return
	}
	c.holding.Lock()
	defer c.holding.Unlock()
	c.unfinished = false
	c.Subject.Release()
	if why, _ := c.suspended(); why != "" {
		c.Subject.Hold(why)
	}
}

// upstream tells whether all that it depends on is ready. It is asked again
// after it is written that it waits, so that no end of a look is missed.
func (c *controller) upstream() bool {
	first := !c.asked.Equal(c.found)
	c.asked = c.found
	why := c.manager.waitingFor(c, c.found, false)
	if why == "" {
		return true
	}
	c.update(func(d *document) { d.Waiting = clip(why, maxMessage) }) //nolint:errcheck // said in the log
	return c.manager.waitingFor(c, c.found, first) == ""
}

// ask fetches, unless it is too early.
func (c *controller) ask(ctx context.Context, w wake) (status.Revision, bool) {
	now := c.now()
	least, refused := hookPause, now.Before(c.fetch.until)
	if refused { // whoever may push must not make this host fetch gigabytes all the time
		least = max(least, c.sync.Interval)
	}
	early := refused && !w.hook || w.hook && now.Sub(c.fetch.last) < least && !c.fetch.last.IsZero()
	if early && !w.now {
		c.soon(max(c.fetch.until.Sub(now), hookPause))
		return status.Revision{}, false
	}
	c.fetch.last = now
	c.mu.Lock()
	c.checked, c.asking = now, true
	c.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, c.sync.Timeout)
	defer cancel()
	tip, err := c.fetched(limited)
	if ctx.Err() != nil {
		return tip, false
	}
	if err != nil {
		c.unreachable(limited, err)
		return tip, false
	}
	c.fetch.fails, c.fetch.until = 0, time.Time{}
	c.update(func(d *document) { //nolint:errcheck // said in the log
		if d.Trouble != nil {
			title := "can be fetched again"
			c.announce(d, notification.Recovered, notification.Info, title, "Fetched", telling{})
			if d.Trouble.Reason == HistoryRewritten {
				d.Pending = nil
			}
			d.Trouble = nil
		}
	})
	return tip, true
}

// fetched is what the repository has, if it may come after what is applied.
func (c *controller) fetched(ctx context.Context) (status.Revision, error) {
	tip, err := c.Repository.Fetch(ctx, c.since())
	if err == nil && !commitName(tip.Commit) {
		err = fmt.Errorf("the repository names the commit %q", clip(tip.Commit, maxTitle))
	}
	tip.Title, tip.Ref = line(tip.Title, maxTitle), clip(tip.Ref, maxTitle)
	if err == nil {
		err = c.backwards(tip)
	}
	return tip, err
}

// backwards refuses a version that is older than the applied one: whoever can
// take a tag away, without any key, would bring back what was signed once.
func (c *controller) backwards(tip status.Revision) error {
	d := c.memory()
	if c.sync.Ref.Kind != syncfile.Semver || d.Applied == nil || d.Source != c.source() || d.Base == tip.Commit {
		return nil
	}
	was, err := versionOf(d.Applied.Ref)
	is, failed := versionOf(tip.Ref)
	if err != nil || failed != nil || !is.LessThan(was) {
		return nil //nolint:nilerr // no versions: the repository chose by other means
	}
	return &Failure{Reason: HistoryRewritten, Commit: tip, Err: fmt.Errorf("version %s is older than %s, which is applied, and the newest that the repository has now: somebody took a tag away", is, was)}
}

func versionOf(ref string) (*version.Version, error) {
	return version.NewVersion(strings.TrimPrefix(ref, "refs/tags/"))
}

// since is the commit that the next one must descend from; "" where another
// thing is followed than before, or one whose commits need not.
func (c *controller) since() string {
	d := c.memory()
	if d.Base == "" || d.Source != c.source() || c.sync.Ref.Kind == syncfile.Semver || c.sync.Ref.Kind == syncfile.Commit {
		return ""
	}
	return d.Base
}

// source is what is followed: a commit of another source has another history.
func (c *controller) source() string {
	return identity(c.sync.Repository) + " " + c.sync.Ref.String()
}

// unreachable records why the repository could not be asked.
func (c *controller) unreachable(ctx context.Context, err error) {
	reason, message := reasonOf(err, FetchFailed), err.Error()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message = fmt.Sprintf("It took longer than the timeout of %s: %s", c.sync.Timeout, message)
	}
	c.fetch.fails++
	if reason != FetchFailed {
		c.fetch.until = c.now().Add(min(c.sync.Interval<<min(c.fetch.fails-1, 20), max(maxRefused, c.sync.Interval)))
	}
	var failure *Failure
	errors.As(err, &failure)
	c.update(func(d *document) { //nolint:errcheck // said in the log
		t := telling{verdict: verdict{Reason: reason, Message: withRemedy(message, reason)}, action: "fetch"}
		if reason == HistoryRewritten && failure != nil && commitName(failure.Commit.Commit) {
			r := failure.Commit
			r.Title, r.Ref = line(r.Title, maxTitle), clip(r.Ref, maxTitle)
			t.revision, t.Commit, t.action, t.plan = &r, r.Commit, "refuse", short(r.Commit)
			if d.Pending == nil || d.Pending.ID != t.plan {
				d.Pending = rewritten(r, c.now())
			}
			d.Attempted = &r
		}
		if d.Trouble == nil || d.Trouble.Reason != reason || d.Trouble.Commit != t.Commit {
			c.tell(d, t, string(reason)+"/"+short(t.Commit))
		}
		t.Message = clip(t.Message, maxMessage)
		d.Trouble = &t.verdict
	})
}

// rewritten is what waits where a history was rewritten: the commit is approved
// by its name, before there is a plan.
func rewritten(r status.Revision, since time.Time) *status.Pending {
	return &status.Pending{ID: short(r.Commit), Revision: r, Reason: "history was rewritten", Summary: "the plan is made after the approval", Since: since}
}

func withRemedy(message string, reason Reason) string {
	if remedy := reasons[reason].remedy; remedy != "" {
		return clip(message, maxMessage-len(remedy)-2) + "\n" + remedy
	}
	return message
}

// quiet tells that there is nothing to do about a tip.
func (c *controller) quiet(tip status.Revision, w wake) bool {
	d, inputs := c.memory(), c.inputs()
	if c.used == "" {
		c.used = inputs
	}
	if inputs != c.used {
		return false
	}
	if w.now || c.fresh && !(d.Verdict.Forever && d.Verdict.Commit == tip.Commit) {
		return false
	}
	if d.Verdict.Commit != tip.Commit || d.Waiting != "" {
		return false
	}
	switch d.Verdict.Reason {
	case Applied, Observed, Differs:
		return true
	case OutsideWindow:
		if open := window.Next(c.sync.Windows, c.now()); !open.IsZero() {
			c.soon(open.Sub(c.now()))
			return open.After(c.now())
		}
		return true
	case AwaitingApproval, DestroyLimit, PruneToEmpty:
		return d.Approved == nil && d.Pending != nil && d.Pending.Revision.Commit == tip.Commit
	}
	return d.Verdict.Forever || c.now().Before(d.Verdict.Next)
}

// soon brings the next look forward.
func (c *controller) soon(in time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.now().Add(in); at.Before(c.next) {
		c.next = at
	}
}

// process brings a commit as far as it may go.
func (c *controller) process(ctx context.Context, tip status.Revision) {
	c.used = c.inputs()
	tip, desired, p, err := c.prepare(ctx, tip)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.refuse(tip, err, "refuse")
		return
	}
	c.judge(ctx, tip, desired, p)
}

// prepare verifies, exports, evaluates and plans a fetched commit. The error is
// a *Failure.
func (c *controller) prepare(ctx context.Context, tip status.Revision) (status.Revision, *schema.Desired, *plan.Plan, error) {
	signer, err := c.verify(ctx, tip)
	if err != nil {
		return tip, nil, nil, &Failure{Reason: reasonOf(err, BadSignature), Err: err}
	}
	tip.Signer = signer
	if err := c.export(ctx, tip.Commit); err != nil {
		return tip, nil, nil, &Failure{Reason: reasonOf(err, FetchFailed), Err: err}
	}
	desired, p, err := c.plan(ctx, tip.Commit)
	return tip, desired, p, err
}

// verify says who signed a fetched commit; nobody, where nobody must.
func (c *controller) verify(ctx context.Context, tip status.Revision) (string, error) {
	if c.Verifier == nil || c.sync.Verify.Mode == syncfile.Unverified {
		return "", nil
	}
	since := c.since()
	if applied := c.memory().Applied; applied == nil || since != applied.Commit {
		since = "" // no commit before the tip is trusted
	}
	signer, err := c.Verifier.Verify(ctx, tip, since)
	return clip(signer, maxTitle), err
}

// plan evaluates and plans an exported commit. The error is a *Failure.
func (c *controller) plan(ctx context.Context, commit string) (*schema.Desired, *plan.Plan, error) {
	if _, err := os.Stat(c.exported(commit)); errors.Is(err, fs.ErrNotExist) {
		if err := c.export(ctx, commit); err != nil {
			return nil, nil, &Failure{Reason: reasonOf(err, FetchFailed), Err: err}
		}
	}
	dir, err := c.configuration(commit)
	if err != nil {
		return nil, nil, Fail(BuildFailed, err)
	}
	desired, err := c.manager.config.Evaluate(ctx, dir, c.sync)
	if err != nil {
		return nil, nil, Fail(BuildFailed, err)
	}
	p, err := c.Subject.Plan(ctx, desired)
	if err != nil {
		return nil, nil, Fail(PlanFailed, err)
	}
	return desired, p, nil
}

// configuration is the directory of an exported commit that is evaluated. A
// symbolic link that leads out of the commit leads nowhere.
func (c *controller) configuration(commit string) (string, error) {
	root, err := filepath.EvalSymlinks(c.exported(commit))
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(c.sync.Path)))
	if err == nil {
		info, failed := os.Stat(dir)
		within, bad := filepath.Rel(root, dir)
		if failed == nil && info.IsDir() && bad == nil && filepath.IsLocal(within) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("there is no directory %q in the commit", c.sync.Path)
}

// refuse records that a commit is not applied. It is looked at again later and
// later, or when it is asked for.
func (c *controller) refuse(tip status.Revision, err error, action string) {
	reason := reasonOf(err, PlanFailed)
	c.fresh = false
	c.update(func(d *document) { //nolint:errcheck // said in the log
		t := telling{verdict: c.again(d, tip.Commit, reason), revision: &tip, action: action}
		t.Message = withRemedy(err.Error(), reason)
		d.Attempted, d.Waiting, d.Pending = &tip, "", nil
		if reason == HistoryRewritten {
			t.plan, d.Pending = short(tip.Commit), rewritten(tip, c.now())
		}
		if reason != ApplyFailed {
			d.Approved = nil
		}
		c.settle(d, t)
	})
}

// again is a verdict with the pause that follows it: the interval, and twice as
// long after each further try of the same commit.
func (c *controller) again(d *document, commit string, reason Reason) verdict {
	v := verdict{Reason: reason, Commit: commit, Tries: 1}
	if d.Verdict.Commit == commit {
		v.Tries = d.Verdict.Tries + 1
	}
	v.Next = c.now().Add(max(min(c.sync.Interval<<min(v.Tries-1, 20), maxBackoff), c.sync.Interval))
	return v
}
