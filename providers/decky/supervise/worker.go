package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/listen"
)

// workerFD is the descriptor at which a worker finds its end of the socket pair.
const workerFD = 3

// workerPatience is how long a worker's sessions have to end.
const workerPatience = 2 * time.Second

// Server is what a worker serves with; *runtime.Runtime is one.
type Server interface {
	AddService(spec decky.Spec, svc decky.ServiceSpec, listeners []net.Listener) error
	RemoveService(ctx context.Context, address, name string) error
	Close(ctx context.Context) error
}

// Work is a worker's life: it takes services with their sockets from the
// supervisor and ends with it. Call jail.Enter before. It returns nil when the
// supervisor closes the connection or ctx ends.
func Work(ctx context.Context, log *slog.Logger, server Server) error {
	file := os.NewFile(workerFD, "supervisor")
	if file == nil {
		return errors.New("work: descriptor 3 is not open (a worker is started by its supervisor)")
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return errors.Join(fmt.Errorf("work: %w", err), file.Close())
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	supervisor, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.Join(errors.New("work: descriptor 3 is no UNIX socket"), conn.Close())
	}
	// A fleet of idle listeners needs little: give back what a start took.
	debug.FreeOSMemory()
	stop := context.AfterFunc(ctx, func() { _ = supervisor.SetReadDeadline(time.Now()) })
	defer stop()
	err = obey(ctx, log, supervisor, server)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), workerPatience)
	defer cancel()
	return errors.Join(err, server.Close(closing), supervisor.Close())
}

func obey(ctx context.Context, log *slog.Logger, supervisor *net.UnixConn, server Server) error {
	buffer := make([]byte, maxMessage)
	control := make([]byte, unix.CmsgSpace(4*maxPorts))
	for {
		n, oob, flags, _, err := supervisor.ReadMsgUnix(buffer, control)
		if errors.Is(err, io.EOF) || ctx.Err() != nil || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from the supervisor: %w", err)
		}
		sockets, err := socketsIn(control[:oob])
		if err != nil {
			return fmt.Errorf("read from the supervisor: %w", err)
		}
		var m message
		if flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			err = errors.New("message cut off")
		} else {
			err = json.Unmarshal(buffer[:n], &m)
		}
		if err == nil {
			err = act(ctx, server, m, sockets)
		}
		for _, s := range sockets {
			_ = s.Close() // the listeners own duplicates
		}
		if err != nil {
			log.Warn("the supervisor's order cannot be obeyed", "service", m.Service.Name, "error", err)
		}
		data, err := json.Marshal(answer{ID: m.ID, Error: clip(textOf(err))})
		if err != nil {
			return fmt.Errorf("answer the supervisor: %w", err)
		}
		if _, err := supervisor.Write(data); err != nil {
			return fmt.Errorf("answer the supervisor: %w", err)
		}
	}
}

// clip keeps an answer within maxAnswer.
func clip(text string) string {
	return text[:min(len(text), maxAnswer/8)]
}

func act(ctx context.Context, server Server, m message, sockets []*os.File) error {
	if m.Spec == nil {
		ending, cancel := context.WithTimeout(ctx, workerPatience)
		defer cancel()
		return server.RemoveService(ending, m.Address, m.Service.Name)
	}
	listeners := make([]net.Listener, 0, len(sockets))
	for _, s := range sockets {
		ln, err := listen.Use(s, listen.Options{})
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, ln)
	}
	if err := server.AddService(*m.Spec, m.Service, listeners); err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	return nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, ln := range listeners {
		errs = append(errs, ln.Close())
	}
	return errors.Join(errs...)
}

func socketsIn(control []byte) ([]*os.File, error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "socket"))
		}
	}
	return files, nil
}
