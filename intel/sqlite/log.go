package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

const eventColumns = "seq, id, time, received, journal, flags, decky, service, session, source, source_port, dest, dest_port, kind, body"

var (
	insertEvents = bulk{head: "INSERT INTO events (" + eventColumns + ")", columns: 15, tail: "ON CONFLICT (id) DO NOTHING"}
	upsertOffset = bulk{
		head: "INSERT INTO journals (journal, name, segment, position, corrupt, flagged)", columns: 6,
		tail: `ON CONFLICT (journal) DO UPDATE SET name = excluded.name, segment = excluded.segment, position = excluded.position,
			corrupt = corrupt + excluded.corrupt, flagged = flagged + excluded.flagged`,
	}
	addCounter = bulk{head: "INSERT INTO counters (name, value)", columns: 2, tail: "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"}
)

// Append implements intel.Log.
func (d *DB) Append(ctx context.Context, b intel.Batch) (intel.Appended, error) {
	args, err := eventRows(b.Events)
	if err != nil {
		return intel.Appended{}, err
	}
	d.appending.Lock()
	defer d.appending.Unlock()
	var out intel.Appended
	first, last := d.next, d.next+int64(len(b.Events))-1
	err = d.update(ctx, "store events", func(ctx context.Context) error {
		for i, e := range b.Events {
			e.Seq = first + int64(i)
			args[i*insertEvents.columns] = e.Seq
		}
		stored, err := d.insert(ctx, insertEvents, args)
		if err != nil {
			return err
		}
		out.Stored, out.Duplicates = b.Events, len(b.Events)-int(stored)
		if out.Duplicates > 0 {
			if out.Stored, err = d.kept(ctx, b.Events, first); err != nil {
				return err
			}
		}
		if _, err := d.insert(ctx, addCounter, []any{"events", stored, "duplicates", int64(out.Duplicates)}); err != nil {
			return err
		}
		return d.offsets(ctx, b.Offsets)
	})
	if err != nil {
		return intel.Appended{}, err
	}
	d.next = last + 1
	d.recent.add(first-1, last, out.Stored)
	return out, nil
}

func eventRows(events []*intel.Event) ([]any, error) {
	args := make([]any, 0, len(events)*insertEvents.columns)
	for _, e := range events {
		if e.Event == nil || e.Body == nil {
			return nil, fmt.Errorf("store events: event has no body")
		}
		body, err := json.Marshal(e.Body)
		if err != nil {
			return nil, fmt.Errorf("store event %s: %w", e.ID, err)
		}
		args = append(args, e.Seq, e.ID, e.Time.UnixMicro(), e.Received.UnixMicro(), e.Journal, int64(e.Flags), e.Decky, e.Service, e.Session,
			e.SourceText(), int64(e.Source.Port), ipText(e.Destination.IP), int64(e.Destination.Port), string(e.Kind()), string(body))
	}
	return args, nil
}

func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// kept are the events that the running transaction did insert.
func (d *DB) kept(ctx context.Context, events []*intel.Event, first int64) ([]*intel.Event, error) {
	rows, err := d.conn.QueryContext(ctx, "SELECT seq FROM events WHERE seq >= ?", first)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	inserted := map[int64]bool{}
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		inserted[seq] = true
	}
	var kept []*intel.Event
	for _, e := range events {
		if inserted[e.Seq] {
			kept = append(kept, e)
		}
	}
	return kept, rows.Err()
}

func (d *DB) offsets(ctx context.Context, offsets []intel.Offset) error {
	args := make([]any, 0, len(offsets)*upsertOffset.columns)
	for _, o := range offsets {
		args = append(args, o.Journal, o.Name, int64(o.Position.Segment), o.Position.Offset, o.Corrupt, o.Flagged)
	}
	_, err := d.insert(ctx, upsertOffset, args)
	return err
}

// Offsets implements intel.Log.
func (d *DB) Offsets(ctx context.Context) (map[string]journal.Position, error) {
	rows, err := d.Reader.db.QueryContext(ctx, "SELECT journal, segment, position FROM journals")
	if err != nil {
		return nil, fmt.Errorf("read journal positions: %w", err)
	}
	defer rows.Close()
	positions := map[string]journal.Position{}
	for rows.Next() {
		var id string
		var segment, offset int64
		if err := rows.Scan(&id, &segment, &offset); err != nil {
			return nil, fmt.Errorf("read journal positions: %w", err)
		}
		positions[id] = journal.Position{Segment: uint64(segment), Offset: offset}
	}
	return positions, rows.Err()
}

// Head implements intel.Log.
func (d *DB) Head(ctx context.Context) (int64, time.Time, error) {
	var seq, latest int64
	err := d.Reader.db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0), coalesce((SELECT max(time) FROM events), 0) FROM events").Scan(&seq, &latest)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read head of log: %w", err)
	}
	return seq, fromMicros(latest), nil
}

// After implements intel.Log.
func (d *DB) After(ctx context.Context, seq int64, limit int) ([]*intel.Event, error) {
	if events, ok := d.recent.after(seq, limit); ok {
		return events, nil
	}
	var events []*intel.Event
	err := d.scan(ctx, "SELECT "+eventColumns+" FROM events WHERE seq > ? ORDER BY seq LIMIT ?", []any{seq, limit}, func(e *intel.Event) error {
		events = append(events, e)
		return nil
	})
	return events, err
}

// Replay implements intel.Log.
func (d *DB) Replay(ctx context.Context, since time.Time, seq int64, yield func(*intel.Event) error) error {
	return d.scan(ctx, "SELECT "+eventColumns+" FROM events WHERE time >= ? AND seq <= ? ORDER BY seq", []any{since.UnixMicro(), seq}, yield)
}

// scan yields the events of a query over eventColumns.
func (r *Reader) scan(ctx context.Context, query string, args []any, yield func(*intel.Event) error) error {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at, received, flags int64
		var kind, source, dest string
		var body []byte
		e := &intel.Event{Event: &event.Event{}}
		if err := rows.Scan(&e.Seq, &e.ID, &at, &received, &e.Journal, &flags, &e.Decky, &e.Service, &e.Session,
			&source, &e.Source.Port, &dest, &e.Destination.Port, &kind, &body); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		e.Time, e.Received, e.Flags = time.UnixMicro(at).UTC(), time.UnixMicro(received).UTC(), intel.Flags(flags)
		e.Source.IP, _ = netip.ParseAddr(source) // empty stands for none
		e.Destination.IP, _ = netip.ParseAddr(dest)
		if e.Body, err = event.DecodeBody(event.Kind(kind), body); err != nil {
			return fmt.Errorf("read event %d: %w", e.Seq, err)
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return rows.Err()
}
