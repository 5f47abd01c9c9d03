package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limits of the health listener.
const (
	healthTime    = 10 * time.Second
	healthHeader  = 8 << 10
	healthAtOnce  = 8
	healthConns   = 64 // any user of this machine may connect; the daemon needs its files
	closePatience = 2 * time.Second
)

// Health answers whether a daemon lives and is ready, and with its figures, on a
// listener of its own:
//
//	GET /livez    200, or 503 with the parts that are stuck
//	GET /readyz   200, or 503 with why not, a reason a line
//	GET /metrics  in the text format of Prometheus
//
// It has no secrets to give and asks nobody who he is, so that it listens on
// loopback only, unless Exposed.
type Health struct {
	Listen  string // address; empty: nothing is answered
	Exposed bool   // it may be one that others reach
	// Stuck and Unready tell why not; empty lists are good. Both come from a
	// Daemon and its parts and do not block.
	Stuck   func() []string
	Unready func() []string
	Metrics http.Handler
	Log     *slog.Logger
	// Bound, if set, is told the address that was listened on.
	Bound func(address string)
}

// Check refuses an address that others could reach, unless Exposed.
func (h Health) Check() error {
	if h.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(h.Listen)
	if err != nil {
		return fmt.Errorf("health and metrics: address %q: %w", h.Listen, err)
	}
	if ip := net.ParseIP(host); !h.Exposed && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("health and metrics: address %q is not on loopback; they tell everybody who asks of the decoys: say so if that is meant (--metrics-exposed)", h.Listen)
	}
	return nil
}

// Part is the listener as a part of a daemon.
func (h Health) Part() Part {
	return Part{Name: "health", Run: func(ctx context.Context, self *Self) error {
		if err := h.Check(); err != nil || h.Listen == "" {
			self.Ready()
			if err == nil {
				<-ctx.Done()
			}
			return err
		}
		var lc net.ListenConfig
		listener, err := lc.Listen(ctx, "tcp", h.Listen)
		if err != nil {
			return fmt.Errorf("listen for health and metrics: %w", err)
		}
		if h.Bound != nil {
			h.Bound(listener.Addr().String())
		}
		self.Ready()
		return Serve(ctx, &bounded{listener, make(chan struct{}, healthConns)}, h.Handler(), h.Log)
	}}
}

// bounded closes the connections that are more than its slots.
type bounded struct {
	net.Listener

	slots chan struct{}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.slots <- struct{}{}:
			return &slotted{conn, sync.OnceFunc(func() { <-b.slots })}, nil
		default:
			_ = conn.Close() // nobody has read from it
		}
	}
}

type slotted struct {
	net.Conn

	release func()
}

// Close implements net.Conn.
func (s *slotted) Close() error {
	defer s.release()
	return s.Conn.Close()
}

// Handler is what the listener answers.
func (h Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", answer(h.Stuck))
	mux.HandleFunc("GET /readyz", answer(h.Unready))
	if h.Metrics != nil {
		mux.Handle("GET /metrics", h.Metrics)
	}
	slots := make(chan struct{}, healthAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(healthTime)) // of a test's recorder there is none
			mux.ServeHTTP(w, r)
		default:
			http.Error(w, "too many at once", http.StatusServiceUnavailable)
		}
	})
}

func answer(why func() []string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		var reasons []string
		if why != nil {
			reasons = why()
		}
		if len(reasons) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, strings.Join(reasons, "\n")) // the client is gone; there is nobody to tell
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

// Serve answers on listener, which it closes, until ctx ends. adjust may change
// the server before.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger, adjust ...func(*http.Server)) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: healthTime, ReadTimeout: healthTime, IdleTimeout: time.Minute, MaxHeaderBytes: healthHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	for _, change := range adjust {
		change(server)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	err := server.Shutdown(closing)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-ended
	return err
}
