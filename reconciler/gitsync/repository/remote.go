package repository

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

const (
	maxAdvertised  = 16 << 20 // bytes of a list of refs
	maxCredential  = 64 << 10 // bytes of a token, key or list of hosts
	connectTimeout = 30 * time.Second
	agent          = "git/decnet"
)

// dialer begins to talk to a repository. Each session is for one list of refs
// and at most one request.
type dialer func(ctx context.Context, a *access) (session, error)

type session interface {
	advertised(ctx context.Context) (*packp.AdvRefs, error)
	ask(ctx context.Context, q *packp.UploadPackRequest) (*answer, error)
	io.Closer
}

// answer is what a repository sends for a request.
type answer struct {
	shallow, unshallow []plumbing.Hash
	pack               io.Reader
}

var scp = regexp.MustCompile(`^([A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([^/\\].*|/.*)$`)

// newDialer decides how a URL is reached, and refuses what must not be.
func newDialer(o Options) (dialer, error) {
	refuse := func(format string, args ...any) (dialer, error) {
		return nil, fmt.Errorf("repository %s: %s", Redact(o.URL), fmt.Sprintf(format, args...))
	}
	if len(o.URL) > 2048 || strings.ContainsFunc(o.URL, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return refuse("that is no URL")
	}
	if filepath.IsAbs(o.URL) {
		return local(filepath.Clean(o.URL)), nil
	}
	if m := scp.FindStringSubmatch(o.URL); m != nil && !strings.Contains(o.URL, "://") {
		return newSSH(o, strings.TrimSuffix(m[1], "@"), strings.Trim(m[2], "[]"), "22", m[3])
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return refuse("that is no URL")
	}
	if _, has := u.User.Password(); has || u.User != nil && u.Scheme != "ssh" {
		return refuse("a URL must not carry a user or password; name the user beside a file that holds the token")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return refuse("a URL must not have a query or fragment")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(u.Path) {
			return refuse("file:// wants an absolute path")
		}
		return local(filepath.Clean(u.Path)), nil
	case "https", "ssh":
	case "http", "git":
		if !o.Insecure && !isLoopback(u.Hostname()) {
			return refuse("%s:// is neither encrypted nor authenticated, and allowed on loopback only, or where insecure is set", u.Scheme)
		}
	default:
		return refuse("a repository is reached by https, ssh or a path")
	}
	if u.Hostname() == "" {
		return refuse("it names no host")
	}
	switch u.Scheme {
	case "ssh":
		return newSSH(o, u.User.Username(), u.Hostname(), orElse(u.Port(), "22"), u.Path)
	case "git":
		return newGit(o, u)
	}
	return newHTTP(o, u)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// netDialer connects; where only loopback is allowed, also what a name resolves
// to must be that.
func netDialer(loopback bool) *net.Dialer {
	d := &net.Dialer{Timeout: connectTimeout, KeepAlive: connectTimeout}
	if loopback {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
				return fmt.Errorf("%s is not loopback", address)
			}
			return nil
		}
	}
	return d
}

// secret reads a file that its owner alone may read.
func secret(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s must be a file that its owner alone may read (chmod 600)", name)
	}
	return limited(file, name)
}

func limited(r io.Reader, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxCredential+1))
	if err == nil && len(raw) > maxCredential {
		err = fmt.Errorf("%s has more than %d bytes", name, maxCredential)
	}
	return raw, err
}

// line is a secret of one line.
func line(name string) (string, error) {
	raw, err := secret(name)
	if err != nil {
		return "", err
	}
	s := strings.TrimRight(string(raw), "\r\n")
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%s must have one line", name)
	}
	return s, nil
}

// decodeRefs reads a list of refs.
func decodeRefs(a *access, r io.Reader) (*packp.AdvRefs, error) {
	refs := packp.NewAdvRefs()
	in := &meter{left: maxAdvertised, limit: maxAdvertised}
	if err := refs.Decode(in.reader(r)); err != nil {
		var network net.Error
		var large *TooLargeError
		switch {
		case errors.As(err, &large):
			return nil, &TooLargeError{What: "its list of branches and tags", Limit: maxAdvertised}
		case in.left < 0: // go-git tells errors as text
			return nil, &TooLargeError{What: "its list of branches and tags", Limit: maxAdvertised}
		case errors.As(err, &network):
			return nil, err
		case errors.Is(err, packp.ErrEmptyAdvRefs):
			return nil, &MissingError{What: "commit: it is empty"}
		}
		return nil, a.fail(reasonOfText(err.Error(), Protocol), "it does not answer with its branches and tags: %v", err)
	}
	if len(refs.References) == 0 {
		return nil, &MissingError{What: "commit: it is empty"}
	}
	if format := refs.Capabilities.Get(capability.Capability("object-format")); len(format) > 0 && format[0] != "sha1" {
		return nil, a.fail(Protocol, "its objects are named by %s; only sha1 is read", format[0])
	}
	return refs, nil
}

// request is what to ask a repository: some objects, with so much history, by
// one who has others.
func request(refs *packp.AdvRefs, wants, haves, shallow []plumbing.Hash, depth int) (*packp.UploadPackRequest, error) {
	q := packp.NewUploadPackRequest()
	q.Wants, q.Haves = wants, haves
	for _, c := range []capability.Capability{capability.OFSDelta, capability.Sideband64k, capability.NoProgress} {
		if refs.Capabilities.Supports(c) {
			if err := q.Capabilities.Set(c); err != nil {
				return nil, fmt.Errorf("ask the repository: %w", err)
			}
		}
	}
	if refs.Capabilities.Supports(capability.Agent) {
		if err := q.Capabilities.Set(capability.Agent, agent); err != nil {
			return nil, fmt.Errorf("ask the repository: %w", err)
		}
	}
	if refs.Capabilities.Supports(capability.Shallow) {
		if err := q.Capabilities.Set(capability.Shallow); err != nil {
			return nil, fmt.Errorf("ask the repository: %w", err)
		}
		q.Shallows, q.Depth = shallow, packp.DepthCommits(depth)
	}
	return q, nil
}

// encode writes a request as git does: wants, an end, haves, done.
func encode(q *packp.UploadPackRequest) ([]byte, error) {
	var b bytes.Buffer
	if err := q.UploadRequest.Encode(&b); err != nil {
		return nil, fmt.Errorf("ask the repository: %w", err)
	}
	if err := q.UploadHaves.Encode(&b, false); err != nil {
		return nil, fmt.Errorf("ask the repository: %w", err)
	}
	b.WriteString("0009done\n")
	return b.Bytes(), nil
}

// decode reads an answer up to the pack (gitprotocol-pack, packfile
// negotiation without multi_ack).
func decode(a *access, r io.Reader, q *packp.UploadPackRequest) (*answer, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	out := &answer{}
	for shallow := !q.Depth.IsZero(); shallow; {
		text, err := packet(a, in)
		if err != nil {
			return nil, err
		}
		kind, id, _ := strings.Cut(text, " ")
		switch {
		case text == "":
			shallow = false
		case kind == "shallow" && isID.MatchString(id):
			out.shallow = append(out.shallow, plumbing.NewHash(id))
		case kind == "unshallow" && isID.MatchString(id):
			out.unshallow = append(out.unshallow, plumbing.NewHash(id))
		default:
			return nil, a.fail(Protocol, "it answers %s", text)
		}
	}
	for {
		text, err := packet(a, in)
		if err != nil {
			return nil, err
		}
		if text != "NAK" && !strings.HasPrefix(text, "ACK ") {
			return nil, a.fail(Protocol, "it answers %s", text)
		}
		// Some acknowledge twice: the first common commit, and the end.
		next, err := in.Peek(7)
		if err != nil || string(next[4:]) != "ACK" && string(next[4:]) != "NAK" {
			break
		}
	}
	out.pack = in
	if q.Capabilities.Supports(capability.Sideband64k) {
		out.pack = &demuxed{a: a, r: sideband.NewDemuxer(sideband.Sideband64k, in)}
	}
	return out, nil
}

// demuxed tells an error that a server sends within the pack as one.
type demuxed struct {
	a *access
	r *sideband.Demuxer
}

func (d *demuxed) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && strings.HasPrefix(err.Error(), "unexpected error: ") { // as go-git tells it
		return n, broken("it answers %s", d.a.hide(strings.TrimPrefix(err.Error(), "unexpected error: ")))
	}
	return n, err
}

// telling makes errors of the network ours.
type telling struct {
	r   io.Reader
	a   *access
	ctx context.Context //nolint:containedctx // for one call
}

func (t *telling) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = t.a.explain(t.ctx, err)
	}
	return n, err
}

// packet is one line of the protocol without its end; empty: the end of some.
func packet(a *access, in io.Reader) (string, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return "", hungUp(a, err)
	}
	n, err := strconv.ParseUint(string(size[:]), 16, 16)
	if err != nil || n > 0 && n < 4 {
		return "", a.fail(Protocol, "it does not answer as git does")
	}
	if n == 0 {
		return "", nil
	}
	text := make([]byte, n-4)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", hungUp(a, err)
	}
	if said, ok := bytes.CutPrefix(text, []byte("ERR ")); ok {
		if bytes.Contains(said, []byte("not our ref")) {
			return "", a.fail(Server, "it moved while it was fetched: %s", said)
		}
		return "", a.fail(reasonOfText(string(said), Server), "%s", said)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

func hungUp(a *access, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return a.fail(Server, "it hung up")
	}
	return err
}

// reasonOfText reads from what a server says why it refuses.
func reasonOfText(said string, otherwise Reason) Reason {
	said = strings.ToLower(said)
	for _, part := range []string{"not found", "not exported", "does not exist", "not appear to be a git repository", "no such"} {
		if strings.Contains(said, part) {
			return NotFound
		}
	}
	for _, part := range []string{"denied", "unauthorized", "forbidden"} {
		if strings.Contains(said, part) {
			return Unauthorized
		}
	}
	return otherwise
}
