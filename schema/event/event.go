// Package event is the wire contract between a decky and everything that
// learns from it: one envelope, one typed body per kind. It imports nothing of
// ours, so that the small binary inside a decky can speak it, and it refuses
// anything about storage, scoring or presentation.
package event

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// Limits of one event. A recorder truncates to them and says so in the body;
// a collector refuses what exceeds them.
const (
	MaxText  = 64 << 10  // bytes of one text field
	MaxEvent = 256 << 10 // bytes of one encoded event
)

// Kind names what happened. The set is closed: a new kind is a new body type.
type Kind string

// The kinds of DESIGN.md section 8.
const (
	KindConnectionOpened Kind = "connection.opened"
	KindConnectionClosed Kind = "connection.closed"
	KindAuthAttempt      Kind = "auth.attempt"
	KindCommand          Kind = "command"
	KindRequest          Kind = "request"
	KindQuery            Kind = "query"
	KindTransfer         Kind = "transfer"
	KindFingerprint      Kind = "fingerprint"
	KindScan             Kind = "scan"
	KindCanary           Kind = "canary"
	KindDrift            Kind = "drift"
	KindSystem           Kind = "system"
)

// Event is one thing that happened at a decky.
type Event struct {
	// ID is unique over all deckies and sorts by time of making (26
	// characters, see NewID).
	ID string
	// Time is UTC with microseconds.
	Time time.Time
	// Decky is the decky's instance address, "decky.web[0]".
	Decky string
	// Service is the service's name within the decky: its slug, or
	// "slug.label"; empty for events of the host itself.
	Service string
	// Session groups the events of one connection; empty where there is none.
	Session     string
	Source      Endpoint
	Destination Endpoint
	Body        Body
}

// Kind is the body's kind.
func (e *Event) Kind() Kind {
	if e.Body == nil {
		return ""
	}
	return e.Body.Kind()
}

// Endpoint is one end of a connection.
type Endpoint struct {
	IP   netip.Addr `json:"ip,omitzero"`
	Port uint16     `json:"port,omitempty"`
}

// EndpointOf is ap as an endpoint, IPv4-mapped addresses unwrapped.
func EndpointOf(ap netip.AddrPort) Endpoint {
	return Endpoint{IP: ap.Addr().Unmap(), Port: ap.Port()}
}

// Body is what an event of one kind says. The bodies of this package are the
// only ones.
type Body interface{ Kind() Kind }

type envelope struct {
	ID          string          `json:"id"`
	Time        time.Time       `json:"time"`
	Decky       string          `json:"decky"`
	Service     string          `json:"service,omitempty"`
	Session     string          `json:"session,omitempty"`
	Source      Endpoint        `json:"source,omitzero"`
	Destination Endpoint        `json:"destination,omitzero"`
	Kind        Kind            `json:"kind"`
	Body        json.RawMessage `json:"body"`
}

// MarshalJSON writes the event with its kind beside its body.
func (e *Event) MarshalJSON() ([]byte, error) {
	if e.Body == nil {
		return nil, fmt.Errorf("event %s has no body", e.ID)
	}
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s body: %w", e.Body.Kind(), err)
	}
	return json.Marshal(envelope{
		ID: e.ID, Time: e.Time.UTC().Truncate(time.Microsecond), Decky: e.Decky, Service: e.Service, Session: e.Session,
		Source: e.Source, Destination: e.Destination, Kind: e.Body.Kind(), Body: body,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote; an unknown kind is an error.
func (e *Event) UnmarshalJSON(data []byte) error {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return err
	}
	body, err := DecodeBody(env.Kind, env.Body)
	if err != nil {
		return err
	}
	*e = Event{
		ID: env.ID, Time: env.Time, Decky: env.Decky, Service: env.Service, Session: env.Session,
		Source: env.Source, Destination: env.Destination, Body: body,
	}
	return nil
}

// DecodeBody reads the body of an event of kind k.
func DecodeBody(k Kind, data json.RawMessage) (Body, error) {
	var body Body
	switch k {
	case KindConnectionOpened:
		body = &ConnectionOpened{}
	case KindConnectionClosed:
		body = &ConnectionClosed{}
	case KindAuthAttempt:
		body = &AuthAttempt{}
	case KindCommand:
		body = &Command{}
	case KindRequest:
		body = &Request{}
	case KindQuery:
		body = &Query{}
	case KindTransfer:
		body = &Transfer{}
	case KindFingerprint:
		body = &Fingerprint{}
	case KindScan:
		body = &Scan{}
	case KindCanary:
		body = &Canary{}
	case KindDrift:
		body = &Drift{}
	case KindSystem:
		body = &System{}
	default:
		return nil, fmt.Errorf("unknown event kind %q", string(k))
	}
	if err := json.Unmarshal(data, body); err != nil {
		return nil, fmt.Errorf("decode %s body: %w", k, err)
	}
	return body, nil
}
