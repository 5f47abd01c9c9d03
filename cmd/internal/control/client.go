package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

// maxAnswer bounds what a client reads: a plan of many thousand instances fits.
const maxAnswer = 256 << 20

// Client asks the daemon behind a socket. Its errors are those of Reader and
// Operator, and ErrAbsent.
type Client struct {
	http *http.Client
}

var (
	_ Reader = (*Client)(nil)
	_        = Operator(operator{})
)

// operator is a Client whose requests tell of the process themselves: the
// kernel says who asks, so that who is not sent.
type operator struct{ *Client }

// NewClient asks at the socket's path.
func NewClient(socket string) *Client {
	return &Client{http: &http.Client{Transport: transport(socket)}}
}

func transport(socket string) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}
}

// absent tells whether an error says that nobody listens.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED)
}

// ask makes a request and decodes its answer.
func (c *Client) ask(ctx context.Context, method string, body *order, answer any, path ...string) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("ask the daemon: %w", err)
		}
		content = bytes.NewReader(data)
	}
	address := url.URL{Scheme: "http", Host: "decnet", Path: Prefix}
	target := address.JoinPath(path[:min(len(path), 2)]...)
	if len(path) > 2 {
		target.RawQuery = path[2]
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), content)
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	response, err := c.http.Do(request)
	if absent(err) {
		return ErrAbsent
	}
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refused(response.StatusCode, data)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the daemon's answer: %w", err)
	}
	return nil
}

// RefusedError is what the daemon said to a request.
type RefusedError struct {
	Code    string
	Message string
	is      error
}

func (e *RefusedError) Error() string { return e.Message }

func (e *RefusedError) Unwrap() error { return e.is }

func refused(code int, data []byte) error {
	var p problem
	if err := json.Unmarshal(data, &p); err != nil || p.Error.Message == "" {
		return fmt.Errorf("the daemon answers with status %d", code)
	}
	e := &RefusedError{Code: p.Error.Code, Message: p.Error.Message}
	switch p.Error.Code {
	case "unknown_sync":
		e.is = ErrUnknown
	case "conflict":
		e.is = ErrConflict
	}
	return e
}

// List implements Reader.
func (c *Client) List(ctx context.Context) ([]status.Sync, error) {
	var answer struct {
		Items []status.Sync `json:"items"`
	}
	err := c.ask(ctx, http.MethodGet, nil, &answer)
	return answer.Items, err
}

// Get implements Reader.
func (c *Client) Get(ctx context.Context, name string) (answer status.Sync, err error) {
	return answer, c.ask(ctx, http.MethodGet, nil, &answer, url.PathEscape(name))
}

// History implements Reader.
func (c *Client) History(ctx context.Context, name string, limit int) ([]status.Entry, error) {
	var answer struct {
		Items []status.Entry `json:"items"`
	}
	err := c.ask(ctx, http.MethodGet, nil, &answer, url.PathEscape(name), "history", "limit="+strconv.Itoa(limit))
	return answer.Items, err
}

// Events implements Reader.
func (c *Client) Events(ctx context.Context, name string, limit int) ([]notification.Notification, error) {
	var answer struct {
		Items []notification.Notification `json:"items"`
	}
	err := c.ask(ctx, http.MethodGet, nil, &answer, url.PathEscape(name), "events", "limit="+strconv.Itoa(limit))
	return answer.Items, err
}

// Operator does as this process's user.
func (c *Client) Operator() Operator { return operator{c} }

// Plan implements Operator.
func (o operator) Plan(ctx context.Context, name string) (answer Planned, err error) {
	return answer, o.ask(ctx, http.MethodPost, nil, &answer, url.PathEscape(name), "plan")
}

// Approve implements Operator.
func (o operator) Approve(ctx context.Context, name, id, _ string) error {
	return o.order(ctx, name, "approve", order{Plan: id})
}

// Suspend implements Operator.
func (o operator) Suspend(ctx context.Context, name, reason, _ string) error {
	return o.order(ctx, name, "suspend", order{Reason: reason})
}

// Resume implements Operator.
func (o operator) Resume(ctx context.Context, name, _ string) error {
	return o.order(ctx, name, "resume", order{})
}

// Now implements Operator.
func (o operator) Now(ctx context.Context, name, _ string) error {
	return o.order(ctx, name, "now", order{})
}

func (o operator) order(ctx context.Context, name, verb string, body order) error {
	var answer accepted
	return o.ask(ctx, http.MethodPost, &body, &answer, url.PathEscape(name), verb)
}

// Forward passes requests on to the daemon behind a socket, without what they
// bear for whoever received them first.
func Forward(socket string) http.Handler {
	return &httputil.ReverseProxy{
		Transport: transport(socket),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "decnet", "decnet"
			r.Out.Header = http.Header{}
			if kind := r.In.Header.Get("Content-Type"); kind != "" {
				r.Out.Header.Set("Content-Type", kind)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			for _, own := range []string{"Cache-Control", "Content-Type", "X-Content-Type-Options"} {
				r.Header.Del(own) // whoever passes it on says so already
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if absent(err) {
				fail(w, http.StatusServiceUnavailable, "no_reconciler", ErrAbsent.Error())
				return
			}
			fail(w, http.StatusBadGateway, "unreachable", "the reconciler does not answer")
		},
	}
}
