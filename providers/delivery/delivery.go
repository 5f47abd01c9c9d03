// Package delivery brings notifications to people and programs: webhooks, chats
// that take Slack's format, mail, syslog and the commit statuses of git hosts.
// It owns the forms on the wire, the secrets' reading, the spool on disk and the
// repetition until somebody has it; what is delivered bears the same ID however
// often it comes. It refuses to know what happened, to follow redirects, to use
// a proxy, to send anything in plain text beyond this machine, and to say a
// secret in an error, a log or a status.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Timeout is how long one delivery may take.
const Timeout = 15 * time.Second

// Target takes notifications. It is not safe for concurrent use.
type Target interface {
	// Deliver hands one over and says what was answered, in a line. Its error
	// is an *Error. A notification that is none of the target's business is
	// delivered by doing nothing.
	Deliver(ctx context.Context, n notification.Notification) (answer string, err error)
}

// Error is a delivery that failed.
type Error struct {
	// Permanent: it would fail again in the same way.
	Permanent bool
	// After is how long the receiver wants to be left alone; 0: it did not say.
	After time.Duration
	Err   error // without secrets
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

func permanent(format string, args ...any) error {
	return &Error{Permanent: true, Err: fmt.Errorf(format, args...)}
}

func retryable(format string, args ...any) error { return &Error{Err: fmt.Errorf(format, args...)} }

// Options of targets.
type Options struct {
	// Dir is where relative paths of secrets and certificates stand.
	Dir string
	// SecretDir, if set, is where every secret must stand: for sinks whose
	// configuration comes from a repository.
	SecretDir string
	// Timeout of one delivery; 0 is Timeout.
	Timeout time.Duration
	// Hostname of this machine in syslog messages and mail; "" asks the system.
	Hostname string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) filled() Options {
	if o.Timeout <= 0 {
		o.Timeout = Timeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hostname == "" {
		o.Hostname = hostname()
	}
	return o
}

// Open makes the target of a sink. It connects to nothing and reads no secret
// yet; every delivery does. A sink of type file takes no notifications.
func Open(s schema.Sink, o Options) (Target, error) {
	if faults := s.Check(nil); len(faults) > 0 {
		return nil, fmt.Errorf("sink %s: %w", s.Name, faults[0])
	}
	o = o.filled()
	if o.Dir != "" {
		s = s.Rooted(o.Dir)
	}
	switch s.Type {
	case schema.SinkWebhook:
		return newWebhook(s, o)
	case schema.SinkSlack:
		return &slack{sink: s, options: o}, nil
	case schema.SinkEmail:
		return &email{sink: s, options: o}, nil
	case schema.SinkSyslog:
		return newSyslog(s, o)
	case schema.SinkCommitStatus:
		return &commitStatus{sink: s, options: o}, nil
	}
	return nil, fmt.Errorf("sink %s: a sink of type %s takes no notifications", s.Name, s.Type)
}

// Takes tells whether a sink is told a notification: it has a target, its
// filters let it through, and it is not told the same in another way. Syslog
// has drift and detections from intel; a commit has statuses only of what
// concerns it.
func Takes(s schema.Sink, n notification.Notification) bool {
	switch s.Type {
	case schema.SinkFile:
		return false
	case schema.SinkSyslog:
		if n.Kind == notification.Drifted || n.Kind == notification.Detection {
			return false
		}
	case schema.SinkCommitStatus:
		if n.Kind != notification.Test && !(stateOf(n.Kind) != "" && revision.MatchString(n.Revision) && sameRepository(s.Repository, n.Repository)) {
			return false
		}
	}
	return s.Wants(n)
}

// IsPermanent tells whether trying again is of no use.
func IsPermanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Permanent
}

// line is text in one line of printable characters, cut at limit bytes.
func line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if hidden(r) || r == ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return cut(strings.Join(strings.Fields(text), " "), limit)
}

// lines is text whose characters are printable, with its line feeds, cut at
// limit bytes.
func lines(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return cut(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && hidden(r) {
			return '\uFFFD'
		}
		return r
	}, text), limit)
}

// cut shortens text to limit bytes of whole characters, which dots say.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const dots = "..."
	end := max(0, limit-len(dots))
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end] + dots
}

// hidden are characters that act upon a terminal or a reader: controls, line
// separators, marks that turn the direction of writing.
func hidden(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff ||
		r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// facts are what a notification is about, by name, in the order in which they
// are told.
func facts(n notification.Notification) [][2]string {
	all := [][2]string{
		{"sync", n.Sync}, {"address", n.Address}, {"repository", n.Repository}, {"revision", n.Revision}, {"plan", n.Plan},
	}
	for _, name := range sortedKeys(n.Fields) {
		all = append(all, [2]string{name, n.Fields[name]})
	}
	if n.Repeated > 0 {
		all = append(all, [2]string{"repeated", fmt.Sprintf("%d times since it was last told", n.Repeated)})
	}
	var out [][2]string
	for _, f := range all {
		if f[1] != "" {
			out = append(out, f)
		}
	}
	return out
}
