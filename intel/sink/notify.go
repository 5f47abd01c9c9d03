package sink

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Notifier brings notifications to the sinks that take no RFC 5424 messages:
// webhooks, chats, mail. It filters, repeats and keeps what waits itself.
type Notifier interface {
	// SetSinks replaces the sinks.
	SetSinks([]schema.Sink)
	// Notify takes a notification over; it does not wait for its delivery.
	Notify(notification.Notification)
}

// notified is the cursor of all such sinks together: no sink can be called so.
const notified = "(notifications)"

// notifies tells whether a type of sink is the Notifier's.
func notifies(typ string) bool {
	return typ == schema.SinkWebhook || typ == schema.SinkSlack || typ == schema.SinkEmail
}

// teller makes notifications of tags.
type teller struct {
	manager *Manager
	to      Notifier
	wake    chan struct{}
}

// run tells until ctx ends.
func (t *teller) run(ctx context.Context) {
	delay := firstDelay
	for ctx.Err() == nil {
		more, err := t.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			if delay == firstDelay {
				t.manager.logger.Warn("detections are not told; trying again", "error", err)
			}
			pause(ctx, nil, delay)
			delay = min(2*delay, lastDelay)
		case err == nil:
			delay = firstDelay
			if !more {
				pause(ctx, t.wake, time.Minute)
			}
		}
	}
}

// step tells one run of tags. What a database held before anybody was told of
// anything is history and no news.
func (t *teller) step(ctx context.Context) (more bool, err error) {
	store := t.manager.store
	at, err := store.Delivery(ctx, notified)
	if err != nil {
		return false, err
	}
	begun := at.Event != 0
	tags, err := store.TagsAfter(ctx, at.Tag, batch)
	if err != nil {
		return false, err
	}
	for i := range tags {
		if begun {
			t.to.Notify(notificationOf(&tags[i], t.manager.hostname(tags[i].Decky)))
		}
		at.Tag = tags[i].ID
	}
	switch {
	case len(tags) == 0 && begun:
		return false, nil
	case len(tags) == 0:
		at.Event = 1
	}
	return true, store.SetDelivery(ctx, at)
}

// notificationOf is the news that a tag is. The same rule for the same key is
// the same news.
func notificationOf(t *intel.Tag, hostname string) notification.Notification {
	where := t.Decky
	if hostname != "" {
		where = hostname + " (" + t.Decky + ")"
	}
	title := fmt.Sprintf("%s by %s at %s", t.Technique, t.Source, where)
	if t.Source == "" {
		title = fmt.Sprintf("%s at %s", t.Technique, where)
	}
	fields := map[string]string{
		"technique": t.Technique, "tactics": strings.Join(t.Tactics, ", "), "attack_version": t.AttackVersion, "rule": t.Rule,
		"key": strings.ReplaceAll(t.Key, "\x00", " "), "count": strconv.FormatInt(t.Count, 10), "source": t.Source, "service": t.Service,
		"session": t.Session, "event": t.Event, "hostname": hostname,
	}
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return notification.Notification{
		ID: "detection-" + strconv.FormatInt(t.ID, 10), Time: t.Time, Kind: notification.Detection, Severity: notification.Warning,
		Key: t.Rule + "/" + t.Key, Title: title, Body: fmt.Sprintf("The rule %s saw it in the event %s.", t.Rule, t.Event), Address: t.Decky, Fields: fields,
	}
}
