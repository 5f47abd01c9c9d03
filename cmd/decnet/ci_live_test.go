//go:build live

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The stubs stand for the forges: they answer with the comments of a file, and
// keep what is posted. jq is the real one, since gh has it built in.
const (
	stubGH = `#!/bin/bash
set -eu
filter='' method=GET body=''
for a in "$@"; do case "$a" in repos/*) url=$a ;; esac; done
while [ $# -gt 0 ]; do
	case "$1" in
	--jq) filter=$2; shift ;;
	--method) method=$2; shift ;;
	--field) body=${2#body=@}; shift ;;
	esac
	shift
done
if [ "$method" = GET ]; then exec jq -r "$filter" "$FORGE/comments.json"; fi
echo "$method $url" >>"$FORGE/calls"
cp "$body" "$FORGE/body"
`
	stubCurl = `#!/bin/bash
set -eu
method=GET
for a in "$@"; do case "$a" in https://*) url=$a ;; esac; done
while [ $# -gt 0 ]; do
	case "$1" in
	--request) method=$2; shift ;;
	--data) data=${2#@}; shift ;;
	esac
	shift
done
if [ "$method" = GET ]; then exec cat "$FORGE/comments.json"; fi
echo "$method ${url%%\?*}" >>"$FORGE/calls"
jq -r .body "$data" >"$FORGE/body"
`
)

// job is a CI job of a user without privilege in a copy of the quickstart.
type job struct {
	*trial
	env []string
}

func newJob(t *testing.T, comments string, env map[string]string) *job {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Fatal("jq is missing: apt-get install jq")
	}
	r := newTrial(t, tester, map[string]string{"comments.json": comments})
	stubs := filepath.Join(r.dir, "stubs")
	work := filepath.Join(r.dir, "tmp")
	for _, dir := range []string{stubs, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, tester, tester); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"gh": stubGH, "curl": stubCurl} {
		if err := os.WriteFile(filepath.Join(stubs, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	j := &job{trial: r, env: []string{
		"PATH=" + stubs + ":" + r.dir + ":/usr/bin:/bin", "HOME=" + work, "FORGE=" + r.dir, "DECNET_RUNTIME=native", "DECNET_DIR=.",
		"DECNET_DATA_DIR=" + filepath.Join(work, "data"), "DECNET_RUN_DIR=" + filepath.Join(work, "run"),
	}}
	for name, value := range env {
		j.env = append(j.env, name+"="+strings.ReplaceAll(value, "TMP", work))
	}
	return j
}

// shell runs a script as a runner does, and returns what it said and its code.
func (j *job) shell(script string, env ...string) (string, int) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script)
	cmd.Dir = j.dir
	cmd.Env = slices.Concat(j.env, env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: j.uid, Gid: j.uid}, Pdeathsig: syscall.SIGKILL}
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

func (j *job) read(name string) string {
	j.t.Helper()
	data, err := os.ReadFile(filepath.Join(j.dir, name))
	if err != nil {
		j.t.Error(err)
	}
	return string(data)
}

func (j *job) change(from, to string) {
	j.t.Helper()
	path := filepath.Join(j.dir, "main.hcl")
	source := j.read("main.hcl")
	if !strings.Contains(source, from) {
		j.t.Fatalf("the quickstart has no %q any more", from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(source, from, to, 1)), 0o600); err != nil {
		j.t.Fatal(err)
	}
}

// checkComment holds the one comment to what its readers look for.
func (j *job) checkComment() {
	j.t.Helper()
	body := j.read("body")
	if !strings.HasPrefix(body, "<!-- decnet: ci -->\n") || len(body) > 65_536 {
		j.t.Errorf("%d bytes, beginning %.40q", len(body), body)
	}
	for _, want := range []string{"decnet validate", "decnet lint", "decnet test", "3 passed, 0 failed", "decnet plan", "Believability"} {
		if !strings.Contains(body, want) {
			j.t.Errorf("no %q in the comment:\n%s", want, body)
		}
	}
}

const (
	otherComments = `[{"id": 7, "body": "Looks good."}, {"id": 8, "body": "I quote: <!-- decnet: ci -->"}]`
	ownComment    = `[{"id": 7, "body": "Looks good."}, {"id": 42, "body": "<!-- decnet: ci -->\nold"}]`
)

var githubEnv = map[string]string{
	"RUNNER_TEMP": "TMP", "GITHUB_STEP_SUMMARY": "TMP/summary", "GITHUB_PATH": "TMP/path", "GITHUB_REPOSITORY": "site/decoys", "PULL_REQUEST": "12", "GH_TOKEN": "x",
}

// github runs every step of the workflow, as !cancelled() lets it, and returns
// the names of those that failed.
func (j *job) github() []string {
	j.t.Helper()
	var w workflow
	yamlFile(j.t, githubTemplate, &w)
	var failed []string
	for _, s := range w.Jobs["decnet"].Steps {
		if s.Run == "" {
			continue
		}
		if out, code := j.shell(s.Run); code != 0 {
			failed = append(failed, s.Name)
			j.t.Logf("%s: exit %d\n%s", s.Name, code, out)
		}
	}
	return failed
}

func TestTheGitHubWorkflowRuns(t *testing.T) {
	j := newJob(t, otherComments, githubEnv)
	if failed := j.github(); len(failed) > 0 {
		t.Fatalf("failed: %v", failed)
	}
	j.checkComment()
	if got := j.read("calls"); got != "POST repos/site/decoys/issues/12/comments\n" {
		t.Errorf("calls: %s", got)
	}
	for _, name := range []string{"validate", "lint"} {
		var sarif struct {
			Version string `json:"version"`
		}
		if err := json.Unmarshal([]byte(j.read("tmp/decnet/"+name+".sarif")), &sarif); err != nil || sarif.Version != "2.1.0" {
			t.Errorf("%s.sarif: %+v %v", name, sarif, err)
		}
	}
	if !strings.Contains(j.read("tmp/summary"), "decnet plan") || !strings.Contains(j.read("tmp/decnet/test.xml"), "<testsuite") {
		t.Error("the summary or the JUnit report is not whole")
	}
}

func TestTheGitHubWorkflowRewritesItsCommentAndFails(t *testing.T) {
	j := newJob(t, ownComment, githubEnv)
	j.change(`hostname = format("jump-%02d", count.index + 1)`, `hostname =   format("honeypot-%02d", count.index + 1)`)
	if failed := strings.Join(j.github(), " "); failed != "Format Lint" {
		t.Errorf("failed: %q, want Format and Lint", failed)
	}
	if got := j.read("calls"); got != "PATCH repos/site/decoys/issues/comments/42\n" {
		t.Errorf("calls: %s", got)
	}
	if body := j.read("body"); !strings.Contains(body, "DN1060") {
		t.Errorf("the comment does not tell why:\n%s", body)
	}
}

// gitlab runs the job's script in one shell, as a runner does.
func (j *job) gitlab(env ...string) (string, int) {
	j.t.Helper()
	return j.shell(shells(j.t)["gitlab"], env...)
}

var gitlabEnv = map[string]string{"CI_API_V4_URL": "https://gitlab.invalid/api/v4", "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "12", "DECNET_COMMENT_TOKEN": "x"}

func TestTheGitLabJobRuns(t *testing.T) {
	j := newJob(t, otherComments, gitlabEnv)
	out, code := j.gitlab()
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	j.checkComment()
	if got := j.read("calls"); got != "POST https://gitlab.invalid/api/v4/projects/5/merge_requests/12/notes\n" {
		t.Errorf("calls: %s", got)
	}
	var quality []struct {
		Fingerprint string `json:"fingerprint"`
	}
	if err := json.Unmarshal([]byte(j.read("decnet-report/quality.json")), &quality); err != nil || len(quality) == 0 || quality[0].Fingerprint == "" {
		t.Errorf("quality.json: %+v %v", quality, err)
	}
	var p pipeline
	yamlFile(t, gitlabTemplate, &p)
	for kind, name := range p.Decnet.Artifacts.Reports {
		if j.read(name) == "" {
			t.Errorf("the %s report %s is empty", kind, name)
		}
	}
	// Without a token there is no comment, and no failure.
	if err := os.Remove(filepath.Join(j.dir, "calls")); err != nil {
		t.Fatal(err)
	}
	if out, code := j.gitlab("DECNET_COMMENT_TOKEN="); code != 0 {
		t.Errorf("without a token: exit %d\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(j.dir, "calls")); err == nil {
		t.Error("a comment without a token")
	}
}

func TestTheGitLabJobRewritesItsCommentAndFails(t *testing.T) {
	j := newJob(t, ownComment, gitlabEnv)
	j.change(`archetype = "web-server"`, `archetype = "web-sever"`)
	out, code := j.gitlab()
	if code != 1 {
		t.Errorf("exit %d\n%s", code, out)
	}
	if got := j.read("calls"); got != "PUT https://gitlab.invalid/api/v4/projects/5/merge_requests/12/notes/42\n" {
		t.Errorf("calls: %s", got)
	}
	if body := j.read("body"); !strings.Contains(body, "web-sever") {
		t.Errorf("the comment does not tell why:\n%s", body)
	}
}

// TestPreCommitHooksRun runs each hook as pre-commit does: its entry, with the
// names of the files that it asks for.
func TestPreCommitHooksRun(t *testing.T) {
	j := newJob(t, otherComments, nil)
	var hooks []hook
	yamlFile(t, hooksTemplate, &hooks)
	run := func(h hook) (string, int) {
		command := h.Entry
		if h.PassFilenames == nil || *h.PassFilenames {
			files := regexp.MustCompile(h.Files)
			for _, name := range []string{"main.hcl", "quickstart.test.hcl", "comments.json"} {
				if files.MatchString(name) {
					command += " " + name
				}
			}
		}
		return j.shell(command)
	}
	before := j.read("main.hcl")
	for _, h := range hooks {
		if out, code := run(h); code != 0 {
			t.Errorf("%s: exit %d\n%s", h.ID, code, out)
		}
	}
	if j.read("main.hcl") != before {
		t.Error("decnet-fmt changed a file that was in style")
	}
	j.change(`hostname = format("jump-%02d", count.index + 1)`, `hostname =   "decoy-${count.index}"`)
	badly := j.read("main.hcl")
	for _, h := range hooks {
		out, code := run(h)
		if failed := code != 0; failed != (h.ID == "decnet-lint") {
			t.Errorf("%s: exit %d\n%s", h.ID, code, out)
		}
	}
	if j.read("main.hcl") == badly {
		t.Error("decnet-fmt changed nothing")
	}
}
