package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/notification"
)

// eventsFlags are what decnet sync events may be told.
type eventsFlags struct {
	limit  int
	after  string
	follow bool
	until  []string // kinds
}

func (a *app) syncEventsCommand(flags *syncFlags) *cobra.Command {
	var events eventsFlags
	cmd := &cobra.Command{
		Use: "events NAME", Short: "Show the news of a sync since the daemon began", Args: cobra.ExactArgs(1),
		Long: `Events shows the news of a sync, the newest first. With --follow the oldest comes first, and what
happens is shown as it does, a line each (with --json a JSON document a line), until it is
interrupted, or has shown one of the kinds of --until; it goes on when the daemon is restarted. A
script waits so for what it asked for:

  last=$(decnet sync events prod --limit 1 --json | jq -r '.[0].id // ""')
  decnet sync now prod
  decnet sync events prod --after "$last" --until sync.applied,sync.failed,sync.refused`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := listLimit(events.limit); err != nil {
				return err
			}
			if cmd.Flags().Changed("after") && !cmd.Flags().Changed("limit") {
				events.limit = control.MaxList
			}
			for _, kind := range events.until {
				if !slices.Contains(notification.Kinds(), notification.Kind(kind)) {
					return fmt.Errorf("--until: there is no kind %q; there are %s", kind, joined(notification.Kinds()))
				}
			}
			if events.follow || len(events.until) > 0 {
				return a.followEvents(cmd.Context(), flags.client(), args[0], events)
			}
			all, err := read(cmd.Context(), a, flags, func(ctx context.Context, r control.Reader) ([]notification.Notification, error) {
				return r.Events(ctx, args[0], control.MaxList)
			})
			if err != nil {
				return err
			}
			all = a.eventsAfter(all, events)
			if a.json {
				return a.printJSON(all)
			}
			return view.News.Write(a.stdout, all)
		},
	}
	cmd.Flags().IntVar(&events.limit, "limit", defaultList, "how many at most, the newest")
	cmd.Flags().StringVar(&events.after, "after", "", "only what came after the one of this `ID`, or the beginning of an id")
	cmd.Flags().BoolVar(&events.follow, "follow", false, "go on, and show what happens as it does")
	cmd.Flags().StringSliceVar(&events.until, "until", nil, "follow until one of these `KIND`s was shown")
	return cmd
}

func joined(kinds []notification.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// eventsAfter are those that are asked for, the newest first.
func (a *app) eventsAfter(all []notification.Notification, flags eventsFlags) []notification.Notification {
	if flags.after != "" {
		at := slices.IndexFunc(all, func(n notification.Notification) bool { return strings.HasPrefix(n.ID, flags.after) })
		if at < 0 {
			fmt.Fprintf(a.stderr, "No event of late has an id that begins with %s: all of late are shown.\n", view.Clean(flags.after))
			at = len(all)
		}
		all = all[:at]
	}
	return append([]notification.Notification{}, all[:min(len(all), flags.limit)]...)
}

// eventsPause is between two looks of who follows events.
const eventsPause = 500 * time.Millisecond

// followEvents shows events as they happen, until ctx ends.
func (a *app) followEvents(ctx context.Context, client control.Reader, name string, flags eventsFlags) error {
	var shown map[string]bool // ids of late; nil: nothing was asked yet
	lost := false
	for {
		all, err := client.Events(ctx, name, control.MaxList)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (shown == nil || errors.Is(err, control.ErrUnknown)):
			return absent(err)
		case err != nil && !lost: // it is restarted, or reads its file
			lost = true
			fmt.Fprintf(a.stderr, "Waiting for the daemon: %v\n", err)
		case err == nil:
			fresh := all
			if shown == nil {
				fresh = a.eventsAfter(all, flags)
			} else {
				fresh = slices.DeleteFunc(slices.Clone(all), func(n notification.Notification) bool { return shown[n.ID] })
			}
			shown, lost = map[string]bool{}, false
			for _, n := range all {
				shown[n.ID] = true
			}
			slices.Reverse(fresh)
			last := slices.IndexFunc(fresh, func(n notification.Notification) bool { return slices.Contains(flags.until, string(n.Kind)) })
			if last >= 0 {
				fresh = fresh[:last+1]
			}
			if err := a.writeEvents(fresh); err != nil || last >= 0 {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(eventsPause):
		}
	}
}

// writeEvents writes events of a list that goes on.
func (a *app) writeEvents(all []notification.Notification) error {
	if !a.json {
		return view.News.WriteRows(a.stdout, all)
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	for _, n := range all {
		if err := encoder.Encode(n); err != nil {
			return err
		}
	}
	return nil
}
