package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/schema/notification"
)

// newsroom is a daemon that only has events.
type newsroom struct {
	control.Reader
	mu   sync.Mutex
	all  []notification.Notification // the newest first
	away error
}

func (r *newsroom) Events(_ context.Context, _ string, limit int) ([]notification.Notification, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away != nil {
		return nil, r.away
	}
	return slices.Clone(r.all[:min(limit, len(r.all))]), nil
}

func (r *newsroom) happen(kinds ...notification.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range kinds {
		n := notification.Notification{ID: fmt.Sprintf("id%02d", len(r.all)+1), Kind: k, Title: "what <happened>\x1b"}
		r.all = slices.Insert(r.all, 0, n)
	}
}

func (r *newsroom) leave(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = err
}

// ids are those in lines of output, in their order.
func ids(text string) string {
	var all []string
	for _, f := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("\t\n \",:{}", c) }) {
		if strings.HasPrefix(f, "id") && len(f) == 4 {
			all = append(all, f)
		}
	}
	return strings.Join(all, " ")
}

func TestEventsAreFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		flags    eventsFlags
		json     bool
		during   func(r *newsroom)
		want     string
		unending bool
		says     string
	}{
		"from the last ones":          {flags: eventsFlags{limit: 2}, want: "id02 id03 id04", unending: true, during: func(r *newsroom) { r.happen(notification.Applied) }},
		"after one":                   {flags: eventsFlags{limit: 1000, after: "id01"}, want: "id02 id03", unending: true},
		"after the last":              {flags: eventsFlags{limit: 1000, after: "id03"}, want: "id04", unending: true, during: func(r *newsroom) { r.happen(notification.Applied) }},
		"after one that nobody knows": {flags: eventsFlags{limit: 1000, after: "id9"}, want: "id01 id02 id03", unending: true, says: "No event of late has an id that begins with id9"},
		"until a kind": {
			flags: eventsFlags{limit: 1000, after: "id03", until: []string{"sync.applied", "sync.failed"}}, want: "id04 id05",
			during: func(r *newsroom) { r.happen(notification.Progressing, notification.Failed, notification.Recovered) },
		},
		"until a kind that was there": {flags: eventsFlags{limit: 1000, until: []string{"sync.applied"}}, want: "id01 id02"},
		"through a restart": {
			flags: eventsFlags{limit: 1, until: []string{"sync.applied"}}, json: true, want: "id03 id04", says: "Waiting for the daemon",
			during: func(r *newsroom) {
				r.leave(control.ErrAbsent)
				time.Sleep(10 * time.Second)
				r.leave(nil)
				r.happen(notification.Applied)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &newsroom{}
				r.happen(notification.Waiting, notification.Applied, notification.Waiting)
				var stdout, stderr bytes.Buffer
				a := &app{stdout: &stdout, stderr: &stderr, json: c.json}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- a.followEvents(ctx, r, "prod", c.flags) }()
				time.Sleep(10 * time.Second)
				if c.during != nil {
					c.during(r)
				}
				time.Sleep(10 * time.Second)
				select {
				case err := <-done:
					if err != nil || c.unending {
						t.Errorf("it ended: %v", err)
					}
				default:
					if !c.unending {
						t.Error("it goes on")
					}
				}
				cancel()
				synctest.Wait()
				if diff := cmp.Diff(c.want, ids(stdout.String())); diff != "" {
					t.Errorf("%s\n%s", diff, stdout.String())
				}
				if strings.Contains(stdout.String(), "\x1b") {
					t.Errorf("what others wrote is not escaped: %q", stdout.String())
				}
				if strings.Count(stderr.String(), c.says) != 1 && c.says != "" || c.says == "" && stderr.Len() > 0 {
					t.Errorf("stderr: %s", stderr.String())
				}
			})
		})
	}
}

func TestEventsOfNobodyAreNotFollowed(t *testing.T) {
	for _, want := range []error{control.ErrUnknown, control.ErrAbsent, errors.New("the disk is full")} {
		r := &newsroom{away: want}
		a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
		if err := a.followEvents(t.Context(), r, "prod", eventsFlags{limit: 1}); !errors.Is(err, absent(want)) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
