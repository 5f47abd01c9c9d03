package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Limits of a payload.
const (
	maxDepth = 32
	maxText  = 2 << 10
	maxURLs  = 16
)

// Push is what a request announces. It is hostile text: compare it with what is
// configured, and use nothing of it.
type Push struct {
	Hook         string   `json:"hook"`
	Repositories []string `json:"repositories"` // URLs of the one repository, sorted
	Ref          string   `json:"ref"`          // "refs/heads/main", or "" where it is not said
}

// Concerns tells whether the push may be to a repository: one of its URLs means
// the same host and path, however it is reached. Where no repository is named
// it concerns all.
func (p Push) Concerns(repository string) bool {
	want := place(repository)
	return len(p.Repositories) == 0 || want != "" && slices.ContainsFunc(p.Repositories, func(u string) bool { return place(u) == want })
}

// place is host and path of a repository's URL, without what differs between
// the ways to it: scheme, user, port, ".git".
func place(text string) string {
	host, path := "", ""
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		host, path = u.Hostname(), u.Path
	} else if at, rest, ok := strings.Cut(text, ":"); ok && !strings.Contains(at, "/") { // git@host:owner/name
		host, path = at[strings.LastIndex(at, "@")+1:], rest
	} else {
		return ""
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if path == "" {
		return ""
	}
	return strings.ToLower(host + "/" + path)
}

// urlFields are where the payloads have the repository's URLs: GitHub and Gitea
// below "repository", GitLab there and below "project".
var urlFields = []string{"clone_url", "git_http_url", "git_ssh_url", "git_url", "homepage", "html_url", "ssh_url", "url", "web_url"}

// parse takes the repository's URLs and the ref out of a payload, whatever else
// is in it. The rest is only walked over, to a bounded depth.
func parse(body []byte) (Push, error) {
	p := Push{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	w := walker{decoder: decoder, push: &p}
	token, err := decoder.Token()
	if err != nil || token != json.Delim('{') {
		return p, errors.New("the payload is no JSON object")
	}
	if err := w.object(nil); err != nil {
		return p, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("something follows the payload")
	}
	slices.Sort(p.Repositories)
	p.Repositories = slices.Compact(p.Repositories)
	return p, nil
}

type walker struct {
	decoder *json.Decoder
	push    *Push
}

// object reads what follows "{" up to its "}".
func (w *walker) object(path []string) error {
	for w.decoder.More() {
		name, err := w.decoder.Token()
		if err != nil {
			return err
		}
		text, ok := name.(string)
		if !ok {
			return errors.New("an object without a name")
		}
		if err := w.value(append(path, text)); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

func (w *walker) array(path []string) error {
	for w.decoder.More() {
		if err := w.value(append(path, "")); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

func (w *walker) value(path []string) error {
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	if text, ok := token.(string); ok {
		w.text(path, text)
		return nil
	}
	if len(path) >= maxDepth && (token == json.Delim('{') || token == json.Delim('[')) {
		return errors.New("the payload is nested too deeply")
	}
	switch token {
	case json.Delim('{'):
		return w.object(path)
	case json.Delim('['):
		return w.array(path)
	}
	return nil
}

func (w *walker) text(path []string, text string) {
	if len(text) > maxText || text == "" {
		return
	}
	switch {
	case len(path) == 1 && path[0] == "ref":
		w.push.Ref = text
	case len(path) == 1 && path[0] == "repository",
		len(path) == 2 && (path[0] == "repository" || path[0] == "project") && slices.Contains(urlFields, path[1]):
		if len(w.push.Repositories) < maxURLs && place(text) != "" {
			w.push.Repositories = append(w.push.Repositories, text)
		}
	}
}
