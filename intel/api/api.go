// Package api answers questions about what was learned over HTTP: JSON only,
// behind a bearer token, and GET only, but for what it passes on to Config.Sync.
// It owns parameters, limits and errors of that interface; what the answers are
// is intel.Query's.
//
//	GET /api/v1/health
//	GET /api/v1/deckies     decky, limit, offset
//	GET /api/v1/attackers   source, decky, technique, since, until, search, limit, offset
//	GET /api/v1/sessions    decky, source, service, session, since, until, search, limit, offset
//	GET /api/v1/logs        decky, source, kind, service, session, since, until, search, limit, offset
//	*   /api/v1/sync, /api/v1/sync/...  where Config.Sync answers
//	GET /api/v1/ttp/tags    decky, source, service, session, technique, rule, since, until, search, limit, offset
//
// since and until are RFC 3339 times or durations before now ("15m"). limit is
// 1 to 1000, 100 where it is not given. A list is {"items": [...], "limit",
// "offset"}, the newest first; an error is {"error": {"code", "message"}}. A
// parameter that is unknown, repeated or malformed is an error.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
)

// Limits of the interface.
const (
	maxSearch    = 256
	maxParameter = 512
	maxQuery     = 4096
	queryTime    = 15 * time.Second
	concurrent   = 8
)

// Config of a Handler.
type Config struct {
	Query intel.Query
	// Token is what a request must bear.
	Token string
	// Deckies lists the decoys as configured.
	Deckies func() []intel.Decky
	// Health reports the components.
	Health func(ctx context.Context) Health
	Logger *slog.Logger
	Now    func() time.Time
	// Sync, if set, answers /api/v1/sync and all below it, whatever the method:
	// how the followed repositories do, and orders to them.
	Sync http.Handler
}

// Status of a component, or of the whole.
type Status string

// The states of health.
const (
	Healthy   Status = "healthy"
	Degraded  Status = "degraded"  // works, and something needs a look
	Unhealthy Status = "unhealthy" // does not work
)

// Health is the state of the daemon: that of its worst component.
type Health struct {
	Status     Status               `json:"status"`
	Components map[string]Component `json:"components"`
}

// Component is one part's health, with its own figures.
type Component struct {
	Status  Status `json:"status"`
	Message string `json:"message,omitempty"`
	Details any    `json:"details,omitempty"`
}

// Worst is the overall status of the components.
func Worst(components map[string]Component) Status {
	worst := Healthy
	for _, c := range components {
		if c.Status == Unhealthy || c.Status == Degraded && worst == Healthy {
			worst = c.Status
		}
	}
	return worst
}

// decky is a decoy with what happened to it.
type decky struct {
	intel.Decky
	Events    int64     `json:"events"`
	Attackers int       `json:"attackers"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
}

type handler struct {
	config Config
	token  [sha256.Size]byte
	slots  chan struct{}
}

// New makes the handler of every path; nothing answers without the token.
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Token == "" {
		panic("api: no token")
	}
	h := &handler{config: c, token: sha256.Sum256([]byte(c.Token)), slots: make(chan struct{}, concurrent)}
	mux := http.NewServeMux()
	get := func(path string, parameters []string, answer func(context.Context, intel.Filter) (any, error)) {
		mux.Handle("GET "+path, h.endpoint(parameters, answer))
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, "method_not_allowed", "only GET is answered")
		})
	}
	q := c.Query
	span := []string{"since", "until", "search", "limit", "offset"}
	get("/api/v1/deckies", []string{"decky", "limit", "offset"}, h.deckies)
	get("/api/v1/attackers", append([]string{"source", "decky", "technique"}, span...), list(q.Attackers))
	get("/api/v1/sessions", append([]string{"decky", "source", "service", "session"}, span...), list(q.Sessions))
	get("/api/v1/logs", append([]string{"decky", "source", "kind", "service", "session"}, span...), list(q.Events))
	get("/api/v1/ttp/tags", append([]string{"decky", "source", "service", "session", "technique", "rule"}, span...), list(q.Tags))
	mux.HandleFunc("GET /api/v1/health", h.health)
	if c.Sync != nil {
		mux.Handle("/api/v1/sync", c.Sync)
		mux.Handle("/api/v1/sync/", c.Sync)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "there is nothing here; see /api/v1/{health,deckies,attackers,sessions,logs,ttp/tags}")
	})
	return h.guard(mux)
}

// page is the answer of a list.
type page struct {
	Items  any `json:"items"`
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

func list[T any](ask func(context.Context, intel.Filter) ([]T, error)) func(context.Context, intel.Filter) (any, error) {
	return func(ctx context.Context, f intel.Filter) (any, error) {
		items, err := ask(ctx, f)
		if err != nil {
			return nil, err
		}
		limit, offset := f.Page()
		return page{Items: items, Limit: limit, Offset: offset}, nil
	}
}

// guard sets what every answer bears, and lets nobody in without the token.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Content-Type", "application/json; charset=utf-8")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		if !h.authorized(r) {
			header.Set("WWW-Authenticate", `Bearer realm="decnet"`)
			fail(w, http.StatusUnauthorized, "unauthorized", "a bearer token is needed: Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorized compares digests, so that neither content nor length of the token
// shows in the time it takes.
func (h *handler) authorized(r *http.Request) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], h.token[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

func (h *handler) endpoint(parameters []string, answer func(context.Context, intel.Filter) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RawQuery) > maxQuery {
			fail(w, http.StatusBadRequest, "bad_parameter", "the query is too long")
			return
		}
		f, err := ParseFilter(r.URL.RawQuery, parameters, h.config.Now())
		if err != nil {
			fail(w, http.StatusBadRequest, "bad_parameter", err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), queryTime)
		defer cancel()
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		case <-ctx.Done():
			fail(w, http.StatusServiceUnavailable, "busy", "too many questions at once")
			return
		}
		result, err := answer(ctx, f)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			fail(w, http.StatusServiceUnavailable, "timeout", "the answer took too long; narrow the question")
		case err != nil:
			h.config.Logger.Error("query of the API", "path", r.URL.Path, "error", err)
			fail(w, http.StatusInternalServerError, "internal", "the question could not be answered; see the daemon's log")
		default:
			write(w, http.StatusOK, result)
		}
	})
}

func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		fail(w, http.StatusBadRequest, "bad_parameter", "health takes no parameters")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTime)
	defer cancel()
	health := h.config.Health(ctx)
	status := http.StatusOK
	if health.Status == Unhealthy {
		status = http.StatusServiceUnavailable
	}
	write(w, status, health)
}

// deckies joins the configured decoys with what happened to them.
func (h *handler) deckies(ctx context.Context, f intel.Filter) (any, error) {
	all := slices.Clone(h.config.Deckies())
	slices.SortFunc(all, func(a, b intel.Decky) int { return strings.Compare(a.Address, b.Address) })
	if f.Decky != "" {
		all = slices.DeleteFunc(all, func(d intel.Decky) bool { return d.Address != f.Decky })
	}
	limit, offset := f.Page()
	all = all[min(offset, len(all)):]
	items := make([]decky, 0, min(limit, len(all)))
	for _, d := range all[:min(limit, len(all))] {
		item := decky{Decky: d}
		contacts, err := h.config.Query.Contacts(ctx, intel.Filter{Decky: d.Address, Limit: intel.MaxLimit})
		if err != nil {
			return nil, err
		}
		item.Attackers = len(contacts)
		for _, c := range contacts {
			item.Events += c.Events
			if c.LastSeen.After(item.LastSeen) {
				item.LastSeen = c.LastSeen
			}
		}
		items = append(items, item)
	}
	return page{Items: items, Limit: limit, Offset: offset}, nil
}

func write(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		fail(w, http.StatusInternalServerError, "internal", "the answer could not be encoded")
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client is gone; there is nobody to tell
}

type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func fail(w http.ResponseWriter, status int, code, message string) {
	var p problem
	p.Error.Code, p.Error.Message = code, message
	write(w, status, p)
}
