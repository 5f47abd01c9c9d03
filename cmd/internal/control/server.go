package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/reconciler/status"
)

// Server answers on the socket.
type Server struct {
	Socket   string // path
	Reader   Reader
	Operator Operator
	// Readers is the id of a group that may GET, 0 for none: a daemon of less
	// privilege that passes requests on.
	Readers int
	Log     *slog.Logger // required
}

// Part is the socket as a part of a daemon. Whoever has it must be the only one
// of its kind: a socket that another left behind is taken away.
func (s Server) Part() run.Part {
	return run.Part{Name: "control", Run: func(ctx context.Context, self *run.Self) error {
		listener, err := s.listen()
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		self.Ready()
		spared := &sparing{Listener: listener, readers: s.Readers, slots: make(chan struct{}, concurrent)}
		return serve(ctx, spared, s.Handler(), s.Log)
	}}
}

// listen makes the socket, closed to others from its first moment on.
func (s Server) listen() (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(s.Socket), 0o711); err != nil {
		return nil, err
	}
	if err := os.Remove(s.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// The socket gets its mode before anybody can connect: it is made under
	// another name. (umask would touch what other goroutines make.)
	fresh := s.Socket + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	mode := os.FileMode(0o600)
	if s.Readers > 0 {
		mode = 0o660
		err = os.Chown(fresh, -1, s.Readers)
	}
	if err == nil {
		err = os.Chmod(fresh, mode)
	}
	if err == nil {
		err = os.Rename(fresh, s.Socket)
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(fresh))
	}
	return unlinking{listener, s.Socket}, nil
}

// unlinking removes the socket's name when it is closed.
type unlinking struct {
	*net.UnixListener
	path string
}

func (u unlinking) Close() error {
	err := u.UnixListener.Close()
	if removed := os.Remove(u.path); removed != nil && !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// Handler answers requests whose context knows their peer.
func (s Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix, s.get(nil, func(r *http.Request) (any, error) {
		all, err := s.Reader.List(r.Context())
		if all == nil {
			all = []status.Sync{}
		}
		return list{all}, err
	}))
	mux.HandleFunc("GET "+Prefix+"/{name}", s.get(nil, func(r *http.Request) (any, error) {
		return s.Reader.Get(r.Context(), r.PathValue("name"))
	}))
	mux.HandleFunc("GET "+Prefix+"/{name}/history", s.get([]string{"limit"}, func(r *http.Request) (any, error) {
		return items(s.Reader.History(r.Context(), r.PathValue("name"), limit(r)))
	}))
	mux.HandleFunc("GET "+Prefix+"/{name}/events", s.get([]string{"limit"}, func(r *http.Request) (any, error) {
		return items(s.Reader.Events(r.Context(), r.PathValue("name"), limit(r)))
	}))
	s.operations(mux)
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		switch rest := strings.Split(strings.TrimPrefix(r.URL.Path, Prefix+"/"), "/"); {
		case len(rest) == 1 || len(rest) == 2 && (rest[1] == "history" || rest[1] == "events"):
			notAllowed(w, "GET, HEAD")
		case len(rest) == 2 && operations[rest[1]]:
			notAllowed(w, "POST")
		default:
			notFound(w)
		}
	})
	mux.HandleFunc(Prefix, func(w http.ResponseWriter, _ *http.Request) { notAllowed(w, "GET, HEAD") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
	return s.guard(mux)
}

type limitKey struct{}

func limit(r *http.Request) int {
	n, _ := r.Context().Value(limitKey{}).(int)
	return n
}

// get answers a question that takes the named parameters.
func (s Server) get(parameters []string, answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := parse(r.URL.RawQuery, parameters)
		if err != nil {
			fail(w, http.StatusBadRequest, "bad_parameter", err.Error())
			return
		}
		body, err := answer(r.WithContext(context.WithValue(r.Context(), limitKey{}, n)))
		if err != nil {
			s.problem(w, r, err)
			return
		}
		write(w, http.StatusOK, body)
	}
}

// DefaultList is how many entries a history has where nothing else is said.
const DefaultList = 100

func parse(raw string, parameters []string) (limit int, err error) {
	if len(raw) > maxQuery {
		return 0, errors.New("the query is too long")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return 0, errors.New("the query cannot be read")
	}
	limit = DefaultList
	for name, all := range values {
		if len(parameters) == 0 || name != parameters[0] {
			return 0, fmt.Errorf("unknown parameter %q", name)
		}
		if len(all) != 1 {
			return 0, fmt.Errorf("%s is given more than once", name)
		}
		if limit, err = strconv.Atoi(all[0]); err != nil || limit < 1 || limit > MaxList {
			return 0, fmt.Errorf("%s is a number from 1 to %d", name, MaxList)
		}
	}
	return limit, nil
}

// guard lets in who may ask, and not too many at once.
func (s Server) guard(next http.Handler) http.Handler {
	slots := map[Access]chan struct{}{Read: make(chan struct{}, concurrent), Operate: make(chan struct{}, concurrent)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		may := access(peerOf(r.Context()), s.Readers)
		switch {
		case may == None:
			fail(w, http.StatusForbidden, "forbidden", "only root and the user of the daemon may ask")
			return
		case may == Read && r.Method != http.MethodGet && r.Method != http.MethodHead:
			fail(w, http.StatusForbidden, "forbidden", "this user may only read; ask on the daemon's host, as root: decnet sync")
			return
		}
		select {
		case slots[may] <- struct{}{}:
			defer func() { <-slots[may] }()
			if r.Method == http.MethodGet { // who asks and does not listen keeps nothing for long
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime)) // a test's recorder has none
			}
			next.ServeHTTP(w, r)
		default:
			fail(w, http.StatusServiceUnavailable, "busy", "too many requests at once")
		}
	})
}

// problem answers an error of the Reader or Operator.
func (s Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrUnknown):
		fail(w, http.StatusNotFound, "unknown_sync", err.Error())
	case errors.Is(err, ErrConflict):
		fail(w, http.StatusConflict, "conflict", err.Error())
	case r.Context().Err() != nil:
		fail(w, http.StatusServiceUnavailable, "cancelled", "the request ended before its answer")
	default:
		// Whoever gets this far may read the daemon's log, too.
		fail(w, http.StatusUnprocessableEntity, "failed", err.Error())
	}
}

// serve is run.Serve with the peers of connections.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	return run.Serve(ctx, listener, handler, log, func(s *http.Server) {
		s.ConnContext = withPeer
		s.IdleTimeout = 10 * time.Second
		s.ReadTimeout = 0 // its end would end the request; bodies have a time of their own
	})
}

// Taken tells whether a daemon answers at the socket.
func Taken(socket string) bool {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ECONNREFUSED)
	}
	_ = conn.Close()
	return true
}
