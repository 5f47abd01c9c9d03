package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

// where collects conditions; every value is a bound parameter.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

func (w *where) span(column string, f *intel.Filter) {
	if !f.Since.IsZero() {
		w.add(column+" >= ?", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		w.add(column+" < ?", f.Until.UnixMicro())
	}
}

// contains wants text in one of columns.
func (w *where) contains(text string, columns ...string) {
	if text == "" {
		return
	}
	var either []string
	for _, column := range columns {
		either = append(either, column+` LIKE ? ESCAPE '\'`)
		w.args = append(w.args, pattern(text))
	}
	w.conditions = append(w.conditions, "("+strings.Join(either, " OR ")+")")
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// pattern finds text anywhere. To LIKE a pattern ends at its first NUL, so
// that text with one finds what nothing holds instead of everything.
func pattern(text string) any {
	if strings.Contains(text, "\x00") {
		return nil
	}
	return "%" + likeEscaper.Replace(text) + "%"
}

// jsonText is text as it stands within a JSON string.
func jsonText(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(data[1 : len(data)-1])
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// order completes a query; key is ascending with time.
func (w *where) order(key string, f *intel.Filter) string {
	direction := " DESC"
	if f.Ascending {
		direction = ""
	}
	keys := strings.ReplaceAll(key, ",", direction+",") + direction
	limit, offset := f.Page()
	w.args = append(w.args, limit, offset)
	return " ORDER BY " + keys + " LIMIT ? OFFSET ?"
}

// collect scans every row of a query.
func collect[T any](ctx context.Context, db *sql.DB, what, query string, args []any, scan func(*sql.Rows, *T) error) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", what, err)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, fmt.Errorf("query %s: %w", what, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query %s: %w", what, err)
	}
	return out, nil
}

// Events implements intel.Query.
func (r *Reader) Events(ctx context.Context, f intel.Filter) ([]intel.Event, error) {
	var w where
	w.equal("decky", f.Decky)
	w.equal("source", f.Source)
	w.equal("kind", f.Kind)
	w.equal("service", f.Service)
	if f.Session != "" {
		w.add("session = ? AND session <> ''", f.Session)
	}
	if f.Search != "" {
		w.add(`(body LIKE ? ESCAPE '\' OR decky LIKE ? ESCAPE '\' OR service LIKE ? ESCAPE '\' OR source LIKE ? ESCAPE '\')`,
			pattern(jsonText(f.Search)), pattern(f.Search), pattern(f.Search), pattern(f.Search))
	}
	if f.Member != "" {
		w.add("json_extract(body, ?) = json_extract(?, '$')", `$."`+f.Member+`"`, f.Value)
	}
	w.span("time", &f)
	query := "SELECT " + eventColumns + " FROM events" + w.String() + w.order("seq", &f)
	out := []intel.Event{}
	err := r.scan(ctx, query, w.args, func(e *intel.Event) error {
		out = append(out, *e)
		return nil
	})
	return out, err
}

// Sessions implements intel.Query.
func (r *Reader) Sessions(ctx context.Context, f intel.Filter) ([]intel.Session, error) {
	var w where
	w.equal("decky", f.Decky)
	w.equal("source", f.Source)
	w.equal("service", f.Service)
	w.equal("id", f.Session)
	w.contains(f.Search, "decky", "id", "service", "source")
	w.span("opened", &f)
	query := `SELECT decky, id, service, source, source_port, opened, last, closed, duration_ms, events, auths, logins, commands, requests,
		queries, transfers, bytes_in, bytes_out, reason FROM sessions` + w.String() + w.order("opened, decky, id", &f)
	return collect(ctx, r.db, "sessions", query, w.args, func(rows *sql.Rows, s *intel.Session) error {
		var opened, last, closed int64
		err := rows.Scan(&s.Decky, &s.ID, &s.Service, &s.Source, &s.SourcePort, &opened, &last, &closed, &s.DurationMS, &s.Events, &s.Auths,
			&s.Logins, &s.Commands, &s.Requests, &s.Queries, &s.Transfers, &s.BytesIn, &s.BytesOut, &s.Reason)
		s.Opened, s.Last, s.Closed = fromMicros(opened), fromMicros(last), fromMicros(closed)
		return err
	})
}

// Attackers implements intel.Query.
func (r *Reader) Attackers(ctx context.Context, f intel.Filter) ([]intel.Attacker, error) {
	var w where
	w.equal("source", f.Source)
	w.contains(f.Search, "source")
	w.span("last", &f)
	if f.Decky != "" {
		w.add("EXISTS (SELECT 1 FROM contacts c WHERE c.source = attackers.source AND c.decky = ?)", f.Decky)
	}
	if f.Technique != "" {
		w.add("EXISTS (SELECT 1 FROM tags t WHERE t.source = attackers.source AND (t.technique = ? OR t.technique LIKE ? ESCAPE '\\'))",
			f.Technique, likeEscaper.Replace(f.Technique)+".%")
	}
	query := `SELECT source, first, last, events, auths, logins,
		(SELECT count(*) FROM sessions s WHERE s.source = attackers.source),
		(SELECT count(DISTINCT key) FROM uses u WHERE u.source = attackers.source),
		(SELECT json_group_array(decky) FROM (SELECT decky FROM contacts c WHERE c.source = attackers.source ORDER BY decky)),
		(SELECT json_group_array(technique) FROM (SELECT DISTINCT technique FROM tags t WHERE t.source = attackers.source ORDER BY technique))
		FROM attackers` + w.String() + w.order("last, source", &f)
	return collect(ctx, r.db, "attackers", query, w.args, func(rows *sql.Rows, a *intel.Attacker) error {
		var first, last int64
		var deckies, techniques []byte
		if err := rows.Scan(&a.Source, &first, &last, &a.Events, &a.Auths, &a.Logins, &a.Sessions, &a.Credentials, &deckies, &techniques); err != nil {
			return err
		}
		a.FirstSeen, a.LastSeen = fromMicros(first), fromMicros(last)
		if err := json.Unmarshal(deckies, &a.Deckies); err != nil {
			return err
		}
		return json.Unmarshal(techniques, &a.Techniques)
	})
}

// Credentials implements intel.Query.
func (r *Reader) Credentials(ctx context.Context, f intel.Filter) ([]intel.Credential, error) {
	var w where
	w.contains(f.Search, "principal", "secret")
	w.span("last", &f)
	if f.Decky != "" || f.Source != "" || f.Service != "" {
		var use where
		use.equal("u.decky", f.Decky)
		use.equal("u.source", f.Source)
		use.equal("u.service", f.Service)
		w.add("key IN (SELECT u.key FROM uses u"+use.String()+")", use.args...)
	}
	type keyed struct {
		intel.Credential
		key []byte
	}
	query := "SELECT key, principal, kind, sha256, secret, count, successes, first, last FROM credentials" + w.String() + w.order("last, key", &f)
	found, err := collect(ctx, r.db, "credentials", query, w.args, func(rows *sql.Rows, c *keyed) error {
		var first, last int64
		var principal, secret string
		err := rows.Scan(&c.key, &principal, &c.SecretKind, &c.SHA256, &secret, &c.Count, &c.Successes, &first, &last)
		c.Principal, c.Secret = event.Text(principal), event.Text(secret)
		c.FirstSeen, c.LastSeen = fromMicros(first), fromMicros(last)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]intel.Credential, len(found))
	for i := range found {
		out[i] = found[i].Credential
		if out[i].Uses, err = r.uses(ctx, found[i].key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// usesLimit bounds the uses listed with one credential.
const usesLimit = 1000

func (r *Reader) uses(ctx context.Context, key []byte) ([]intel.Use, error) {
	query := "SELECT source, decky, service, count, successes, first, last FROM uses WHERE key = ? ORDER BY source, decky, service LIMIT ?"
	return collect(ctx, r.db, "credential uses", query, []any{key, usesLimit}, func(rows *sql.Rows, u *intel.Use) error {
		var first, last int64
		err := rows.Scan(&u.Source, &u.Decky, &u.Service, &u.Count, &u.Successes, &first, &last)
		u.FirstSeen, u.LastSeen = fromMicros(first), fromMicros(last)
		return err
	})
}

// Tags implements intel.Query.
func (r *Reader) Tags(ctx context.Context, f intel.Filter) ([]intel.Tag, error) {
	var w where
	w.equal("decky", f.Decky)
	w.equal("source", f.Source)
	w.equal("service", f.Service)
	w.equal("session", f.Session)
	w.equal("rule", f.Rule)
	if f.Technique != "" {
		w.add(`(technique = ? OR technique LIKE ? ESCAPE '\')`, f.Technique, likeEscaper.Replace(f.Technique)+".%")
	}
	w.contains(f.Search, "technique", "rule", "key", "decky", "source")
	w.span("time", &f)
	tail := w.String() + w.order("id", &f)
	return r.tags(ctx, tail, w.args...)
}

func (r *Reader) tags(ctx context.Context, tail string, args ...any) ([]intel.Tag, error) {
	query := "SELECT id, event, seq, technique, tactics, rule, attack_version, key, count, time, decky, service, session, source FROM tags " + tail
	return collect(ctx, r.db, "tags", query, args, func(rows *sql.Rows, t *intel.Tag) error {
		var at int64
		var tactics []byte
		if err := rows.Scan(&t.ID, &t.Event, &t.Seq, &t.Technique, &tactics, &t.Rule, &t.AttackVersion, &t.Key, &t.Count, &at,
			&t.Decky, &t.Service, &t.Session, &t.Source); err != nil {
			return err
		}
		t.Time = fromMicros(at)
		return json.Unmarshal(tactics, &t.Tactics)
	})
}

// Contacts implements intel.Query.
func (r *Reader) Contacts(ctx context.Context, f intel.Filter) ([]intel.Contact, error) {
	var w where
	w.equal("decky", f.Decky)
	w.equal("source", f.Source)
	query := "SELECT source, decky, events, first, last FROM contacts" + w.String() + w.order("last, source, decky", &f)
	return collect(ctx, r.db, "contacts", query, w.args, func(rows *sql.Rows, c *intel.Contact) error {
		var first, last int64
		err := rows.Scan(&c.Source, &c.Decky, &c.Events, &first, &last)
		c.FirstSeen, c.LastSeen = fromMicros(first), fromMicros(last)
		return err
	})
}

// Status implements intel.Query.
func (r *Reader) Status(ctx context.Context) (intel.Status, error) {
	s := intel.Status{Cursors: map[string]int64{}}
	var latest int64
	err := r.db.QueryRowContext(ctx, `SELECT coalesce((SELECT value FROM counters WHERE name = 'events'), 0), (SELECT coalesce(max(seq), 0) FROM events),
		(SELECT coalesce(max(time), 0) FROM events), (SELECT count(*) FROM journals), (SELECT coalesce(sum(corrupt), 0) FROM journals),
		(SELECT coalesce(sum(flagged), 0) FROM journals), coalesce((SELECT value FROM counters WHERE name = 'duplicates'), 0)`).
		Scan(&s.Events, &s.Head, &latest, &s.Journals, &s.Corrupt, &s.Flagged, &s.Duplicates)
	if err != nil {
		return s, fmt.Errorf("query status: %w", err)
	}
	s.LastEvent = fromMicros(latest)
	type cursor struct {
		stage string
		seq   int64
	}
	cursors, err := collect(ctx, r.db, "cursors", "SELECT stage, seq FROM cursors", nil, func(rows *sql.Rows, c *cursor) error {
		return rows.Scan(&c.stage, &c.seq)
	})
	if err != nil {
		return s, err
	}
	for _, c := range cursors {
		s.Cursors[c.stage] = c.seq
	}
	s.Deliveries, err = collect(ctx, r.db, "deliveries", "SELECT sink, event, tag FROM deliveries ORDER BY sink", nil, func(rows *sql.Rows, d *intel.Delivery) error {
		return rows.Scan(&d.Sink, &d.Event, &d.Tag)
	})
	return s, err
}
