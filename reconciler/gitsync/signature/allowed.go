package signature

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ParseAllowedSigners reads a file of git's gpg.ssh.allowedSignersFile
// (ssh-keygen(1), ALLOWED SIGNERS): principals, options, a key. Each line is a
// signer named by its principals. A line for other namespaces than git is left
// out; cert-authority and options that are not known are refused. Times without
// Z are those of zone.
func ParseAllowedSigners(file string, zone *time.Location) ([]Signer, error) {
	if len(file) > MaxKeys {
		return nil, fmt.Errorf("the allowed_signers file has more than %d bytes", MaxKeys)
	}
	var out []Signer
	number := 0
	for line := range strings.Lines(file) {
		number++
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		s, forGit, err := allowed(line, zone)
		if err != nil {
			return nil, fmt.Errorf("line %d of the allowed_signers file: %w", number, err)
		}
		if !forGit {
			continue
		}
		if out = append(out, s); len(out) > MaxSigners {
			return nil, fmt.Errorf("the allowed_signers file has more than %d signers", MaxSigners)
		}
	}
	return out, nil
}

func allowed(line string, zone *time.Location) (Signer, bool, error) {
	name, rest, err := word(line)
	if err != nil {
		return Signer{}, false, err
	}
	s := Signer{Name: strings.ReplaceAll(name, `"`, "")}
	if s.Name == "" || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s, false, errors.New("it names no principal")
	}
	forGit := true
	if second, after, err := word(rest); err != nil {
		return s, false, err
	} else if !isKeyType(second) {
		rest = after
		if forGit, err = s.options(second, zone); err != nil {
			return s, false, err
		}
	}
	key, _, options, more, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(options) > 0 || len(more) > 0 {
		return s, false, errors.New("it has no public key")
	}
	if err := checkSSH(key); err != nil {
		return s, false, err
	}
	s.SSHKeys = []string{string(ssh.MarshalAuthorizedKey(key))}
	return s, forGit, nil
}

func isKeyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-") || strings.HasPrefix(s, "sk-")
}

// word is what stands before the first space that is not quoted.
func word(s string) (string, string, error) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && (s[i] == ' ' || s[i] == '\t'):
			return s[:i], strings.TrimLeft(s[i:], " \t"), nil
		}
	}
	if quoted {
		return "", "", errors.New("a quotation mark is missing")
	}
	return s, "", nil
}

// options reads the options of a line, and tells whether it is for git.
func (s *Signer) options(text string, zone *time.Location) (bool, error) {
	forGit := true
	seen := map[string]bool{}
	for _, option := range unquotedSplit(text) {
		name, value, _ := strings.Cut(option, "=")
		name = strings.ToLower(name)
		if seen[name] {
			return false, fmt.Errorf("the option %s is there twice", name)
		}
		seen[name] = true
		value, quoted := unquote(value)
		switch {
		case name == "cert-authority":
			return false, errors.New("certificate authorities (cert-authority) are not accepted; name each key")
		case !quoted && (name == "namespaces" || name == "valid-after" || name == "valid-before"):
			return false, fmt.Errorf("the option %s wants a value in quotation marks", name)
		case name == "namespaces":
			forGit = matchList(value, namespace)
		case name == "valid-after" || name == "valid-before":
			at, err := parseTime(value, zone)
			if err != nil {
				return false, fmt.Errorf("the option %s: %w", name, err)
			}
			if name == "valid-after" {
				s.ValidAfter = at
			} else {
				s.ValidBefore = at
			}
		default:
			return false, fmt.Errorf("the option %q is not known", name)
		}
	}
	if !s.ValidAfter.IsZero() && !s.ValidBefore.IsZero() && !s.ValidAfter.Before(s.ValidBefore) {
		return false, errors.New("valid-after comes after valid-before")
	}
	return forGit, nil
}

func unquotedSplit(s string) []string {
	var out []string
	quoted, from := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' || strings.Contains(s[1:len(s)-1], `"`) {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// matchList tells whether a list of patterns, as ssh has them, names s: one
// must, and none with an exclamation mark.
func matchList(list, s string) bool {
	found := false
	for _, p := range strings.Split(list, ",") {
		p, not := strings.CutPrefix(strings.TrimSpace(p), "!")
		// * and ? are all that ssh knows.
		ok, err := path.Match(strings.NewReplacer("[", `\[`, `\`, `\\`).Replace(p), s)
		switch {
		case err != nil || !ok:
		case not:
			return false
		default:
			found = true
		}
	}
	return found
}

// layouts of times: YYYYMMDD, YYYYMMDDHHMM, YYYYMMDDHHMMSS, also with a Z.
var layouts = []string{"20060102", "200601021504", "20060102150405"}

func parseTime(s string, zone *time.Location) (time.Time, error) {
	digits, utc := strings.CutSuffix(s, "Z")
	if utc {
		zone = time.UTC
	}
	i := slices.IndexFunc(layouts, func(l string) bool { return len(l) == len(digits) })
	if i < 0 {
		return time.Time{}, fmt.Errorf("%q is no time; write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC", s)
	}
	at, err := time.ParseInLocation(layouts[i], digits, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time", s)
	}
	return at, nil
}
