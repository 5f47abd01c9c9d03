package layers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/decnet/decnet/"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	cmd.Dir = "../../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// within tells whether pkg is root or below it.
func within(pkg string, roots ...string) bool {
	for _, root := range roots {
		if pkg == root || strings.HasPrefix(pkg, root+"/") {
			return true
		}
	}
	return false
}

// allowed tells whether a package of ours (both without the module's prefix)
// may import another.
func allowed(from, to string) bool {
	switch {
	case within(from, "cmd"):
		return true
	case within(from, "schema"):
		return within(to, "schema")
	case within(from, "modules"):
		return false
	case within(from, "intel"):
		return within(to, "intel", "schema")
	case within(from, "reconciler"):
		return within(to, "reconciler", "schema") || to == "providers"
	case from == "providers":
		return within(to, "schema")
	case from == "providers/decky":
		return to == "schema/event"
	case within(from, "providers/decky/services"):
		// A service: its own sub-packages, the contract, and what the services
		// share; never another service, nor what serves them.
		return within(to, "schema/event", slugOf(from)) || within(to, "providers/decky") &&
			!within(to, "providers/decky/services", "providers/decky/all", "providers/decky/runtime", "providers/decky/supervise", "providers/decky/jail", "providers/decky/egress", "providers/decky/listen", "providers/decky/record")
	case from == "providers/decky/all":
		return to == "providers/decky" || within(to, "providers/decky/services")
	case within(from, "providers/decky", "providers/link"):
		return within(to, "providers/decky", "providers/link", "schema/event", "schema/addr") && !within(to, "providers/decky/services", "providers/decky/all")
	case within(from, "providers/delivery"):
		return within(to, "schema", "providers/delivery")
	case from == "providers/all":
		return within(to, "providers")
	case within(from, "providers"):
		// A leaf: its own sub-packages, the contract, and the packages beside
		// the leaves that have no New of their own.
		leaf := strings.Join(strings.SplitN(from, "/", 3)[:2], "/")
		return to == "providers" || within(to, leaf, "schema", "providers/link", "providers/delivery", "providers/decky", "providers/providertest") && !within(to, "providers/decky/services", "providers/decky/all")
	default:
		return false
	}
}

func slugOf(from string) string {
	parts := strings.SplitN(from, "/", 5)
	return path.Join(parts[:min(4, len(parts))]...)
}

func TestLayers(t *testing.T) {
	for _, p := range list(t, "./...") {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			if to, ours := strings.CutPrefix(i, module); ours && !allowed(from, to) {
				t.Errorf("%s imports %s", from, to)
			}
		}
	}
}

func TestRulesCanFail(t *testing.T) {
	for from, to := range map[string]string{
		"schema": "providers", "reconciler": "providers/docker", "intel": "reconciler", "providers/docker": "providers/native",
		"providers/decky/services/ssh": "providers/decky/services/http", "providers/decky": "schema", "providers/link": "providers",
		"providers/delivery": "providers", "reconciler/loop": "providers/delivery",
	} {
		if allowed(from, to) {
			t.Errorf("%s may import %s", from, to)
		}
	}
}

// The binary inside a decky is what an intruder may land in: it links neither
// the language nor the engine nor a database nor a container client.
func TestDeckyBinaryLinksLittle(t *testing.T) {
	forbidden := []string{"github.com/hashicorp/hcl", "github.com/zclconf/go-cty", "github.com/docker/docker", "github.com/mattn/go-sqlite3", module + "reconciler", module + "intel", module + "modules"}
	for _, p := range list(t, "./cmd/decky") {
		for _, dep := range p.Deps {
			if within(dep, forbidden...) || strings.HasPrefix(dep, "github.com/hashicorp/hcl/") || dep == strings.TrimSuffix(module, "/")+"/schema" {
				t.Errorf("cmd/decky links %s", dep)
			}
		}
	}
}
