package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// States of a commit.
const (
	statePending = "pending"
	stateSuccess = "success"
	stateFailure = "failure"
)

// revision is a commit of a repository of SHA-1 or SHA-256.
var revision = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// stateOf is what a kind of news makes of a commit; "" where it concerns none.
func stateOf(k notification.Kind) string {
	switch k {
	case notification.Waiting, notification.Progressing:
		return statePending
	case notification.Applied:
		return stateSuccess
	case notification.Failed, notification.Refused, notification.RolledBack:
		return stateFailure
	}
	return ""
}

// sameRepository tells whether the URL of a repository ends with a path; the
// number of a GitLab project cannot be compared and is taken.
func sameRepository(path, repository string) bool {
	if !strings.Contains(path, "/") {
		return true
	}
	if u, err := url.Parse(repository); err == nil && u.Host != "" {
		repository = u.Path
	} else if _, after, ok := strings.Cut(repository, ":"); ok { // git@host:owner/name
		repository = after
	}
	repository = strings.TrimSuffix(strings.Trim(repository, "/"), ".git")
	return strings.EqualFold(repository, path) || strings.HasSuffix(strings.ToLower(repository), "/"+strings.ToLower(path))
}

// host is what differs between the APIs.
type host struct {
	// description and context are the most characters of either.
	description, context int
	failure              string // their word for it
	contextField         string
	scheme               string // of the Authorization header
	accept               string
	project              func(repository string) string // path of a repository
}

// Where the limits come from: GitHub refuses a description of more than 140
// characters and a context of more than 255 with 422 (docs.github.com/rest,
// "Commit statuses"). GitLab's model allows 255 characters for both
// (docs.gitlab.com/api/commits, "Set commit pipeline status"). Gitea keeps the
// context in 255 characters and the description as a text; 255 is ours there.
var hosts = map[string]host{
	"github": {
		description: 140, context: 255, failure: "failure", contextField: "context", scheme: "Bearer",
		accept: "application/vnd.github+json", project: func(r string) string { return "/repos/" + r },
	},
	"gitlab": {
		description: 255, context: 255, failure: "failed", contextField: "name", scheme: "Bearer",
		accept: "application/json", project: func(r string) string { return "/projects/" + url.PathEscape(r) },
	},
	"gitea": {
		description: 255, context: 255, failure: "failure", contextField: "context", scheme: "token",
		accept: "application/json", project: func(r string) string { return "/repos/" + r },
	},
}

// commitStatus marks commits.
type commitStatus struct {
	sink    schema.Sink
	options Options
}

// Deliver implements Target. A test asks for the repository with the token and
// marks nothing.
func (c *commitStatus) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	api := hosts[c.sink.Provider]
	token, err := c.options.secret(c.sink.TokenFile)
	if err != nil {
		return "", err
	}
	r := request{
		url: strings.TrimSuffix(c.sink.API(), "/") + api.project(c.sink.Repository), header: http.Header{}, caFile: c.sink.CAFile,
		secrets: []string{token},
	}
	r.header.Set("Authorization", api.scheme+" "+token)
	r.header.Set("Accept", api.accept)
	if c.sink.Provider == "github" {
		r.header.Set("X-Github-Api-Version", "2022-11-28")
	}
	if n.Kind == notification.Test {
		r.method = http.MethodGet
		a, err := c.options.send(ctx, r)
		a.body = nil
		return a.summary(nil), err
	}
	state := stateOf(n.Kind)
	if state == "" || !revision.MatchString(n.Revision) {
		return "", nil
	}
	r.url += "/statuses/" + n.Revision
	r.header.Set("Content-Type", "application/json")
	if r.body, err = json.Marshal(c.status(api, state, n)); err != nil {
		return "", permanent("make status: %w", err)
	}
	a, err := c.options.send(ctx, r)
	if err != nil && c.sink.Provider == "gitlab" && a.status == http.StatusBadRequest && bytes.Contains(a.body, []byte("Cannot transition status")) {
		err = nil // GitLab before 18.3 says so of a state that the commit already has
	}
	a.body = nil
	return a.summary(nil), err
}

func (c *commitStatus) status(api host, state string, n notification.Notification) map[string]string {
	if state == stateFailure {
		state = api.failure
	}
	name := c.sink.Context
	if name == "" {
		name = "decnet"
	}
	if n.Sync != "" {
		name += "/" + n.Sync
	}
	return map[string]string{"state": state, api.contextField: cut(line(name, 1000), api.context), "description": cut(line(n.Title, 1000), api.description)}
}
