package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

// Table renders answers as lines under a heading.
type Table[T any] struct {
	heading []string
	row     func(T) []string
	none    string
}

// NewTable makes a table; none is said where there are no answers.
func NewTable[T any](none string, heading []string, row func(T) []string) Table[T] {
	return Table[T]{heading: heading, row: row, none: none}
}

// Write writes the table. What attackers sent is escaped.
func (t Table[T]) Write(w io.Writer, answers []T) error {
	if len(answers) == 0 {
		_, err := fmt.Fprintln(w, t.none)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(t.heading, "\t"))
	if err := t.WriteRows(table, answers); err != nil {
		return err
	}
	return table.Flush()
}

// WriteRows writes the rows alone, with tabs between their cells, for a list
// that goes on.
func (t Table[T]) WriteRows(w io.Writer, answers []T) error {
	for _, answer := range answers {
		cells := t.row(answer)
		for i, c := range cells {
			cells[i] = Clean(short(c, maxCell))
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// maxCell is how many characters of one value a table shows.
const maxCell = 72

func short(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// Events lists events.
var Events = Table[intel.Event]{
	heading: []string{"TIME", "DECKY", "SERVICE", "SOURCE", "KIND", "WHAT"},
	row: func(e intel.Event) []string {
		source := "-"
		if e.Source.IP.IsValid() {
			source = e.Source.IP.String()
		}
		return []string{clock(e.Time), e.Decky, orDash(e.Service), source, string(e.Kind()), What(e.Body)}
	},
	none: "No events.",
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// What is the gist of a body in one line.
func What(b event.Body) string {
	switch b := b.(type) {
	case *event.ConnectionOpened:
		return b.Transport
	case *event.ConnectionClosed:
		return fmt.Sprintf("by %s after %d ms, %d bytes in, %d out", b.Reason, b.DurationMS, b.BytesIn, b.BytesOut)
	case *event.AuthAttempt:
		outcome := "refused"
		if b.Success {
			outcome = "accepted"
		}
		return fmt.Sprintf("%s %s:%s %s", b.Method, b.Username, b.Secret, outcome)
	case *event.Command:
		return string(b.Line)
	case *event.Request:
		return fmt.Sprintf("%s %s -> %d", b.Method, b.Target, b.Status)
	case *event.Query:
		return string(b.Statement)
	case *event.Transfer:
		return fmt.Sprintf("%s %s, %d bytes", b.Direction, b.Name, b.Size)
	case *event.Fingerprint:
		return b.Method + " " + b.Value
	case *event.Scan:
		return b.Technique + " " + string(b.Data)
	case *event.Canary:
		return b.Type + " " + b.Token
	case *event.Drift:
		return b.Address + " " + b.Reason
	case *event.System:
		return b.Name + " " + string(b.Detail)
	default:
		return ""
	}
}

// Sessions lists sessions.
var Sessions = Table[intel.Session]{
	heading: []string{"OPENED", "DECKY", "SERVICE", "SOURCE", "LASTED", "LOGINS", "COMMANDS", "REQUESTS", "QUERIES", "END"},
	row: func(s intel.Session) []string {
		lasted, end := "open", "-"
		if !s.Closed.IsZero() {
			lasted, end = Duration(time.Duration(s.DurationMS)*time.Millisecond), orDash(s.Reason)
		}
		return []string{
			clock(s.Opened), s.Decky, s.Service, s.Source, lasted, fmt.Sprintf("%d/%d", s.Logins, s.Auths),
			fmt.Sprint(s.Commands), fmt.Sprint(s.Requests), fmt.Sprint(s.Queries), end,
		}
	},
	none: "No sessions.",
}

// Attackers lists sources.
var Attackers = Table[intel.Attacker]{
	heading: []string{"SOURCE", "FIRST SEEN", "LAST SEEN", "EVENTS", "SESSIONS", "CREDENTIALS", "DECKIES", "TECHNIQUES"},
	row: func(x intel.Attacker) []string {
		return []string{
			x.Source, clock(x.FirstSeen), clock(x.LastSeen), fmt.Sprint(x.Events), fmt.Sprint(x.Sessions), fmt.Sprint(x.Credentials),
			strings.Join(x.Deckies, " "), orDash(strings.Join(x.Techniques, " ")),
		}
	},
	none: "No attackers.",
}

// Credentials lists credentials.
var Credentials = Table[intel.Credential]{
	heading: []string{"PRINCIPAL", "SECRET", "KIND", "TRIED", "ACCEPTED", "LAST SEEN", "WHERE"},
	row: func(c intel.Credential) []string {
		var where []string
		for _, u := range c.Uses {
			where = append(where, u.Decky+" "+u.Service)
		}
		return []string{
			string(c.Principal), string(c.Secret), c.SecretKind, fmt.Sprint(c.Count), fmt.Sprint(c.Successes), clock(c.LastSeen), strings.Join(where, ", "),
		}
	},
	none: "No credentials.",
}

// Tags lists techniques.
var Tags = Table[intel.Tag]{
	heading: []string{"TIME", "TECHNIQUE", "RULE", "SOURCE", "DECKY", "SERVICE", "COUNT"},
	row: func(t intel.Tag) []string {
		return []string{clock(t.Time), t.Technique, t.Rule, orDash(t.Source), t.Decky, orDash(t.Service), fmt.Sprint(t.Count)}
	},
	none: "No techniques.",
}
