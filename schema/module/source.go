// Package module owns where modules come from: how a source is written, the
// lock file that says what was fetched for it, and the directory that holds it.
// It verifies and never fetches; package fetch does that.
package module

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Kind tells where a module stands.
type Kind int

// The kinds of source.
const (
	Local   Kind = iota // "./x", "../x": beside the configuration
	Builtin             // "decnet/x": in this program
	Git                 // a git repository
)

// MaxSource is how many bytes a source may have.
const MaxSource = 1024

// Source is a parsed source.
type Source struct {
	Kind Kind
	// Path is the path of a local module, the name of a built-in one, the
	// folder inside a repository ("" for its top).
	Path string
	// URL is that of a git repository, as git takes it.
	URL string
	// Ref is the branch, tag or commit; empty: the repository's default branch.
	Ref string
}

// Package names what is fetched for the source and locked: the repository and
// the ref, without the folder. Two modules of one repository share it.
func (s Source) Package() string {
	if s.Kind != Git {
		return ""
	}
	if s.Ref == "" {
		return "git::" + s.URL
	}
	return "git::" + s.URL + "?ref=" + s.Ref
}

// String is the source as Parse reads it.
func (s Source) String() string {
	switch s.Kind {
	case Local:
		return s.Path
	case Builtin:
		return "decnet/" + s.Path
	}
	out := "git::" + s.URL
	if s.Path != "" {
		out += "//" + s.Path
	}
	if s.Ref != "" {
		out += "?ref=" + s.Ref
	}
	return out
}

var (
	builtinName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	scheme      = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://`)
	// scp is git's short form of an SSH URL.
	scp = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):([^:].*)$`)
	// hosted are repositories that are known by their host's name.
	hosted = regexp.MustCompile(`^(github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)/([^/]+)/([^/]+)$`)
	// ref is what git allows in the name of a branch, a tag or a commit, less
	// what it gives a meaning of its own (git-check-ref-format).
	ref = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]*$`)
)

// schemes of git URLs. git:// and http:// prove nothing about what they bring.
var schemes = map[string]bool{"https": true, "ssh": true, "file": true}

// Parse reads a source as a module block says it.
func Parse(s string) (Source, error) {
	switch {
	case s == "":
		return Source{}, fmt.Errorf("it is empty")
	case len(s) > MaxSource:
		return Source{}, fmt.Errorf("it has more than %d bytes", MaxSource)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return Source{}, fmt.Errorf("%q holds a space, a backslash or a control character", s)
	case s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../"):
		return Source{Kind: Local, Path: s}, nil
	case strings.HasPrefix(s, "decnet/"):
		name := strings.TrimPrefix(s, "decnet/")
		if !builtinName.MatchString(name) {
			return Source{}, fmt.Errorf("%q is no name of a built-in module such as decnet/office", s)
		}
		return Source{Kind: Builtin, Path: name}, nil
	}
	rest, forced := strings.CutPrefix(s, "git::")
	return parseGit(s, rest, forced)
}

func parseGit(whole, rest string, forced bool) (Source, error) {
	out := Source{Kind: Git}
	if strings.ContainsFunc(whole, func(r rune) bool { return r > '~' || strings.ContainsRune("\"$`'<>(){}[]|;*", r) }) {
		return Source{}, fmt.Errorf("%q holds a character that no URL of a repository needs", whole)
	}
	rest, query, _ := strings.Cut(rest, "?")
	if query != "" {
		values, err := url.ParseQuery(query)
		if err != nil {
			return Source{}, fmt.Errorf("the part after the question mark cannot be read: %w", err)
		}
		for name, all := range values {
			if name != "ref" || len(all) != 1 {
				return Source{}, fmt.Errorf("after the question mark stands ref=NAME only, not %q", query)
			}
		}
		out.Ref = values.Get("ref")
		if !ref.MatchString(out.Ref) || strings.Contains(out.Ref, "..") || strings.HasSuffix(out.Ref, ".lock") || path.Clean(out.Ref) != out.Ref {
			return Source{}, fmt.Errorf("%q is no name of a branch, a tag or a commit", out.Ref)
		}
	}
	rest, sub, err := cutFolder(rest)
	if err != nil {
		return Source{}, err
	}
	out.Path = sub
	switch {
	case hosted.MatchString(rest):
		out.URL = "https://" + strings.TrimSuffix(rest, ".git") + ".git"
	case scp.MatchString(rest):
		m := scp.FindStringSubmatch(rest)
		out.URL = "ssh://" + m[1] + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/")
	case strings.HasPrefix(rest, "/") && forced:
		out.URL = path.Clean(rest)
	case scheme.MatchString(rest) && (forced || strings.HasSuffix(rest, ".git")):
		out.URL = rest
	default:
		return Source{}, fmt.Errorf("%q is none: write ./FOLDER for one beside the configuration, decnet/NAME for a built-in one, "+
			"git::URL for a repository, with //FOLDER inside it and ?ref=NAME where they are wanted", whole)
	}
	return out, out.check()
}

// cutFolder splits "//FOLDER" off, which comes after a URL's own "://".
func cutFolder(s string) (rest, folder string, err error) {
	start := 0
	if i := strings.Index(s, "://"); i >= 0 {
		start = i + len("://")
	}
	i := strings.Index(s[start:], "//")
	if i < 0 {
		return s, "", nil
	}
	rest, folder = s[:start+i], strings.Trim(s[start+i+2:], "/")
	if folder == "" || path.Clean(folder) != folder || folder == ".." || strings.HasPrefix(folder, "../") {
		return "", "", fmt.Errorf("%q is no folder inside the repository", folder)
	}
	return rest, folder, nil
}

// check checks the URL of a repository.
func (s Source) check() error {
	if strings.HasPrefix(s.URL, "/") {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return fmt.Errorf("%q is no URL", s.URL)
	}
	switch {
	case !schemes[u.Scheme]:
		return fmt.Errorf("%s:// is not accepted: nothing proves what it brings; use https or ssh", u.Scheme)
	case u.Scheme == "file" && (u.Host != "" || u.Path == ""):
		return fmt.Errorf("%q names no folder of this host: write file:///FOLDER", s.URL)
	case u.Scheme != "file" && (u.Host == "" || strings.HasPrefix(u.Host, "-") || strings.Trim(u.Path, "/") == ""):
		return fmt.Errorf("%q names no repository", s.URL)
	case u.Fragment != "" || u.RawFragment != "":
		return fmt.Errorf("%q has a fragment, which means nothing here; write ?ref=NAME", s.URL)
	}
	if _, secret := u.User.Password(); secret {
		return fmt.Errorf("the URL holds a password; it would stand in the lock file. Use ssh, or a credential of the host")
	}
	return nil
}
