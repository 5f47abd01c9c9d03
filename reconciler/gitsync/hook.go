package gitsync

import (
	"net/url"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/syncfile"
)

// Hook is what a hosting service says was pushed. It is believed no further than
// to look.
type Hook struct {
	// Repository is any URL of it; empty: any.
	Repository string
	Ref        string   // "refs/heads/main"; empty: any
	Syncs      []string // that may be woken; none: all
}

// Hook makes the syncs that follow what was pushed look at their repositories
// at once, and tells their names. Backoff of a bad commit goes on.
func (m *Manager) Hook(h Hook) []string {
	var out []string
	for _, c := range m.syncs {
		if len(h.Syncs) > 0 && !slices.Contains(h.Syncs, c.sync.Name) {
			continue
		}
		if h.Repository != "" && identity(h.Repository) != identity(c.sync.Repository) || !concerns(c.sync.Ref, h.Ref) {
			continue
		}
		c.wake(wake{hook: true})
		out = append(out, c.sync.Name)
	}
	return out
}

// concerns tells whether what is followed may have moved with a reference.
func concerns(r syncfile.Ref, pushed string) bool {
	switch {
	case pushed == "":
		return true
	case r.Kind == syncfile.Branch:
		return pushed == "refs/heads/"+r.Name
	case r.Kind == syncfile.Tag:
		return pushed == "refs/tags/"+r.Name
	case r.Kind == syncfile.Semver:
		return strings.HasPrefix(pushed, "refs/tags/")
	}
	return false
}

// identity is a repository whatever way leads to it: host and path.
func identity(repository string) string {
	host, path := "", repository
	if u, err := url.Parse(repository); err == nil && u.Scheme != "" && strings.Contains(repository, "://") {
		host, path = u.Hostname(), u.Path
	} else if before, after, ok := strings.Cut(repository, ":"); ok && !strings.HasPrefix(repository, "/") {
		host, path = before[strings.LastIndex(before, "@")+1:], after
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return strings.ToLower(host + "/" + path)
}
