package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// The templates that users copy.
const (
	githubTemplate = "../../examples/ci/github/decnet.yml"
	gitlabTemplate = "../../examples/ci/gitlab/.gitlab-ci.yml"
	hooksTemplate  = "../../.pre-commit-hooks.yaml"
)

// yamlFile reads a YAML file into a struct with JSON names.
func yamlFile(t *testing.T, name string, into any) {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	ty, err := ctyyaml.Standard.ImpliedType(source)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	value, err := ctyyaml.Standard.Unmarshal(source, ty)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	encoded, err := json.Marshal(ctyjson.SimpleJSONValue{Value: value})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// workflow is what our templates use of a GitHub workflow.
type workflow struct {
	Permissions map[string]string `json:"permissions"`
	Env         map[string]string `json:"env"`
	Jobs        map[string]struct {
		Steps []workflowStep `json:"steps"`
	} `json:"jobs"`
}

type workflowStep struct {
	Name string            `json:"name"`
	If   string            `json:"if"`
	Run  string            `json:"run"`
	Uses string            `json:"uses"`
	Env  map[string]string `json:"env"`
}

// pipeline is what our templates use of a GitLab job.
type pipeline struct {
	Decnet struct {
		Image        string            `json:"image"`
		Variables    map[string]string `json:"variables"`
		BeforeScript []string          `json:"before_script"`
		Script       []string          `json:"script"`
		Artifacts    struct {
			Reports map[string]string `json:"reports"`
		} `json:"artifacts"`
	} `json:"decnet"`
}

// hook is one hook of pre-commit.
type hook struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Entry         string `json:"entry"`
	Language      string `json:"language"`
	Files         string `json:"files"`
	PassFilenames *bool  `json:"pass_filenames"`
}

// shells are the scripts of every template by a name.
func shells(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	var w workflow
	yamlFile(t, githubTemplate, &w)
	for _, s := range w.Jobs["decnet"].Steps {
		if s.Run != "" {
			out["github "+s.Name] = s.Run
		}
	}
	var p pipeline
	yamlFile(t, gitlabTemplate, &p)
	out["gitlab"] = strings.Join(slices.Concat(p.Decnet.BeforeScript, p.Decnet.Script), "\n")
	var hooks []hook
	yamlFile(t, hooksTemplate, &hooks)
	for _, h := range hooks {
		out["hook "+h.ID] = h.Entry
	}
	return out
}

// TestTemplatesAreWhole: both forges run every check, the quickstart's workflow
// is the template, and nothing asks for more than it needs.
func TestTemplatesAreWhole(t *testing.T) {
	template, err := os.ReadFile(githubTemplate)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile("../../examples/quickstart/.github/workflows/decnet.yml")
	if err != nil || !bytes.Equal(template, copied) {
		t.Errorf("the quickstart's workflow is not the template (%v): cp %s examples/quickstart/.github/workflows/", err, githubTemplate)
	}
	all := shells(t)
	var github strings.Builder
	for name, script := range all {
		if strings.HasPrefix(name, "github ") {
			github.WriteString(script + "\n")
		}
	}
	for _, verb := range []string{"fmt", "validate", "lint", "test", "plan"} {
		for forge, script := range map[string]string{"GitHub": github.String(), "GitLab": all["gitlab"]} {
			if !strings.Contains(script, "decnet "+verb+" ") {
				t.Errorf("the template for %s does not run decnet %s", forge, verb)
			}
		}
	}
	var w workflow
	yamlFile(t, githubTemplate, &w)
	if len(w.Permissions) != 2 || w.Permissions["contents"] != "read" || w.Permissions["pull-requests"] != "write" {
		t.Errorf("permissions: %v", w.Permissions)
	}
	for i, s := range w.Jobs["decnet"].Steps {
		if i > 3 && !strings.Contains(s.If, "!cancelled()") {
			t.Errorf("%s is left out after a failure", s.Name)
		}
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s puts an expression into a script, where it could be anything; hand it over in env", s.Name)
		}
	}
	var hooks []hook
	yamlFile(t, hooksTemplate, &hooks)
	if len(hooks) != 3 {
		t.Errorf("%d hooks", len(hooks))
	}
	for _, h := range hooks {
		if files, err := regexp.Compile(h.Files); err != nil || !files.MatchString("envs/main.hcl") || files.MatchString("README.md") || h.Language != "golang" || h.Name == "" {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// TestTemplatesParseAsShell lets bash read every script without running it.
func TestTemplatesParseAsShell(t *testing.T) {
	for name, script := range shells(t) {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

var invocation = regexp.MustCompile(`(?m)^\s*(?:-\s+)?(decnet [^\n|>&;]*)`)

// TestTemplatesUseRealCommands looks up every command and flag that the
// templates run.
func TestTemplatesUseRealCommands(t *testing.T) {
	found := 0
	for name, script := range shells(t) {
		for _, m := range invocation.FindAllStringSubmatch(strings.ReplaceAll(script, "\\\n", " "), -1) {
			found++
			t.Run(name, func(t *testing.T) { checkCommand(t, strings.ReplaceAll(m[1], "||", ""), "") })
		}
	}
	if found < 12 {
		t.Errorf("only %d commands were found; the test does not see the templates", found)
	}
}
