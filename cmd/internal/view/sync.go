package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// shortCommit is how many digits of a commit people read.
const shortCommit = 12

func commit(r *status.Revision) string {
	if r == nil || r.Commit == "" {
		return "-"
	}
	text := short12(r.Commit)
	if ref, ok := strings.CutPrefix(r.Ref, "refs/heads/"); ok {
		return ref + "@" + text
	}
	if ref, ok := strings.CutPrefix(r.Ref, "refs/tags/"); ok {
		return ref + "@" + text
	}
	return text
}

func short12(text string) string { return text[:min(len(text), shortCommit)] }

// gist is a condition in one line.
func gist(c status.Condition) string {
	if c.Message == "" {
		return orDash(c.Reason)
	}
	return c.Reason + ": " + c.Message
}

// Syncs lists followed repositories.
var Syncs = Table[status.Sync]{
	heading: []string{"NAME", "READY", "HEALTHY", "REVISION", "SUSPENDED", "DECKIES", "STATUS"},
	row: func(s status.Sync) []string {
		well := 0
		for _, d := range s.Deckies {
			if d.Sync == status.InSync && d.Health == status.HealthHealthy {
				well++
			}
		}
		suspended := "False"
		if s.Suspended != "" {
			suspended = "True"
		}
		what := gist(s.Conditions.Get(status.Ready))
		if s.Pending != nil {
			what = fmt.Sprintf("plan %s waits: %s", s.Pending.ID, s.Pending.Summary)
		}
		return []string{
			s.Name, string(s.Conditions.Get(status.Ready).Status), string(s.Conditions.Get(status.Healthy).Status), commit(s.Applied), suspended,
			fmt.Sprintf("%d/%d", well, len(s.Deckies)), what,
		}
	},
	none: "Nothing is followed.",
}

// History lists what happened to a sync.
var History = Table[status.Entry]{
	heading: []string{"TIME", "ID", "ACTION", "OUTCOME", "REVISION", "RUN", "WHAT"},
	row: func(e status.Entry) []string {
		run, what := "-", e.Summary
		if e.Run != 0 {
			run = fmt.Sprint(e.Run)
		}
		if e.Message != "" {
			what = strings.TrimPrefix(what+"; "+e.Message, "; ")
		}
		return []string{clock(e.Time), fmt.Sprint(e.ID), e.Action, orDash(e.Outcome), commit(&e.Revision), run, orDash(what)}
	},
	none: "Nothing has happened.",
}

// News lists notifications.
var News = Table[notification.Notification]{
	heading: []string{"TIME", "ID", "SEVERITY", "KIND", "REVISION", "ADDRESS", "WHAT"},
	row: func(n notification.Notification) []string {
		return []string{clock(n.Time), orDash(short12(n.ID)), string(n.Severity), string(n.Kind), orDash(short12(n.Revision)), orDash(n.Address), n.Title}
	},
	none: "There is no news.",
}

// Sync writes all that is known of one followed repository.
func Sync(w io.Writer, s status.Sync, style Style) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s\n", style.Bold(Clean(s.Name)))
	field := func(name, value string) {
		if value != "" && value != "-" {
			fmt.Fprintf(b, "  %-12s %s\n", name, Clean(value))
		}
	}
	field("repository", s.Repository)
	field("path", s.Path)
	field("follows", s.Ref)
	field("policy", s.Policy)
	field("suspended", s.Suspended)
	field("applied", revision(s.Applied))
	if s.Attempted != nil && (s.Applied == nil || s.Attempted.Commit != s.Applied.Commit) {
		field("attempted", revision(s.Attempted))
	}
	field("plan", s.PlanDigest)
	if p := s.Pending; p != nil {
		field("waits", fmt.Sprintf("plan %s since %s: %s (%s)", p.ID, clock(p.Since), p.Summary, p.Reason))
		field("", "approve it with: decnet sync approve "+s.Name+" "+p.ID)
	}
	field("checked", clock(s.Checked))
	field("next", clock(s.Next))
	if d := s.Drifts; d != (status.Drifts{}) {
		field("drifts", fmt.Sprintf("%d healed, %d by itself, %d reported, %d quarantined, %d recycled, %d open", d.Healed, d.ByItself, d.Reported, d.Quarantined, d.Recycled, d.Open))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	for _, part := range []func() error{
		func() error { return syncConditions.Write(w, s.Conditions) },
		func() error { return syncDeckies.Write(w, s.Deckies) },
	} {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func revision(r *status.Revision) string {
	if r == nil {
		return ""
	}
	text := commit(r)
	if r.Title != "" {
		text += " " + r.Title
	}
	if r.Signer != "" {
		text += " (signed by " + r.Signer + ")"
	}
	return text
}

var syncConditions = Table[status.Condition]{
	heading: []string{"CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"},
	row: func(c status.Condition) []string {
		return []string{string(c.Type), string(c.Status), clock(c.Since), orDash(c.Reason), orDash(c.Message)}
	},
	none: "No conditions yet.",
}

var syncDeckies = Table[status.Decky]{
	heading: []string{"DECKY", "SYNC", "HEALTH", "MESSAGE"},
	row: func(d status.Decky) []string {
		return []string{d.Address, string(d.Sync), string(d.Health), orDash(d.Message)}
	},
	none: "No deckies.",
}

// Since says how old what was written down is.
func Since(t, now time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return Duration(now.Sub(t)) + " ago"
}
