package module

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// LockName is the lock file, beside the configuration and committed with it.
const LockName = ".decnet.lock.hcl"

// MaxLock is how many bytes a lock file may have.
const MaxLock = 1 << 20

// Entry is what was fetched for a package.
type Entry struct {
	Commit string // in hex
	Digest string // of the tree: "sha256:" and hex
}

// Lock says what was fetched for each package, by Source.Package.
type Lock map[string]Entry

var (
	commitForm = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// ReadLock reads the lock file of the configuration in a directory; one that is
// not there is empty.
func ReadLock(dir string) (Lock, error) {
	src, err := os.ReadFile(filepath.Join(dir, LockName))
	if errors.Is(err, os.ErrNotExist) {
		return Lock{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", LockName, err)
	}
	return ParseLock(src)
}

// ParseLock reads the content of a lock file.
func ParseLock(src []byte) (Lock, error) {
	if len(src) > MaxLock {
		return nil, fmt.Errorf("%s has more than %d bytes", LockName, MaxLock)
	}
	if bytes.ContainsAny(src, "([") || nested(src) {
		return nil, fmt.Errorf("%s holds more than module blocks; decnet get makes it anew where it is not there", LockName)
	}
	file, diags := hclsyntax.ParseConfig(src, LockName, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("%s line %d: %s", LockName, diags[0].Subject.Start.Line, diags[0].Summary)
	}
	body := file.Body.(*hclsyntax.Body)
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		return nil, fmt.Errorf("%s line %d: there is no argument %q", LockName, body.Attributes[name].SrcRange.Start.Line, name)
	}
	lock := Lock{}
	for _, block := range body.Blocks {
		name, entry, err := lockEntry(block)
		if err == nil {
			if _, twice := lock[name]; twice {
				err = fmt.Errorf("%s stands twice", name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", LockName, block.TypeRange.Start.Line, err)
		}
		lock[name] = entry
	}
	return lock, nil
}

// nested tells whether braces nest deeper than a lock file's do: the parser is
// recursive.
func nested(src []byte) bool {
	depth := 0
	for _, c := range src {
		switch c {
		case '{':
			if depth++; depth > 2 {
				return true
			}
		case '}':
			depth--
		}
	}
	return false
}

func lockEntry(block *hclsyntax.Block) (string, Entry, error) {
	if block.Type != "module" || len(block.Labels) != 1 || len(block.Body.Blocks) > 0 {
		return "", Entry{}, errors.New("only module \"SOURCE\" { commit = ..., digest = ... } stands here")
	}
	name := block.Labels[0]
	if s, err := Parse(name); err != nil || s.Package() != name {
		return "", Entry{}, fmt.Errorf("%q is no source of a package", name)
	}
	var entry Entry
	for key, into := range map[string]*string{"commit": &entry.Commit, "digest": &entry.Digest} {
		attribute := block.Body.Attributes[key]
		if attribute == nil {
			return "", Entry{}, fmt.Errorf("%s is missing", key)
		}
		value, diags := attribute.Expr.Value(nil)
		if diags.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
			return "", Entry{}, fmt.Errorf("%s is no plain text", key)
		}
		*into = value.AsString()
	}
	switch {
	case len(block.Body.Attributes) > 2:
		return "", Entry{}, errors.New("there are commit and digest only")
	case !commitForm.MatchString(entry.Commit):
		return "", Entry{}, fmt.Errorf("%q is no commit", entry.Commit)
	case !digestForm.MatchString(entry.Digest):
		return "", Entry{}, fmt.Errorf("%q is no digest", entry.Digest)
	}
	return name, entry, nil
}

// Bytes is the lock as a file, the same for the same lock.
func (l Lock) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString("# Made by decnet get, and by nothing else. Commit it.\n")
	for _, name := range slices.Sorted(maps.Keys(l)) {
		fmt.Fprintf(&b, "\nmodule %q {\n  commit = %q\n  digest = %q\n}\n", name, l[name].Commit, l[name].Digest)
	}
	return b.Bytes()
}

// Write replaces the lock file of a directory, whole or not at all; an empty
// lock has no file.
func (l Lock) Write(dir string) error {
	name := filepath.Join(dir, LockName)
	if len(l) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", LockName, err)
		}
		return nil
	}
	temporary, err := os.CreateTemp(dir, ".decnet.lock-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", LockName, err)
	}
	_, err = temporary.Write(l.Bytes())
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", LockName, errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}
