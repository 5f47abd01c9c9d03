package repository

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// overHTTP is a session of smart HTTP (gitprotocol-http).
type overHTTP struct {
	access      *access
	client      *http.Client
	base        string
	user, token string
	body        io.Closer
}

func newHTTP(o Options, u *url.URL) (dialer, error) {
	if o.KeyFile != "" || o.PassphraseFile != "" || o.KnownHostsFile != "" {
		return nil, fmt.Errorf("repository %s: a key and known hosts are for ssh", Redact(o.URL))
	}
	base := strings.TrimSuffix(u.String(), "/")
	return func(_ context.Context, a *access) (session, error) {
		s := &overHTTP{access: a, base: base, user: o.User}
		if o.TokenFile != "" {
			token, err := line(o.TokenFile)
			if err != nil {
				return nil, a.fail(Credentials, "%v", err)
			}
			s.token = token
			a.secrets = append(a.secrets, token, url.QueryEscape(token),
				base64.StdEncoding.EncodeToString([]byte(o.User+":"+token)))
		}
		roots, err := authorities(o.CAFile)
		if err != nil {
			return nil, a.fail(Credentials, "%v", err)
		}
		s.client = &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            netDialer(u.Scheme == "http" && !o.Insecure).DialContext,
				TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout:    connectTimeout,
				ResponseHeaderTimeout:  2 * time.Minute,
				MaxResponseHeaderBytes: 64 << 10,
				ForceAttemptHTTP2:      true,
				DisableKeepAlives:      true,
			},
			CheckRedirect: func(next *http.Request, via []*http.Request) error {
				if next.URL.Scheme != u.Scheme || next.URL.Host != u.Host || next.URL.User != nil || via[0].Method != http.MethodGet {
					return a.fail(Redirected, "it sends on to %s; name that in the configuration if it is right", Redact(next.URL.String()))
				}
				if len(via) > 4 {
					return a.fail(Redirected, "it sends on too often")
				}
				return nil
			},
		}
		return s, nil
	}, nil
}

func authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", name)
	}
	return roots, nil
}

const service = "git-upload-pack"

func (s *overHTTP) advertised(ctx context.Context) (*packp.AdvRefs, error) {
	body, final, err := s.do(ctx, http.MethodGet, s.base+"/info/refs?service="+service, nil, "advertisement")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	s.base = strings.TrimSuffix(final.Path, "/info/refs")
	s.base = (&url.URL{Scheme: final.Scheme, Host: final.Host, Path: s.base}).String()
	return decodeRefs(s.access, s.access.meter.reader(body))
}

func (s *overHTTP) ask(ctx context.Context, q *packp.UploadPackRequest) (*answer, error) {
	text, err := encode(q)
	if err != nil {
		return nil, err
	}
	body, _, err := s.do(ctx, http.MethodPost, s.base+"/"+service, text, "result")
	if err != nil {
		return nil, err
	}
	s.body = body
	return decode(s.access, s.access.meter.reader(body), q)
}

func (s *overHTTP) Close() error {
	s.client.CloseIdleConnections()
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}

// do sends one request. What a server says in the body of a refusal is not
// read.
func (s *overHTTP) do(ctx context.Context, method, to string, text []byte, kind string) (io.ReadCloser, *url.URL, error) {
	r, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(text))
	if err != nil {
		return nil, nil, s.access.fail(Protocol, "that is no URL")
	}
	r.Header.Set("User-Agent", agent)
	if text != nil {
		r.Header.Set("Content-Type", "application/x-"+service+"-request")
	}
	r.Header.Set("Accept", "application/x-"+service+"-"+kind)
	if s.token != "" {
		r.SetBasicAuth(s.user, s.token)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	switch code := answer.StatusCode; {
	case code == http.StatusOK && answer.Header.Get("Content-Type") == "application/x-"+service+"-"+kind:
		return answer.Body, answer.Request.URL, nil
	case code == http.StatusOK:
		err = s.access.fail(Protocol, "it is no git repository over smart HTTP")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		err = s.access.fail(Unauthorized, "it answers %d: %s", code, http.StatusText(code))
	case code == http.StatusNotFound || code == http.StatusGone:
		err = s.access.fail(NotFound, "it answers %d: %s", code, http.StatusText(code))
	default:
		err = s.access.fail(Server, "it answers %d: %s", code, http.StatusText(code))
	}
	return nil, nil, errors.Join(err, answer.Body.Close())
}
