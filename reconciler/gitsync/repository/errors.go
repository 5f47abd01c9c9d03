package repository

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reason is why a repository could not be reached, in one word.
type Reason string

// Reasons of an UnreachableError.
const (
	NotFound     Reason = "NotFound"     // there is no such repository, or it is not shown to us
	Unauthorized Reason = "Unauthorized" // the token or key is not accepted
	Credentials  Reason = "Credentials"  // the file with the token, key or hosts cannot be used
	HostKey      Reason = "HostKey"      // the host is not in known_hosts, or has another key
	Certificate  Reason = "Certificate"  // the certificate of the host is not trusted
	Timeout      Reason = "Timeout"
	Network      Reason = "Network"
	Redirected   Reason = "Redirected" // to another host
	Server       Reason = "Server"     // the server answers that it cannot
	Protocol     Reason = "Protocol"   // it does not speak git as it should
)

// UnreachableError says that a repository could not be asked. It carries no
// credential, and wraps nothing that might.
type UnreachableError struct {
	Reason Reason
	URL    string // without user information
	Detail string // one line
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("reach %s: %s: %s", e.URL, e.Reason, e.Detail)
}

// TooLargeError says which limit a repository broke.
type TooLargeError struct {
	What  string
	Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the repository is too large: %s; the limit is %d", e.What, e.Limit)
}

// RewriteError says that what was applied last is no ancestor of what the
// repository has now: somebody rewrote history, backwards or sideways.
type RewriteError struct {
	From, To string // commits
	// Looked is how many commits deep the search went, if that is why it ended;
	// zero: all of history was seen.
	Looked int
}

func (e *RewriteError) Error() string {
	if e.Looked > 0 {
		return fmt.Sprintf("commit %s, applied last, was not found among the last %d commits before %s: history was rewritten, or the bound is too small", e.From, e.Looked, e.To)
	}
	return fmt.Sprintf("history was rewritten: commit %s, applied last, is no ancestor of %s", e.From, e.To)
}

// MissingError says that a repository has no such branch, tag, version or
// commit.
type MissingError struct{ What string }

func (e *MissingError) Error() string { return "the repository has no " + e.What }

// MovedTagError says that a tag, once seen, names something else now.
type MovedTagError struct{ Tag, Was, Is, Record string }

func (e *MovedTagError) Error() string {
	return fmt.Sprintf("the tag %s was moved, from %s, as %s has it, to %s", clean(e.Tag), e.Was, e.Record, e.Is)
}

// BrokenError says that what a repository sent, or has, is damaged or not
// whole, as after a push that was cut off. The copy is as it was.
type BrokenError struct{ Detail string }

func (e *BrokenError) Error() string { return "the repository is broken: " + e.Detail }

func broken(format string, args ...any) error {
	return &BrokenError{Detail: clean(fmt.Sprintf(format, args...))}
}

// Redact is a URL without user information, query and fragment.
func Redact(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Scheme != "" && u.Opaque == "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		return clean(u.String())
	}
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		raw = raw[at+1:]
	}
	return clean(raw)
}

const maxDetail = 300

// clean makes hostile text fit for one line of an error or a log.
func clean(s string) string { return strings.Join(strings.Fields(Text(s, maxDetail)), " ") }

// Text is hostile text without control characters other than line breaks, and
// without those that turn the direction of writing, in at most limit bytes.
func Text(s string, limit int) string {
	s = s[:min(len(s), 4*limit)]
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// access is how one Fetch reaches a repository: it keeps what must not be told.
type access struct {
	url     string // redacted
	secrets []string
	meter   *meter
}

func (a *access) hide(s string) string {
	for _, secret := range a.secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return clean(s)
}

func (a *access) fail(reason Reason, format string, args ...any) error {
	return &UnreachableError{Reason: reason, URL: a.url, Detail: a.hide(fmt.Sprintf(format, args...))}
}

// explain makes an error of the network, which may say anything, one of ours.
func (a *access) explain(ctx context.Context, err error) error {
	var large *TooLargeError
	var unreachable *UnreachableError
	var broken *BrokenError
	var missing *MissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return large
	case a.meter.left < 0: // go-git may tell it as text
		return a.meter.spent()
	case errors.As(err, &missing):
		return missing
	case errors.As(err, &unreachable):
		return unreachable
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return a.fail(Timeout, "it takes too long")
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // the caller's own
	case errors.As(err, &broken):
		return &BrokenError{Detail: a.hide(broken.Detail)}
	}
	return a.fail(reasonOf(err), "%v", bare(err))
}

// bare is an error without the URL that net/http puts before it.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func reasonOf(err error) Reason {
	var network net.Error
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &name):
		return Certificate
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Timeout
	}
	return Network
}
