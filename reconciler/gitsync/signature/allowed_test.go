package signature_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync/signature"
)

const (
	keyA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfkNV4OS33ImTXvorZr72q4v5XhVEQKfvqsxOEJ/XaR"
	rest = " comment with spaces"
)

// TestParseAllowedSigners reads what git reads.
func TestParseAllowedSigners(t *testing.T) {
	zone := time.FixedZone("x", 3600)
	for name, c := range map[string]struct {
		line string
		want []signature.Signer
	}{
		"plain":    {"a@example.org " + keyA + rest, []signature.Signer{{Name: "a@example.org", SSHKeys: []string{keyA + "\n"}}}},
		"list":     {"a@x,*@y \t" + keyA, []signature.Signer{{Name: "a@x,*@y", SSHKeys: []string{keyA + "\n"}}}},
		"quoted":   {`"a b,c" ` + keyA, []signature.Signer{{Name: "a b,c", SSHKeys: []string{keyA + "\n"}}}},
		"nothing":  {"\n# a " + keyA + "\n  \n", nil},
		"for git":  {`a namespaces="file,git" ` + keyA, []signature.Signer{{Name: "a", SSHKeys: []string{keyA + "\n"}}}},
		"pattern":  {`a NAMESPACES="g?t*" ` + keyA, []signature.Signer{{Name: "a", SSHKeys: []string{keyA + "\n"}}}},
		"not git":  {`a namespaces="file" ` + keyA, nil},
		"excluded": {`a namespaces="*,!git" ` + keyA, nil},
		"times": {`a valid-after="20260102",valid-before="202601021504Z",namespaces="git" ` + keyA, []signature.Signer{{
			Name: "a", SSHKeys: []string{keyA + "\n"},
			ValidAfter: time.Date(2026, 1, 2, 0, 0, 0, 0, zone), ValidBefore: time.Date(2026, 1, 2, 15, 4, 0, 0, time.UTC),
		}}},
	} {
		got, err := signature.ParseAllowedSigners(c.line, zone)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, line := range map[string]string{
		"no key":           "a",
		"no principal":     `"" ` + keyA,
		"authority":        "a cert-authority " + keyA,
		"authority of git": `a cert-authority,namespaces="git" ` + keyA,
		"unknown option":   "a no-touch-required " + keyA,
		"twice":            `a namespaces="git",namespaces="file" ` + keyA,
		"no marks":         "a namespaces=git " + keyA,
		"open mark":        `a namespaces="git ` + keyA,
		"no time":          `a valid-after="yesterday" ` + keyA,
		"no month":         `a valid-after="20261302" ` + keyA,
		"backwards":        `a valid-after="20260102",valid-before="20260101" ` + keyA,
		"no base64":        "a ssh-ed25519 AAAA!",
		"another type":     "a ssh-dss AAAAB3NzaC1kc3MAAACBAA==",
		"a certificate":    "a ssh-ed25519-cert-v01@openssh.com AAAA",
		"large":            strings.Repeat("#", signature.MaxKeys+1),
	} {
		if got, err := signature.ParseAllowedSigners("# first\n"+line, zone); err == nil {
			t.Errorf("%s: it is taken: %v", name, got)
		} else if name != "large" && !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: the line is not named: %v", name, err)
		}
	}
}

// FuzzParseAllowedSigners: what is read is a keyring, or nothing is.
func FuzzParseAllowedSigners(f *testing.F) {
	for _, s := range []string{"a " + keyA, `a namespaces="git",valid-after="20260102Z" ` + keyA, `"a b" cert-authority ` + keyA, "a,b\t" + keyA + " c\n#\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		signers, err := signature.ParseAllowedSigners(file, time.UTC)
		if err != nil || len(signers) == 0 {
			return
		}
		for _, s := range signers {
			if _, err := signature.NewKeyring([]signature.Signer{s}); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
