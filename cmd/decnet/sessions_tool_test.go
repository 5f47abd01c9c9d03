package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// collected is a command of the scripts: collected DATABASE SESSION FILE makes a
// recording of FILE what intel has collected of SESSION.
func collected() {
	if err := collectSession(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func collectSession(database, session, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	store := filepath.Join(os.Getenv("DECNET_DATA_DIR"), "lineage", "store", "decky")
	if err := os.MkdirAll(store, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(store, "telnet@"+cast.Artifact(digest)), data, 0o600); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := sqlite.Open(ctx, database)
	if err != nil {
		return err
	}
	now := time.Now()
	_, err = db.Append(ctx, intel.Batch{
		Events: []*intel.Event{{Received: now, Journal: "j", Event: &event.Event{
			ID: event.NewID(now), Time: now, Decky: "decky.a", Service: "telnet", Session: session,
			Body: &event.Transfer{Direction: cast.Direction, Name: "session.cast", Size: int64(len(data)), SHA256: digest, Stored: true},
		}}},
		Offsets: []intel.Offset{{Journal: session, Name: session, Position: journal.Position{}}},
	})
	if err != nil {
		return err
	}
	return db.Close()
}
