package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema"
)

// Limits of a request's answer.
const (
	maxAnswer       = 64 << 10
	maxAnswerHeader = 64 << 10
	maxRetryAfter   = time.Hour
)

// request is one HTTP request of a target.
type request struct {
	method  string // "" is POST
	url     string
	header  http.Header
	body    []byte
	caFile  string
	secrets []string // that no error may show
}

// answer is what came back, its body capped.
type answer struct {
	status int
	body   []byte
}

// send makes the request on a connection of its own and returns the answer if
// its status is 2xx. No redirect is followed: what was signed or authorised is
// for one receiver.
func (o Options) send(ctx context.Context, r request) (answer, error) {
	if err := schema.CheckURL(r.url); err != nil {
		return answer{}, permanent("URL: %w", err)
	}
	pool, err := o.authorities(r.caFile)
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, permanent("make request: %w", withheld(err, r.secrets))
	}
	maps.Copy(request.Header, r.header)
	request.Header.Set("User-Agent", "decnet")
	transport := o.transport(pool)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
			return answer{}, retryable("no answer within %s", o.Timeout)
		}
		return answer{}, retryable("%w", withheld(err, r.secrets))
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	a := answer{status: response.StatusCode, body: body}
	if a.status/100 == 2 {
		return a, nil // whatever follows the status, it was taken
	}
	if err != nil {
		a.body = nil
	}
	return a, o.refused(response, a, r.secrets)
}

// transport asks the receiver itself: a proxy of the environment would be told
// who is spoken to, and may be somebody else's.
func (o Options) transport(authorities *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy: nil, DialContext: (&net.Dialer{Timeout: o.Timeout}).DialContext, DisableKeepAlives: true, DisableCompression: true,
		TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// refused is the error of a status that is not 2xx.
func (o Options) refused(response *http.Response, a answer, secrets []string) error {
	text := http.StatusText(a.status)
	if said := told(a.body, secrets); said != "" {
		text += ": " + said
	}
	failure := &Error{Err: errors.New(strings.TrimSpace("answered " + strconv.Itoa(a.status) + " " + text)), Permanent: true}
	failure.After = o.retryAfter(response.Header)
	switch {
	case a.status/100 == 3:
		failure.Err = errors.New("answered " + strconv.Itoa(a.status) + ": redirects are not followed; correct the URL")
	case a.status >= 500, slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}, a.status):
		failure.Permanent = false
	case a.status == http.StatusForbidden && failure.After > 0: // GitHub's rate limits
		failure.Permanent = false
	}
	return failure
}

// retryAfter is when to come again (RFC 9110 section 10.2.3), or when GitHub's
// and GitLab's rate limit is over.
func (o Options) retryAfter(h http.Header) time.Duration {
	after := time.Duration(0)
	if text := h.Get("Retry-After"); text != "" {
		if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
			after = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(text); err == nil {
			after = at.Sub(o.Now())
		}
	} else if h.Get("X-Ratelimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 63); err == nil {
			after = time.Unix(at, 0).Sub(o.Now())
		}
	}
	return min(max(after, 0), maxRetryAfter)
}

// summary says what was answered, in a line.
func (a answer) summary(secrets []string) string {
	text := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if said := told(a.body, secrets); said != "" {
		text += ": " + said
	}
	return text
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
