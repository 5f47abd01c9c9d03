package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/decnet/decnet/intel"
)

var (
	upsertSessions = bulk{
		head: `INSERT INTO sessions (decky, id, service, source, source_port, opened, last, closed, duration_ms, events, auths, logins,
			commands, requests, queries, transfers, bytes_in, bytes_out, reason)`, columns: 19,
		tail: `ON CONFLICT (decky, id) DO UPDATE SET service = iif(service = '', excluded.service, service),
			source = iif(source = '', excluded.source, source), source_port = iif(source = '', excluded.source_port, source_port),
			opened = min(opened, excluded.opened), last = max(last, excluded.last), closed = max(closed, excluded.closed),
			duration_ms = max(duration_ms, excluded.duration_ms), events = events + excluded.events, auths = auths + excluded.auths,
			logins = logins + excluded.logins, commands = commands + excluded.commands, requests = requests + excluded.requests,
			queries = queries + excluded.queries, transfers = transfers + excluded.transfers, bytes_in = max(bytes_in, excluded.bytes_in),
			bytes_out = max(bytes_out, excluded.bytes_out), reason = iif(excluded.reason = '', reason, excluded.reason)`,
	}
	upsertAttackers = bulk{
		head: "INSERT INTO attackers (source, first, last, events, auths, logins)", columns: 6,
		tail: `ON CONFLICT (source) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
			events = events + excluded.events, auths = auths + excluded.auths, logins = logins + excluded.logins`,
	}
	upsertContacts = bulk{
		head: "INSERT INTO contacts (source, decky, events, first, last)", columns: 5,
		tail: `ON CONFLICT (source, decky) DO UPDATE SET events = events + excluded.events, first = min(first, excluded.first),
			last = max(last, excluded.last)`,
	}
	upsertCredentials = bulk{
		head: "INSERT INTO credentials (key, principal, kind, sha256, secret, count, successes, first, last)", columns: 9,
		tail: `ON CONFLICT (key) DO UPDATE SET count = count + excluded.count, successes = successes + excluded.successes,
			first = min(first, excluded.first), last = max(last, excluded.last)`,
	}
	upsertUses = bulk{
		head: "INSERT INTO uses (key, source, decky, service, count, successes, first, last)", columns: 8,
		tail: `ON CONFLICT (key, source, decky, service) DO UPDATE SET count = count + excluded.count,
			successes = successes + excluded.successes, first = min(first, excluded.first), last = max(last, excluded.last)`,
	}
	insertTags = bulk{
		head:    "INSERT INTO tags (event, seq, technique, tactics, rule, attack_version, key, count, time, decky, service, session, source)",
		columns: 13, tail: "ON CONFLICT (seq, technique, rule) DO NOTHING",
	}
	setCursor = bulk{head: "INSERT INTO cursors (stage, seq)", columns: 2, tail: "ON CONFLICT (stage) DO UPDATE SET seq = excluded.seq"}
)

// Cursor implements intel.Stages.
func (d *DB) Cursor(ctx context.Context, stage string) (int64, error) {
	var seq int64
	err := d.Reader.db.QueryRowContext(ctx, "SELECT seq FROM cursors WHERE stage = ?", stage).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor of stage %s: %w", stage, err)
	}
	return seq, nil
}

// Commit implements intel.Stages.
func (d *DB) Commit(ctx context.Context, stages []string, seq int64, c intel.Changes) error {
	work, err := changeRows(c)
	if err != nil {
		return err
	}
	var cursors []any
	for _, stage := range stages {
		cursors = append(cursors, stage, seq)
	}
	return d.update(ctx, "store results of stages", func(ctx context.Context) error {
		for _, w := range work {
			if _, err := d.insert(ctx, w.bulk, w.args); err != nil {
				return err
			}
		}
		_, err := d.insert(ctx, setCursor, cursors)
		return err
	})
}

type rows struct {
	bulk bulk
	args []any
}

func changeRows(c intel.Changes) ([]rows, error) {
	var sessions, attackers, contacts, credentials, uses, tags []any
	for _, s := range c.Sessions {
		sessions = append(sessions, s.Decky, s.ID, s.Service, s.Source, int64(s.SourcePort), micros(s.Opened), micros(s.Last), micros(s.Closed),
			s.DurationMS, s.Events, s.Auths, s.Logins, s.Commands, s.Requests, s.Queries, s.Transfers, s.BytesIn, s.BytesOut, s.Reason)
	}
	for _, a := range c.Attackers {
		attackers = append(attackers, a.Source, micros(a.FirstSeen), micros(a.LastSeen), a.Events, a.Auths, a.Logins)
	}
	for _, o := range c.Contacts {
		contacts = append(contacts, o.Source, o.Decky, o.Events, micros(o.FirstSeen), micros(o.LastSeen))
	}
	for i := range c.Credentials {
		o := &c.Credentials[i]
		key := o.Key()
		credentials = append(credentials, key[:], string(o.Principal), o.SecretKind, o.SHA256, string(o.Secret), o.Count, o.Successes,
			micros(o.FirstSeen), micros(o.LastSeen))
		for _, u := range o.Uses {
			uses = append(uses, key[:], u.Source, u.Decky, u.Service, u.Count, u.Successes, micros(u.FirstSeen), micros(u.LastSeen))
		}
	}
	for _, t := range c.Tags {
		tactics, err := json.Marshal(t.Tactics)
		if err != nil {
			return nil, fmt.Errorf("store tag of rule %s: %w", t.Rule, err)
		}
		tags = append(tags, t.Event, t.Seq, t.Technique, string(tactics), t.Rule, t.AttackVersion, t.Key, t.Count, micros(t.Time),
			t.Decky, t.Service, t.Session, t.Source)
	}
	return []rows{
		{upsertSessions, sessions}, {upsertAttackers, attackers}, {upsertContacts, contacts},
		{upsertCredentials, credentials}, {upsertUses, uses}, {insertTags, tags},
	}, nil
}

// TagsSince implements intel.Stages.
func (d *DB) TagsSince(ctx context.Context, rule string, since time.Time) ([]intel.Tag, error) {
	return d.tags(ctx, "WHERE rule = ? AND time >= ? ORDER BY id", rule, since.UnixMicro())
}

// TagsAfter implements intel.Deliveries.
func (d *DB) TagsAfter(ctx context.Context, id int64, limit int) ([]intel.Tag, error) {
	return d.tags(ctx, "WHERE id > ? ORDER BY id LIMIT ?", id, limit)
}

// Delivery implements intel.Deliveries.
func (d *DB) Delivery(ctx context.Context, sink string) (intel.Delivery, error) {
	out := intel.Delivery{Sink: sink}
	err := d.Reader.db.QueryRowContext(ctx, "SELECT event, tag FROM deliveries WHERE sink = ?", sink).Scan(&out.Event, &out.Tag)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return out, fmt.Errorf("read cursor of sink %s: %w", sink, err)
	}
	return out, nil
}

// SetDelivery implements intel.Deliveries.
func (d *DB) SetDelivery(ctx context.Context, v intel.Delivery) error {
	return d.update(ctx, "store cursor of sink "+v.Sink, func(ctx context.Context) error {
		_, err := d.exec(ctx, `INSERT INTO deliveries (sink, event, tag) VALUES (?, ?, ?)
			ON CONFLICT (sink) DO UPDATE SET event = excluded.event, tag = excluded.tag`, v.Sink, v.Event, v.Tag)
		return err
	})
}
