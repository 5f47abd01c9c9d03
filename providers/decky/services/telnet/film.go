package telnet

import (
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"

	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/schema/event"
)

// film is the recording of one session; a nil one keeps nothing.
type film struct {
	s        *session
	recorder *cast.Recorder
	in       atomic.Bool // somebody logged in: it is worth keeping
}

// newFilm begins a recording, where the configuration wants one.
func (h *handler) newFilm(s *session) *film {
	if !h.config.Record {
		return nil
	}
	told := s.server.client()
	return &film{s: s, recorder: cast.NewRecorder(cast.Header{
		Width: s.tty.cols, Height: s.tty.rows, Title: h.hostname(), Env: map[string]string{"TERM": s.term(told)},
	}, h.env.Now, h.budget())}
}

// budget is what the recordings of the decky may hold together.
func (h *handler) budget() *cast.Budget {
	made := func() any { return &cast.Budget{} }
	if h.env.Shared == nil {
		return made().(*cast.Budget)
	}
	return h.env.Shared("cast", made).(*cast.Budget)
}

func (f *film) output(p []byte) {
	if f != nil {
		f.recorder.Output(p)
	}
}

func (f *film) input(p []byte) {
	if f != nil {
		f.recorder.Input(p)
	}
}

func (f *film) resize(cols, rows int) {
	if f != nil {
		f.recorder.Resize(cols, rows)
	}
}

func (f *film) accepted() {
	if f != nil {
		f.in.Store(true)
	}
}

// keep stores the recording as an artifact and names it in an event; one that
// does not fit the decky's quota is told of and not stored.
func (f *film) keep() error {
	if f == nil {
		return nil
	}
	data, truncated := f.recorder.Close()
	if !f.in.Load() || len(data) == 0 {
		return nil
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	err := f.s.h.env.Store.Save(cast.Artifact(digest), data)
	if err != nil {
		f.s.h.env.Log.Warn("a recording is not kept", "error", err)
	}
	name := "session.cast"
	if truncated {
		name = "session-truncated.cast"
	}
	return f.s.conn.Record(&event.Transfer{Direction: cast.Direction, Name: event.Text(name), Size: int64(len(data)), SHA256: digest, Stored: err == nil})
}
