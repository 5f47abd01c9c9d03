package module_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/schema/module"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]module.Source{
		"./office":                       {Kind: module.Local, Path: "./office"},
		"../a/b":                         {Kind: module.Local, Path: "../a/b"},
		"..":                             {Kind: module.Local, Path: ".."},
		"decnet/office":                  {Kind: module.Builtin, Path: "office"},
		"git::https://example.org/x.git": {Kind: module.Git, URL: "https://example.org/x.git"},
		"git::https://example.org/x":     {Kind: module.Git, URL: "https://example.org/x"},
		"https://example.org/x.git//a/b?ref=v1.2":          {Kind: module.Git, URL: "https://example.org/x.git", Path: "a/b", Ref: "v1.2"},
		"https://example.org:8443/x.git":                   {Kind: module.Git, URL: "https://example.org:8443/x.git"},
		"git::ssh://git@example.org/x.git?ref=feature/one": {Kind: module.Git, URL: "ssh://git@example.org/x.git", Ref: "feature/one"},
		"git@example.org:team/x.git//sub":                  {Kind: module.Git, URL: "ssh://git@example.org/team/x.git", Path: "sub"},
		"github.com/team/x":                                {Kind: module.Git, URL: "https://github.com/team/x.git"},
		"github.com/team/x.git//sub?ref=main":              {Kind: module.Git, URL: "https://github.com/team/x.git", Path: "sub", Ref: "main"},
		"git::/srv/git/x.git":                              {Kind: module.Git, URL: "/srv/git/x.git"},
		"git::file:///srv/x//sub":                          {Kind: module.Git, URL: "file:///srv/x", Path: "sub"},
	} {
		got, err := module.Parse(s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q): %s", s, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for s, why := range map[string]string{
		"":                                       "empty",
		"office":                                 "is none",
		"terraform-aws-modules/vpc/aws":          "is none",
		"/srv/modules/office":                    "is none",
		"decnet/":                                "no name",
		"decnet/../x":                            "no name",
		"git::http://example.org/x.git":          "nothing proves",
		"git::git://example.org/x.git":           "nothing proves",
		"git::ext::sh -c id":                     "space",
		"git::ext::id":                           "is none",
		"git::ssh://-oProxyCommand=id/x":         "no repository",
		"git::https://a:b@example.org/x.git":     "password",
		"git::https://example.org":               "no repository",
		"git::https://example.org/x.git#main":    "fragment",
		"git::https://example.org/x//../y":       "no folder",
		"git::https://example.org/x//":           "no folder",
		"git::https://example.org/x?ref=":        "no name of a branch",
		"git::https://example.org/x?ref=-u":      "no name of a branch",
		"git::https://example.org/x?ref=a..b":    "no name of a branch",
		"git::https://example.org/x?depth=1":     "ref=NAME only",
		"git::https://example.org/x?ref=a&ref=b": "ref=NAME only",
		"git::file://host/x":                     "no folder of this host",
		"git::https://example.org/${var.x}":      "character",
		"./a\nb":                                 "control character",
		strings.Repeat("./", module.MaxSource):   "more than",
	} {
		if got, err := module.Parse(s); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Parse(%q) = %+v, %v; want %q", s, got, err, why)
		}
	}
}

func TestModulesOfOneRepositoryShareAPackage(t *testing.T) {
	a, _ := module.Parse("github.com/team/x//a?ref=v1")
	b, _ := module.Parse("git::https://github.com/team/x.git//b?ref=v1")
	c, _ := module.Parse("github.com/team/x//a?ref=v2")
	if a.Package() != b.Package() || a.Package() == c.Package() {
		t.Errorf("%q, %q, %q", a.Package(), b.Package(), c.Package())
	}
}

// FuzzParse: what is accepted prints as what parses to the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"./x", "decnet/office", "git::https://e.org/x.git//a?ref=v1", "git@e.org:x/y", "github.com/a/b//c", "git::/srv/x", "git::file:///x//y?ref=a/b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := module.Parse(s)
		if err != nil {
			return
		}
		again, err := module.Parse(got.String())
		if err != nil || again != got {
			t.Fatalf("%q is %+v, prints as %q, which is %+v (%v)", s, got, got.String(), again, err)
		}
		if got.Kind != module.Git {
			return
		}
		name := got.Package()
		if p, err := module.Parse(name); err != nil || p.Package() != name || strings.ContainsAny(name, "\"{\\\n") {
			t.Fatalf("the package of %q is %q: %v", s, name, err)
		}
	})
}
