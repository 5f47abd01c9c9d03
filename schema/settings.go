package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// Runtimes lists what a decky can run on.
var Runtimes = []string{"docker", "native"}

// Settings is the decnet block. Its arguments are plain values, since they are
// needed before anything can be evaluated.
type Settings struct {
	Name            string // slug; prefix of every engine-side name
	RequiredVersion string // constraint, checked by Load
	State           string // path of the state file; empty: the default one
	Runtime         string // "docker", "native", or empty: decided at the first apply
	Seed            string // public root of derived values; empty: kept in state
	Secret          string // path of the file with the secret; empty: beside the state
	declared        *hcl.Range
}

// maxConfigurationName leaves room for block and key in an engine-side name.
const maxConfigurationName = 32

// decnet takes in a decnet block.
func (l *loader) decnet(b *hcl.Block) {
	s := &l.configuration.settings
	if s.declared != nil {
		l.settings = append(l.settings, diag.Error(b.DefRange, "decnet is declared twice", "The first one stands at %s; a configuration has one.", place(*s.declared)))
		return
	}
	s.declared = b.DefRange.Ptr()
	got, diags := topGrammar.blocks["decnet"].read(b.Body, "decnet", b.DefRange)
	l.settings = append(l.settings, diags...)
	if l.configuration.child {
		for _, name := range slices.Sorted(maps.Keys(got.attributes)) {
			if name != "required_version" {
				l.settings = append(l.settings, diag.Error(got.attributes[name].NameRange, fmt.Sprintf("A module has no %s", name), "It is the root configuration's to say; required_version is all that a module's decnet block holds."))
			}
		}
	}
	text := func(name string, into *string, check func(string) error) {
		attribute, ok := got.attributes[name]
		if !ok {
			return
		}
		value, diags := attribute.Expr.Value(nil)
		if diags.HasErrors() || value.IsNull() || value.Type() != cty.String || !value.IsKnown() {
			l.settings = append(l.settings, diag.Error(attribute.Expr.Range(), fmt.Sprintf("%s must be a plain text", name),
				"The decnet block is read before variables are known, so it takes no references and no functions."))
			return
		}
		if err := check(value.AsString()); err != nil {
			l.settings = append(l.settings, diag.Error(attribute.Expr.Range(), fmt.Sprintf("%s is not accepted", name), "%s.", sentence(err.Error())))
			return
		}
		*into = value.AsString()
	}
	text("name", &s.Name, checkConfigurationName)
	text("required_version", &s.RequiredVersion, func(v string) error { _, err := version.NewConstraint(v); return err })
	text("state", &s.State, notEmpty)
	text("secret", &s.Secret, notEmpty)
	text("seed", &s.Seed, notEmpty)
	text("runtime", &s.Runtime, checkRuntime)
}

func checkConfigurationName(name string) error {
	if derive.Slug(name) != name || name == "" || len(name) > maxConfigurationName || name[0] < 'a' {
		return fmt.Errorf("a name has 1 to %d lower case letters, digits and single hyphens, and starts with a letter; %q is not one", maxConfigurationName, name)
	}
	return nil
}

func checkRuntime(v string) error {
	if !slices.Contains(Runtimes, v) {
		return fmt.Errorf("there is no runtime %q. %s", v, diag.Advice("runtime", v, Runtimes))
	}
	return nil
}

func notEmpty(v string) error {
	if v == "" {
		return fmt.Errorf("it is empty; leave the argument out for the default")
	}
	return nil
}

// checkVersion compares this program's version with required_version.
func (l *loader) checkVersion(own string) {
	s := l.configuration.settings
	if own == "" || s.RequiredVersion == "" {
		return
	}
	constraint, err := version.NewConstraint(s.RequiredVersion)
	if err != nil {
		return // reported where it was read
	}
	v, err := version.NewVersion(own)
	if err == nil && !constraint.Check(v.Core()) {
		l.settings = append(l.settings, diag.Error(*s.declared, "This version of decnet does not fit", "The configuration wants %s, this is %s.", s.RequiredVersion, own))
	}
}
