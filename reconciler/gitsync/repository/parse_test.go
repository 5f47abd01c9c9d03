package repository_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

const (
	anID   = "1234567890123456789012345678901234567890"
	people = "author A <a@example.org> 1 +0000\ncommitter C <c@example.org> 2 -0130\n"
	head   = "tree " + anID + "\n" + people
)

// TestParseCommit cuts a commit into what is signed and the signature.
func TestParseCommit(t *testing.T) {
	for name, c := range map[string]struct{ raw, payload, signature, message string }{
		"unsigned":    {head + "\nm\n", head + "\nm\n", "", "m\n"},
		"signed":      {head + "gpgsig a\n b\n \n c\n\nm", head + "\nm", "a\nb\n\nc\n", "m"},
		"between":     {head + "x 1\ngpgsig a\ny 2\n\nm", head + "x 1\ny 2\n\nm", "a\n", "m"},
		"both hashes": {head + "gpgsig a\ngpgsig-sha256 b\n c\n\nm", head + "\nm", "a\n", "m"},
		"nested":      {head + "mergetag x\n gpgsig y\n\nm", head + "mergetag x\n gpgsig y\n\nm", "", "m"},
		"in the text": {head + "\ngpgsig a\n b\n", head + "\ngpgsig a\n b\n", "", "gpgsig a\n b\n"},
		"no message":  {head + "gpgsig a\n\n", head + "\n", "a\n", ""},
		"no end":      {head, head, "", ""},
	} {
		got, err := repository.ParseCommit(anID, []byte(c.raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(got.Payload) != c.payload || string(got.Signature) != c.signature || got.Message != c.message || got.Tree != anID {
			t.Errorf("%s: %q %q %q", name, got.Payload, got.Signature, got.Message)
		}
	}
	for name, raw := range map[string]string{
		"nothing":           "",
		"two signatures":    head + "gpgsig a\ngpgsig b\n\nm",
		"two of sha256":     head + "gpgsig-sha256 a\ngpgsig-sha256 b\n\nm",
		"another signature": head + "gpgsig-x a\n\nm",
		"no tree":           people + "\nm",
		"two trees":         "tree " + anID + "\n" + head + "\nm",
		"a late tree":       head + "tree " + anID + "\n\nm",
		"a late parent":     head + "parent " + anID + "\n\nm",
		"two authors":       "tree " + anID + "\nauthor B <b@example.org> 1 +0000\n" + people + "\nm",
		"short tree":        "tree 123\n" + people + "\nm",
		"upper tree":        "tree " + strings.Repeat("A", 40) + "\n" + people + "\nm",
		"folded tree":       "tree " + anID + "\n x\n" + people + "\nm",
		"nul":               head + "\nm\x00n",
		"nul in a header":   head + "x \x00\n\nm",
		"space first":       " x\n" + head + "\nm",
		"no value":          head + "x\n\nm",
		"cut off":           head + "x y",
		"no committer":      "tree " + anID + "\nauthor A <a@example.org> 1 +0000\n\nm",
		"no time":           strings.Replace(head, " 2 -0130", "", 1) + "\nm",
		"large":             head + "\n" + strings.Repeat("x", repository.MaxMessage),
	} {
		if _, err := repository.ParseCommit(anID, []byte(raw)); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// TestParseTag cuts a tag into what is signed and the signature.
func TestParseTag(t *testing.T) {
	start := "object " + anID + "\ntype commit\ntag v1\ntagger T <t@example.org> 1 +0000\n"
	sig := "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n"
	got, err := repository.ParseTag(anID, []byte(start+"\nm\n"+sig))
	if err != nil || string(got.Payload) != start+"\nm\n" || string(got.Signature) != sig || got.Message != "m\n" || got.Name != "v1" || got.Type != "commit" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err = repository.ParseTag(anID, []byte(start+"\nm -----BEGIN SSH SIGNATURE-----\n")); err != nil || len(got.Signature) > 0 {
		t.Errorf("%+v %v", got, err)
	}
	for name, raw := range map[string]string{
		"two signatures": start + "\nm\n" + sig + sig,
		"another kind":   start + "\nm\n" + sig + strings.ReplaceAll(sig, "SSH", "PGP"),
		"another header": start + "x y\n\nm\n",
		"two objects":    "object " + anID + "\n" + start + "\nm\n",
		"no type":        strings.Replace(start, "type commit\n", "", 1) + "\nm\n",
		"nul":            start + "\nm\x00\n",
	} {
		if _, err := repository.ParseTag(anID, []byte(raw)); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// TestText makes hostile text harmless.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31mb\x07":     "a[31mb",
		"a\u202eb\u200bc":    "abc",
		"a\nb\tc":            "a\nb\tc",
		"a\xffb":             "a\uFFFDb",
		"ééééé":              "éé…",
		"\u2028x\u2029y\x7f": "xy",
	} {
		if got := repository.Text(in, 5+3*strings.Count(in, "a")); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	c := repository.Commit{Message: "\n\n  fix \x1b[2Jthis\u202e\nmore"}
	if got := c.Summary(); got != "fix [2Jthis" {
		t.Errorf("%q", got)
	}
}

// FuzzParseCommit: what is signed and the signature are the commit, and nothing
// else; the message is what both have at the end.
func FuzzParseCommit(f *testing.F) {
	for _, s := range []string{head + "\nm\n", head + "gpgsig a\n b\n\nm", head + "mergetag x\n gpgsig y\ngpgsig-sha256 a\n\nm", head, "tree x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := repository.ParseCommit(anID, raw)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(raw, []byte(c.Message)) || !bytes.HasSuffix(c.Payload, []byte(c.Message)) || len(c.Payload) > len(raw) {
			t.Fatalf("%q %q", c.Payload, c.Message)
		}
		again, err := repository.ParseCommit(anID, c.Payload)
		if err != nil || len(again.Signature) > 0 || !bytes.Equal(again.Payload, c.Payload) || again.Tree != c.Tree || len(again.Parents) != len(c.Parents) {
			t.Fatalf("the payload is another commit: %q %v", c.Payload, err)
		}
		if !utf8.ValidString(c.Summary()) || len(c.Summary()) > repository.MaxSummary+3 || strings.ContainsAny(c.Summary(), "\n\r\x1b\x00") {
			t.Fatalf("%q", c.Summary())
		}
	})
}

// FuzzParseTag: what is signed and the signature are the tag.
func FuzzParseTag(f *testing.F) {
	f.Add([]byte("object " + anID + "\ntype commit\ntag v1\ntagger T <t@example.org> 1 +0000\n\nm\n-----BEGIN SSH SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tag, err := repository.ParseTag(anID, raw)
		if err == nil && !bytes.Equal(append(bytes.Clone(tag.Payload), tag.Signature...), raw) {
			t.Fatalf("%q %q", tag.Payload, tag.Signature)
		}
	})
}
