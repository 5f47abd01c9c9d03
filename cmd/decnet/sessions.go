package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/schema/event"
)

// recordedSessions makes the sessions command: its list, and the player.
func (a *app) recordedSessions() *cobra.Command {
	cmd := a.sessionsCommand()
	list := a.sessionsCommand()
	list.Use = "list"
	cmd.AddCommand(list, a.replayCommand())
	return cmd
}

func (a *app) replayCommand() *cobra.Command {
	var database string
	var playing cast.Playing
	cmd := &cobra.Command{
		Use: "replay ID", Short: "Play the recording of a session in this terminal", Args: cobra.ExactArgs(1),
		Long: `Replay plays what the terminal of a session showed, in its own time. ID is the session's, as decnet
sessions lists it with --json, or the beginning of it.

An attacker chose what is shown. Only printable characters, line feeds, carriage returns, tabs,
backspaces, colours, moves of the cursor and erasing reach this terminal; titles, the clipboard, links,
modes and questions that the terminal would answer are left out, and other control characters are
written as <U+0085>. With --raw every byte is let through: use it only in a terminal that may be harmed.
What was typed is in the recording and is not shown.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if playing.Speed <= 0 || playing.Speed > 1000 {
				return fmt.Errorf("--speed is %g and must be above 0 and at most 1000", playing.Speed)
			}
			if playing.Idle < 0 {
				return fmt.Errorf("--idle is %s and must not be negative", playing.Idle)
			}
			return a.replay(cmd.Context(), a.intelFiles(database, "").database, args[0], playing)
		},
	}
	cmd.Flags().StringVar(&database, "database", os.Getenv("DECNET_INTEL_DATABASE"), "database of decnet intel (default: intel.db beside the state)")
	cmd.Flags().Float64Var(&playing.Speed, "speed", 1, "how many times faster than it was")
	cmd.Flags().DurationVar(&playing.Idle, "idle", 2*time.Second, "the longest pause, 0 for as long as it was")
	cmd.Flags().BoolVar(&playing.Raw, "raw", false, "let every byte through, also what can attack this terminal")
	return cmd
}

func (a *app) replay(ctx context.Context, database, id string, playing cast.Playing) error {
	recordings, err := recordingsOf(ctx, database, id)
	if err != nil {
		return err
	}
	for i, t := range recordings {
		if !t.Stored {
			return fmt.Errorf("the recording of session %s was not kept: the decky's quota was used up", id)
		}
		data, err := readArtifact(dataDir(), t.SHA256)
		if err != nil {
			return err
		}
		if len(recordings) > 1 {
			fmt.Fprintf(a.stderr, "Recording %d of %d.\n", i+1, len(recordings))
		}
		r, err := cast.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if err := cast.Play(ctx, r, a.stdout, playing); err != nil {
			return err
		}
	}
	return nil
}

// recordingsOf are those of the one session whose id begins with id, oldest
// first.
func recordingsOf(ctx context.Context, database, id string) ([]*event.Transfer, error) {
	f := intel.Filter{Kind: string(event.KindTransfer), Search: cast.Direction, Limit: intel.MaxLimit, Ascending: true}
	if len(id) == 26 {
		f.Session = strings.ToUpper(id)
	}
	events, err := answers(ctx, database, f, func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Event, error) {
		return q.Events(ctx, f)
	})
	if err != nil {
		return nil, err
	}
	session := ""
	var found []*event.Transfer
	for _, e := range events {
		t, ok := e.Body.(*event.Transfer)
		if !ok || t.Direction != cast.Direction || id == "" || !strings.HasPrefix(e.Session, strings.ToUpper(id)) {
			continue
		}
		if session != "" && session != e.Session {
			return nil, fmt.Errorf("several recorded sessions begin with %s: give more of the id", id)
		}
		session = e.Session
		found = append(found, t)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no session that begins with %s has a recording", id)
	}
	return found, nil
}

// readArtifact reads the artifact with a digest out of the deckies' stores. A
// decky's directory belongs to the process that attackers talk to: nothing in it
// is followed, and what is read must have the digest.
func readArtifact(dir, digest string) ([]byte, error) {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("%q is no digest", digest)
	}
	places, err := filepath.Glob(filepath.Join(dir, "*", "store", "*", "*@"+cast.Artifact(digest)))
	if err != nil {
		return nil, fmt.Errorf("look for artifact %s: %w", digest, err)
	}
	var failed error
	for _, place := range places {
		data, err := readRegular(place)
		sum := sha256.Sum256(data)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case hex.EncodeToString(sum[:]) != digest:
			failed = errors.Join(failed, fmt.Errorf("%s is not what was recorded: its digest is another", place))
		default:
			return data, nil
		}
	}
	if failed != nil {
		return nil, failed
	}
	return nil, fmt.Errorf("artifact %s is not below %s: the decky was recycled, or stands on another host", digest, dir)
}

// readRegular reads a file that is one, and no link, at most a recording long.
func readRegular(path string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read artifact: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.Base(path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read artifact: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read artifact: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > cast.MaxBytes {
		return nil, fmt.Errorf("%s is no recording: %s, %d bytes", path, info.Mode().Type(), info.Size())
	}
	data, err := io.ReadAll(io.LimitReader(f, cast.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read artifact: %w", err)
	}
	return data, nil
}
