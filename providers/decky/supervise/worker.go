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
	"path"
	"runtime/debug"
	"sync"
	"sync/atomic"
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
	w := &worker{log: log, conn: supervisor, server: server, orders: make(chan order, 64), preparing: map[string][]chan error{}}
	var acting sync.WaitGroup
	acting.Go(func() { w.act(ctx) })
	err = w.read(ctx)
	close(w.orders)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), workerPatience)
	defer cancel()
	w.giveUp()
	acting.Wait()
	return errors.Join(err, server.Close(closing), supervisor.Close())
}

// worker is the state of Work.
type worker struct {
	log    *slog.Logger
	conn   *net.UnixConn
	server Server
	orders chan order

	mu        sync.Mutex
	ended     bool
	preparing map[string][]chan error // decky -> who waits for its directories
}

// order is a message with its sockets.
type order struct {
	message message
	sockets []*os.File
}

// read takes what the supervisor says until it closes the connection. It never
// waits for an order to be obeyed: a session may wait for what is read here.
func (w *worker) read(ctx context.Context) error {
	buffer := make([]byte, maxMessage)
	control := make([]byte, unix.CmsgSpace(4*maxPorts))
	for {
		n, oob, flags, _, err := w.conn.ReadMsgUnix(buffer, control)
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
			return errors.New("read from the supervisor: message cut off")
		}
		if err := json.Unmarshal(buffer[:n], &m); err != nil {
			return fmt.Errorf("read from the supervisor: %w", err)
		}
		if m.Prepared != "" {
			w.prepared(m.Prepared, errorOf(m.Error))
			continue
		}
		if m.Ping {
			if err := w.say(answer{ID: m.ID}); err != nil {
				w.log.Warn("answer the supervisor", "error", err)
			}
			continue
		}
		w.orders <- order{m, sockets}
	}
}

// act obeys one order after the other.
func (w *worker) act(ctx context.Context) {
	for o := range w.orders {
		err := w.obey(ctx, o)
		for _, s := range o.sockets {
			_ = s.Close() // the listeners own duplicates
		}
		if err != nil {
			w.log.Warn("the supervisor's order cannot be obeyed", "service", o.message.Service.Name, "error", err)
		}
		if err := w.say(answer{ID: o.message.ID, Error: clip(textOf(err))}); err != nil {
			w.log.Warn("answer the supervisor", "error", err)
		}
	}
}

func (w *worker) say(a answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = w.conn.Write(data)
	return err
}

// clip keeps an answer within maxAnswer.
func clip(text string) string {
	return text[:min(len(text), maxAnswer/8)]
}

func (w *worker) obey(ctx context.Context, o order) error {
	m := o.message
	if m.Spec == nil {
		ending, cancel := context.WithTimeout(ctx, workerPatience)
		defer cancel()
		return w.server.RemoveService(ending, m.Address, m.Service.Name)
	}
	listeners := make([]net.Listener, 0, len(o.sockets))
	for _, s := range o.sockets {
		ln, err := listen.Use(s, listen.Options{})
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, &firstVisit{Listener: ln, worker: w, decky: path.Base(m.Spec.Journal)})
	}
	if err := w.server.AddService(*m.Spec, m.Service, listeners); err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	return nil
}

// firstVisit has the decky's directories made before its first connection is
// handed over.
type firstVisit struct {
	net.Listener
	worker *worker
	decky  string
	done   atomic.Bool
}

func (f *firstVisit) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil || f.done.Load() {
		return conn, err
	}
	if err := f.worker.prepare(f.decky); err != nil {
		// The session finds no directory and says so; the next one asks again.
		f.worker.log.Error("a decky has no directories", "decky", f.decky, "error", err)
		return conn, nil
	}
	f.done.Store(true)
	return conn, nil
}

// preparePatience is how long a first visitor may wait.
const preparePatience = 5 * time.Second

// prepare asks the supervisor for a decky's directories and waits for them.
func (w *worker) prepare(name string) error {
	done := make(chan error, 1)
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return net.ErrClosed
	}
	w.preparing[name] = append(w.preparing[name], done)
	first := len(w.preparing[name]) == 1
	w.mu.Unlock()
	if first {
		if err := w.say(answer{Prepare: name}); err != nil {
			w.prepared(name, err)
		}
	}
	select {
	case err := <-done:
		return err
	case <-time.After(preparePatience):
		return errors.New("the supervisor does not answer")
	}
}

func (w *worker) prepared(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, done := range w.preparing[name] {
		done <- err
	}
	delete(w.preparing, name)
}

// giveUp releases who waits for a supervisor that is gone.
func (w *worker) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for name, waiting := range w.preparing {
		for _, done := range waiting {
			done <- net.ErrClosed
		}
		delete(w.preparing, name)
	}
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
