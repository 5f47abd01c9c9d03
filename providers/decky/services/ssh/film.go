package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/schema/event"
)

// filmed is a session's channel under the eyes of a recorder; a nil one sees
// nothing.
type filmed struct {
	io.ReadWriter
	recorder *cast.Recorder
}

// film begins the recording of a session on a terminal, where the configuration
// wants one.
func (s *session) film() *filmed {
	f := &filmed{ReadWriter: s.ch}
	if s.c.h.config.Record {
		f.recorder = cast.NewRecorder(cast.Header{
			Width: s.pty.cols, Height: s.pty.rows, Title: s.c.h.env.Host.Hostname, Env: map[string]string{"TERM": s.pty.term},
		}, s.c.h.env.Now, s.c.h.castBudget())
	}
	return f
}

// castBudget is what the recordings of the decky may hold together.
func (h *handler) castBudget() *cast.Budget {
	made := func() any { return &cast.Budget{} }
	if h.env.Shared == nil {
		return made().(*cast.Budget)
	}
	return h.env.Shared("cast", made).(*cast.Budget)
}

// Read implements io.Reader: what is typed.
func (f *filmed) Read(p []byte) (int, error) {
	n, err := f.ReadWriter.Read(p)
	f.recorder.Input(p[:n])
	return n, err
}

// Write implements io.Writer: what the terminal shows.
func (f *filmed) Write(p []byte) (int, error) {
	f.recorder.Output(p)
	return f.ReadWriter.Write(p)
}

// keep stores the recording and names it in an event; one that does not fit the
// decky's quota is told of and not stored. A record that fails ends the
// connection.
func (s *session) keep(f *filmed) {
	if f.recorder == nil {
		return
	}
	data, truncated := f.recorder.Close()
	if len(data) == 0 {
		return
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	err := s.c.h.env.Store.Save(cast.Artifact(digest), data)
	if err != nil {
		s.c.h.env.Log.Warn("a recording is not kept", "error", err)
	}
	name := "session.cast"
	if truncated {
		name = "session-truncated.cast"
	}
	_ = s.c.record(&event.Transfer{Direction: cast.Direction, Name: event.Text(name), Size: int64(len(data)), SHA256: digest, Stored: err == nil})
}
