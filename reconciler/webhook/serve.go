package webhook

import (
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"time"
)

// ServeHTTP implements http.Handler. Its answers say nothing but the status, and
// a wrong signature is answered as a missing one.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	status := r.serve(w, q)
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "10")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if status >= http.StatusBadRequest {
		w.Header().Set("Connection", "close") // its body may not have been read
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n") // the sender may be gone
}

func (r *Receiver) serve(w http.ResponseWriter, q *http.Request) int {
	if !r.limits.allow(source(q)) {
		return http.StatusTooManyRequests
	}
	h := r.hooks[q.URL.Path]
	if h == nil || q.URL.RawPath != "" || q.URL.RawQuery != "" {
		return http.StatusNotFound
	}
	if q.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	status, push := r.judge(w, q, h)
	r.mu.Lock()
	switch status {
	case http.StatusAccepted:
		h.stats.Accepted++
		h.stats.Last = r.config.Now()
	case http.StatusOK:
		h.stats.Ignored++
	case http.StatusConflict:
		h.stats.Replayed++
	default:
		h.stats.Refused++
	}
	r.mu.Unlock()
	if status == http.StatusAccepted {
		r.config.Log.Debug("a push was announced", "hook", h.Name, "ref", push.Ref)
		r.config.Wake(push)
	}
	return status
}

// judge reads a request and decides: 202 is a push, 200 something else that is
// authentic.
func (r *Receiver) judge(w http.ResponseWriter, q *http.Request, h *hook) (int, Push) {
	kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || q.Header.Get("Content-Encoding") != "" {
		return http.StatusUnsupportedMediaType, Push{}
	}
	if q.ContentLength > MaxBody {
		return http.StatusRequestEntityTooLarge, Push{}
	}
	claim := claimOf(h.Kind, q.Header)
	if claim == nil {
		return http.StatusUnauthorized, Push{}
	}
	secret, err := readSecret(h.SecretFile)
	if err != nil {
		r.config.Log.Error("the secret of a hook cannot be read", "hook", h.Name, "error", err)
		return http.StatusServiceUnavailable, Push{}
	}
	body, status := r.body(w, q)
	if status != 0 {
		return status, Push{}
	}
	proof, ok := claim.verify(secret, body, r.config.Now(), r.config.Public)
	if !ok {
		r.config.Log.Debug("a request to a hook is not authentic", "hook", h.Name, "source", q.RemoteAddr)
		return http.StatusUnauthorized, Push{}
	}
	event := eventOf(h.Kind, q.Header)
	push, err := parse(body)
	if err != nil {
		return http.StatusBadRequest, Push{}
	}
	if r.replayed(h, proof, claim) {
		return http.StatusConflict, Push{}
	}
	if !event {
		return http.StatusOK, Push{}
	}
	push.Hook = h.Name
	return http.StatusAccepted, push
}

// replayed tells whether the same was sent before: the same signature, since
// only that is proven, or the same id.
func (r *Receiver) replayed(h *hook, proof []byte, c *claim) bool {
	keys := []string{h.Name + "\x00proof\x00" + string(proof)}
	if c.id != "" {
		id := sha256.Sum256([]byte(c.id))
		keys = append(keys, h.Name+"\x00id\x00"+string(id[:]))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.seen.first(keys...)
}

// body reads the whole body, in a bounded time, and few at once.
func (r *Receiver) body(w http.ResponseWriter, q *http.Request) ([]byte, int) {
	select {
	case r.bodies <- struct{}{}:
		defer func() { <-r.bodies }()
	default:
		return nil, http.StatusTooManyRequests
	}
	// A handler in a test has no connection, and then no deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyPatience))
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	return body, 0
}

// source is who asks; of IPv6 the network, since one host has as many addresses
// as it likes. On loopback it is the proxy, who stands for all: no source.
func source(q *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(q.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
