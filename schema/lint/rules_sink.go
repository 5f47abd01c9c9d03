package lint

import (
	"fmt"
	"slices"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/notification"
)

// Sink is where something is sent.
type Sink struct {
	Address addr.Address
	schema.Sink

	source string
}

// at is the sink as a subject.
func (s *Sink) at(argument string) Subject {
	return Subject{Address: s.Address, Argument: argument, source: s.source}
}

func noSink(f *Fleet) []Finding {
	if len(f.Deckies) == 0 || slices.ContainsFunc(f.Sinks, func(s *Sink) bool { return s.Type != schema.SinkCommitStatus }) {
		return nil
	}
	return whole("The configuration has no sink for what attackers do.")
}

// unsigned finds webhooks whose receiver cannot tell who speaks.
func unsigned(f *Fleet) []Finding {
	var found []Finding
	for _, s := range f.Sinks {
		if s.Type == schema.SinkWebhook && s.SecretFile == "" && s.TokenFile == "" {
			found = append(found, about(fmt.Sprintf("Whoever knows the URL of the webhook %s can say the same as decnet.", s.Name), s.at("url")))
		}
	}
	return found
}

// flood finds sinks that people read and that an attacker can fill.
func flood(f *Fleet) []Finding {
	var found []Finding
	for _, s := range f.Sinks {
		if (s.Type == schema.SinkEmail || s.Type == schema.SinkSlack) && s.DedupWindow() == 0 &&
			(s.Wants(notification.Notification{Kind: notification.Detection, Severity: notification.Warning}) ||
				s.Wants(notification.Notification{Kind: notification.Drifted, Severity: notification.Warning})) {
			found = append(found, about(fmt.Sprintf("An attacker decides how many messages the sink %s sends.", s.Name), s.at("type")))
		}
	}
	return found
}
