package ssh

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// scpTarget tells a command that scp's client starts to send files: scp -t.
func scpTarget(line string) (string, bool) {
	words := strings.Fields(line)
	if len(words) < 3 || words[0] != "scp" && !strings.HasSuffix(words[0], "/scp") {
		return "", false
	}
	sink := false
	for i, w := range words[1:] {
		if !strings.HasPrefix(w, "-") || w == "--" {
			name := strings.Join(words[1+i:], " ")
			name = strings.TrimPrefix(name, "-- ")
			return strings.Trim(name, `'"`), sink
		}
		sink = sink || strings.Contains(w, "t")
	}
	return "", false
}

// maxUpload bounds one file sent by scp.
const maxUpload = 8 << 20

// receive is the far end of scp: each file is recorded and kept.
func (s *session) receive(sh *shell.Session, line, target string) int {
	if s.c.record(&event.Command{Line: event.Text(line).Clip(4096), Mode: shell.ModeExec, User: s.c.link.user(), Known: true}) != nil {
		return 1
	}
	reader := bufio.NewReaderSize(s.ch, 32<<10)
	ack := func() error { _, err := s.ch.Write([]byte{0}); return err }
	if ack() != nil {
		return 1
	}
	dirs := []string{target}
	for {
		header, err := reader.ReadString('\n')
		if err != nil {
			return 0
		}
		switch header[0] {
		case 'T':
			err = ack()
		case 'E':
			dirs = dirs[:max(len(dirs)-1, 1)]
			err = ack()
		case 'D', 'C':
			f := strings.SplitN(strings.TrimSuffix(header, "\n"), " ", 3)
			if len(f) != 3 || len(dirs) > 32 {
				return s.scpError("protocol error: " + header)
			}
			path := sh.Destination(dirs[len(dirs)-1], f[2])
			if header[0] == 'D' {
				sh.MakeDir(path)
				dirs = append(dirs, path)
				err = ack()
				break
			}
			err = s.file(sh, reader, path, f[1], ack)
		default:
			return s.scpError("unexpected <newline>")
		}
		if err != nil {
			return 1
		}
	}
}

func (s *session) scpError(message string) int {
	_, _ = fmt.Fprintf(s.ch, "\x01scp: %s\n", strings.TrimSpace(message))
	return 1
}

var errTooLarge = errors.New("file is too large")

// file takes one file: its size was announced, its bytes and a NUL follow.
func (s *session) file(sh *shell.Session, reader *bufio.Reader, path, announced string, ack func() error) error {
	size, err := strconv.ParseInt(announced, 10, 64)
	if err != nil || size < 0 {
		s.scpError("size not delimited")
		return io.ErrUnexpectedEOF
	}
	if size > maxUpload {
		if err := s.c.record(&event.Transfer{Direction: "upload", Name: event.Text(path), Size: size}); err != nil {
			return err
		}
		s.scpError(path + ": No space left on device")
		return errTooLarge
	}
	if err := ack(); err != nil {
		return err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(reader, data); err != nil {
		return err
	}
	if _, err := reader.ReadByte(); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	failed := sh.Store(path, data)
	if err := s.c.record(&event.Transfer{Direction: "upload", Name: event.Text(path), Size: size, SHA256: hex.EncodeToString(sum[:]), Stored: failed == ""}); err != nil {
		return err
	}
	if failed != "" {
		s.scpError(path + ": " + failed)
		return nil
	}
	return ack()
}
