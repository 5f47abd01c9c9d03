package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingOfARepositoryReachesTheTerminalRaw lets every way in which a
// configuration can be wrong speak, with names and texts that move cursors, set
// titles and turn the direction of writing.
func TestNothingOfARepositoryReachesTheTerminalRaw(t *testing.T) {
	const evil = "\x1b]0;owned\a\x1b[2J\u202e\u009b31m"
	commands := [][]string{{"validate"}, {"plan"}, {"lint"}, {"graph"}, {"fmt", "-check"}, {"fmt", "-diff"}, {"fmt"}, {"-C", "/nowhere/" + evil, "plan"}, {"output"}, {"get"}, {"test"}, {"status"}, {"state", "list"}, {"drift"}, {"sink", "list"}}
	for name, files := range map[string]map[string]string{
		"a file's name":  {evil + ".hcl": "decky \"a\" {\n", "more.hcl": "nothing \"\" {}\n"},
		"a crooked file": {evil + ".hcl": "locals {\n a=1\n}\n"},
		"a label":        {"main.hcl": "decky \"" + evil + "\" {\n}\n"},
		"an argument":    {"main.hcl": "decky \"web\" {\n  archetype = \"" + evil + "\"\n  networks = 3\n}\n"},
		"a module":       {"main.hcl": "module \"m\" {\n  source = \"./" + evil + "\"\n}\n"},
		"a module's URL": {"main.hcl": "module \"m\" {\n  source = \"git::https://127.0.0.1:1/" + evil + "\"\n}\n"},
		"an output":      {"main.hcl": "output \"o\" {\n  value = \"" + evil + "\"\n}\n"},
		"a state":        {"main.hcl": "decnet {\n  state = \"no/such/" + evil + "/state.db\"\n}\n"},
		"a sink": {"main.hcl": "sink \"s\" {\n  type = \"file\"\n  path = \"" + evil + "\"\n}\n" +
			"sink \"" + evil + "\" {\n  type = \"x\"\n}\n"},
		"a lock":            {"main.hcl": "module \"m\" {\n  source = \"github.com/a/b?ref=v1\"\n}\n", ".decnet.lock.hcl": "module \"" + evil + "\" {\n"},
		"a function's text": {"main.hcl": "locals {\n  a = jsondecode(\"" + evil + "\")\n  b = file(\"" + evil + "\")\n}\noutput \"a\" {\n  value = local.a\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DECNET_DATA_DIR", t.TempDir())
			t.Setenv("DECNET_RUN_DIR", t.TempDir())
			t.Setenv("DECNET_RUNTIME", "native")
			t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
			for _, args := range commands {
				dir := t.TempDir()
				for file, text := range files {
					if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				var out, errs bytes.Buffer
				command(append([]string{"-C", dir}, args...), strings.NewReader(""), &out, &errs)
				for stream, text := range map[string]string{"stdout": out.String(), "stderr": errs.String()} {
					if strings.ContainsAny(text, "\x1b\a\u202e\u009b") {
						t.Errorf("decnet %s, %s: %q", strings.Join(args, " "), stream, text)
					}
				}
			}
		})
	}
}
