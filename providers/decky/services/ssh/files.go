package ssh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/decnet/decnet/providers/decky/services/ssh/scp"
	"github.com/decnet/decnet/providers/decky/services/ssh/sftp"
	"github.com/decnet/decnet/schema/event"
)

// serveFiles is the subsystem sftp.
func (s *session) serveFiles(context.Context) outcome {
	m := s.c.host()
	account := m.Account(s.c.user)
	options := sftp.Options{
		View: m.FS.As(account.UID, account.GID), Home: account.Home, Now: s.c.h.env.Now, Did: s.did, Moved: s.moved,
		Disk: func() (blocks, free uint64) {
			for _, f := range m.Filesystems() { // as df shows it
				if f.Point == "/" {
					return uint64(f.Size) / 4, uint64(max(f.Size-f.Used, 0)) / 4
				}
			}
			return 0, 0
		},
	}
	for _, e := range s.c.h.build.SFTP {
		options.Extensions = append(options.Extensions, [2]string{e.Name, e.Value})
	}
	for _, a := range m.Accounts() {
		options.Users = append(options.Users, sftp.Account{Name: a.Name, Home: a.Home, ID: a.UID})
	}
	for _, g := range m.Groups() {
		options.Groups = append(options.Groups, sftp.Account{Name: g.Name, ID: g.GID})
	}
	status, err := sftp.Serve(s.ch, options)
	if err != nil {
		status = 255
	}
	return outcome{status: status}
}

// did records an operation on files.
func (s *session) did(o sftp.Operation) error {
	return s.c.record(&event.Request{
		Protocol: "SFTP-3", Method: event.Text(o.Name), Target: event.Text(o.Path).Clip(4096), Path: event.Text(o.Target).Clip(4096), Status: int(o.Status),
	})
}

// moved records a file that came or went; what came is kept.
func (s *session) moved(t sftp.Transfer) error {
	sum := sha256.Sum256(t.Data)
	body := &event.Transfer{Direction: "download", Name: event.Text(t.Path).Clip(4096), Size: int64(len(t.Data)), SHA256: hex.EncodeToString(sum[:])}
	if t.Upload {
		body.Direction = "upload"
		body.Stored = s.c.h.keep(body.SHA256, t.Data)
	}
	return s.c.record(body)
}

// keep puts an upload into the decky's store, where deleting the file does not
// reach it.
func (h *handler) keep(digest string, data []byte) bool {
	name := "artifact-" + digest
	if known, err := h.env.Store.Load(name); err == nil && known != nil {
		return true
	}
	if err := h.env.Store.Save(name, data); err != nil {
		h.env.Log.Warn("upload is not kept", "sha256", digest, "bytes", len(data), "error", err)
		return false
	}
	return true
}

// copyFiles serves scp; ok is false for any other command. The command is
// recorded before it answers.
func (s *session) copyFiles(line string) (out outcome, ok bool) {
	command, ok := scp.Parse(line)
	if !ok {
		return outcome{}, false
	}
	if s.c.record(&event.Command{Line: event.Text(line).Clip(4096), Mode: "exec", User: s.c.user, Known: true}) != nil {
		return outcome{status: 255}, true
	}
	m := s.c.host()
	account := m.Account(s.c.user)
	status := scp.Run(s.ch, command, scp.Options{View: m.FS.As(account.UID, account.GID), Home: account.Home, Moved: s.copied})
	return outcome{status: status}, true
}

// copied records a file of scp's.
func (s *session) copied(t scp.Transfer) error {
	body := &event.Transfer{Direction: "download", Name: event.Text(t.Path).Clip(4096), Size: t.Size, SHA256: t.SHA256}
	if t.Upload {
		body.Direction = "upload"
		body.Stored = t.Data != nil && s.c.h.keep(t.SHA256, t.Data)
	}
	return s.c.record(body)
}
