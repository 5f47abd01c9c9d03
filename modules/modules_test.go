package modules_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/decnet/decnet/modules"
)

// TestFilesAreNamedAfterTheirBlock: one block a file, so that a slug is found
// by its file's name.
func TestFilesAreNamedAfterTheirBlock(t *testing.T) {
	block := regexp.MustCompile(`(?m)^(archetype|distro) "([a-z0-9-]+)" \{$`)
	seen := map[string]bool{}
	for _, pattern := range []string{"archetypes/*.hcl", "distros/*.hcl"} {
		names, err := fs.Glob(modules.FS, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			source, err := fs.ReadFile(modules.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			blocks := block.FindAllStringSubmatch(string(source), -1)
			if len(blocks) != 1 || name != blocks[0][1]+"s/"+blocks[0][2]+".hcl" {
				t.Errorf("%s holds %v", name, blocks)
			}
			if !strings.HasPrefix(string(source), "# ") {
				t.Errorf("%s does not say what it is or where its facts come from", name)
			}
			seen[name] = true
		}
	}
	for _, want := range []string{"debian", "ubuntu22", "ubuntu20", "rocky9", "centos7", "alpine", "fedora", "kali", "arch"} {
		if !seen["distros/"+want+".hcl"] {
			t.Errorf("no distro %s", want)
		}
	}
	for _, want := range []string{"linux-server", "web-server", "database-server"} {
		if !seen["archetypes/"+want+".hcl"] {
			t.Errorf("no archetype %s", want)
		}
	}
}

// TestModulesSayWhatTheyAre: a built-in module is read by whoever calls it.
func TestModulesSayWhatTheyAre(t *testing.T) {
	names, err := fs.Glob(modules.FS, "decnet/*/main.hcl")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d modules: %v", len(names), err)
	}
	undescribed := regexp.MustCompile(`(?m)^(variable|output) "([a-z_]+)" \{\n(?:[^}]*\n)??\}`)
	for _, name := range names {
		source, err := fs.ReadFile(modules.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(source), "# ") {
			t.Errorf("%s does not say what it is", name)
		}
		for _, block := range undescribed.FindAllString(string(source), -1) {
			if !strings.Contains(block, "description") {
				t.Errorf("%s: no description in\n%s", name, block)
			}
		}
	}
}
