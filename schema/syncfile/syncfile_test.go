package syncfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/syncfile"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8RIStwQFG81UPAHo+AcAe0/SxYG1VWIm1seRwqciXQ ops"

const whole = `sync "base" {
  repository = "/srv/git/base"
  tag        = "live"

  verify {
    mode = "none"
  }
}

sync "prod" {
  repository  = "ssh://git@git.example.com:2222/net/decoys.git"
  path        = "./sites//berlin/"
  semver      = ">= 1.0, < 2.0"
  interval    = "30s"
  jitter      = "0s"
  timeout     = "1h"
  ca_file     = "ca.pem"
  submodules  = true
  max_size    = "2 GB"
  policy      = "manual"
  max_destroy = "25%"
  allow_empty = true
  rollback    = true
  suspend     = true
  depends_on  = [sync.base]
  state       = "/var/lib/decnet/prod.db"
  var_files   = ["../common.vars.hcl", "/etc/decnet/prod.vars.hcl"]
  variables   = { parent = "eth0", count = 3 }
  secrets     = "secrets/prod"
  runtime     = "native"
  parallelism = 4
  resync      = "10m"

  intel_database = "/srv/intel.db"
  module_hosts   = ["Git.example.com", "[::1]:8443"]

  auth {
    ssh_key_file     = "id_ed25519"
    passphrase_file  = "/run/secrets/passphrase"
    known_hosts_file = "known_hosts"
  }

  verify {
    allowed_signers_file = "allowed_signers"

    signer "ops" {
      ssh_keys          = ["` + key + `"]
      ssh_key_files     = ["ops.pub"]
      openpgp_key_files = ["ops.asc"]
      paths             = ["sites/berlin", "*.hcl"]
    }
  }

  window "nights" {
    days     = ["mon", "sun"]
    from     = "22:00"
    to       = "05:30"
    timezone = "UTC"
  }

  window "freeze" {
    mode     = "deny"
    schedule = "0 0 24 12 *"
    duration = "72h"
  }
}

webhook {
  listen      = "127.0.0.1:9443"
  path        = "/push"
  secret_file = "hook.secret"
  provider    = "gitea"
  syncs       = [sync.prod]
}

sink "chat" {
  type     = "slack"
  url_file = "/etc/decnet/chat.url"
  severity = "warning"
}

control {
  socket = "/run/decnet/control.sock"
}

metrics {
  listen = "[::1]:9444"
}
`

// places are left out of comparisons.
var places = cmp.Options{
	cmpopts.IgnoreTypes(hcl.Range{}), cmp.Comparer(func(a, b cty.Value) bool { return a.RawEquals(b) }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

func TestAWholeFile(t *testing.T) {
	f, diags := syncfile.Parse([]byte(whole), "/etc/decnet/sync.hcl")
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if diff := cmp.Diff([]syncfile.Sync{
		{
			Name: "base", Repository: "/srv/git/base", Path: ".", Ref: syncfile.Ref{Kind: syncfile.Tag, Name: "live"},
			Interval: time.Minute, Jitter: 6 * time.Second, Timeout: 2 * time.Minute, MaxSize: 256 << 20, Policy: syncfile.Auto,
			Verify: syncfile.Verify{Mode: syncfile.Unverified}, Resync: 5 * time.Minute,
		},
		{
			Name: "prod", Repository: "ssh://git@git.example.com:2222/net/decoys.git", Path: "sites/berlin", Ref: syncfile.Ref{Kind: syncfile.Semver, Name: ">= 1.0, < 2.0"},
			Interval: 30 * time.Second, Timeout: time.Hour, CAFile: "/etc/decnet/ca.pem", Submodules: true, MaxSize: 2 << 30,
			Policy: syncfile.Manual, MaxDestroy: syncfile.Limit{Set: true, Percent: 25, Relative: true}, AllowEmpty: true, Rollback: true, Suspend: true,
			DependsOn: []string{"base"}, State: "/var/lib/decnet/prod.db", VarFiles: []string{"/etc/common.vars.hcl", "/etc/decnet/prod.vars.hcl"},
			Variables: []schema.Value{
				{Name: "count", Origin: `sync "prod"`, Given: cty.NumberIntVal(3)}, {Name: "parent", Origin: `sync "prod"`, Given: cty.StringVal("eth0")},
			},
			Runtime: "native", Parallelism: 4, Resync: 10 * time.Minute, Intel: "/srv/intel.db", Secrets: "/etc/decnet/secrets/prod", ModuleHosts: []string{"git.example.com", "[::1]:8443"},
			Auth: syncfile.Auth{SSHKeyFile: "/etc/decnet/id_ed25519", PassphraseFile: "/run/secrets/passphrase", KnownHostsFile: "/etc/decnet/known_hosts"},
			Verify: syncfile.Verify{Mode: syncfile.Every, AllowedSignersFile: "/etc/decnet/allowed_signers", Signers: []syncfile.Signer{{
				Name: "ops", SSHKeys: []string{key}, SSHKeyFiles: []string{"/etc/decnet/ops.pub"}, OpenPGPKeyFiles: []string{"/etc/decnet/ops.asc"}, Paths: []string{"sites/berlin", "*.hcl"},
			}}},
			Windows: []syncfile.Window{
				{Name: "nights", Days: []time.Weekday{time.Sunday, time.Monday}, From: 22 * 60, To: 5*60 + 30, Location: time.UTC},
				{Name: "freeze", Deny: true, Schedule: "0 0 24 12 *", Duration: 72 * time.Hour, To: 24 * 60, Location: time.UTC},
			},
		},
	}, f.Syncs, places); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]syncfile.Webhook{{Listen: "127.0.0.1:9443", Path: "/push", SecretFile: "/etc/decnet/hook.secret", Provider: syncfile.Gitea, Syncs: []string{"prod"}}}, f.Webhooks, places); diff != "" {
		t.Error(diff)
	}
	if len(f.Sinks) != 1 || f.Sinks[0].Name != "chat" || f.Sinks[0].Type != schema.SinkSlack {
		t.Errorf("sinks %+v", f.Sinks)
	}
	if f.Control == nil || f.Control.Socket != "/run/decnet/control.sock" || f.Metrics == nil || f.Metrics.Listen != "[::1]:9444" {
		t.Errorf("control %+v, metrics %+v", f.Control, f.Metrics)
	}
	if f.Sync("prod") == nil || f.Sync("nobody") != nil {
		t.Error("Sync does not find its own")
	}
}

// sync is a block that is right but for the lines given.
func block(lines ...string) string {
	all := map[string]bool{}
	for _, l := range lines {
		word, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		all[word] = true
	}
	var b strings.Builder
	b.WriteString("sync \"s\" {\n")
	if !all["repository"] {
		b.WriteString("repository = \"/srv/git/a\"\n")
	}
	if !all["branch"] && !all["tag"] && !all["semver"] && !all["commit"] && !all["nothing"] {
		b.WriteString("branch = \"main\"\n")
	}
	if !all["verify"] {
		b.WriteString("verify {\nmode = \"none\"\n}\n")
	}
	for _, l := range lines {
		if l != "nothing" {
			b.WriteString(strings.ReplaceAll(l, "; ", "\n") + "\n")
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func TestWhatIsWrong(t *testing.T) {
	const https, ssh = `repository = "https://git.example.com/a.git"`, `repository = "git@git.example.com:a.git"`
	for _, c := range []struct{ source, summary, detail string }{
		{`synk "a" {}`, `There is no block "synk" in the daemon's file`, `Did you mean "s`},
		{`interval = "1m"`, `There is no argument "interval" in the daemon's file`, "It takes blocks only"},
		{`sync = "a"`, "sync is a block", "without ="},
		{`sync {}`, "sync has 0 labels here", `sync "name" { ... }`},
		{`sync "../a" {}`, `A sync cannot be called "../a"`, "letters, digits"},
		{block() + block(), `sync "s" is declared twice`, "rename one"},
		{block(`brnach = "x"`), `There is no argument "brnach" in sync "s"`, `Did you mean "branch"?`},
		{block(`interval {}`), "interval is an argument", "interval ="},
		{block(`intervall {}`), `There is no block "intervall" in sync "s"`, "auth, verify and window"},
		{"sync \"s\" {\nbranch = \"main\"\n}", `sync "s" has no repository`, "URL of the repository"},
		{block(`repository = 3`), "repository is not a string", "URL of the repository"},
		{block(`repository = var.x`), "repository must be a plain value", "no references"},
		{block(`repository = ""`), "repository is not accepted", "It is empty."},
		{block("repository = \"/a\\u0007\""), "repository is not accepted", "control character"},
		{block(`repository = "-oProxyCommand=x"`), "A repository cannot begin with -", "URL"},
		{block(`repository = "git.example.com"`), `"git.example.com" is no repository`, "host:path"},
		{block(`repository = "ext::sh -c x"`), `"ext::sh -c x" is no repository`, "host:path"},
		{block(`repository = "svn://a/b"`), `There is no way to a repository called "svn"`, "https and ssh"},
		{block(`repository = "https:///a"`), `"https:///a" is no repository`, "host"},
		{block(`repository = "https://me:hunter2@git.example.com/a"`), "A repository's URL holds nobody's name, no password and no query", "token_file"},
		{block(`repository = "https://hunter2@git.example.com/a"`), "A repository's URL holds nobody's name, no password and no query", "token_file"},
		{block(`repository = "https://git.example.com/a?token=hunter2"`), "A repository's URL holds nobody's name, no password and no query", "token_file"},
		{block(`repository = "https://me:hunter2%@x/a"`), "The repository's URL cannot be read", "not shown"},
		{block(ssh), "The repository is reached by SSH, and there is no key", "ssh_key_file"},
		{block(ssh, `auth {; token_file = "t"; }`), "The repository is reached by SSH, and auth has no ssh_key_file", ""},
		{block(ssh, `auth {; ssh_key_file = "t"; }`), "auth has no known_hosts_file", "ssh-keyscan"},
		{block(https, `auth {; ssh_key_file = "t"; known_hosts_file = "k"; }`), "The repository is reached by HTTP, and auth has no token_file", ""},
		{block(https, `auth {; ssh_key_file = "t"; token_file = "k"; }`), "auth has a token and a key", ""},
		{block(`auth {; token_file = "k"; }`), "Nobody is asked for at this repository", "Leave auth out."},
		{block(`repository = "http://git.example.com/a"`, `auth {; token_file = "k"; }`), "A token would be sent in clear", "https://"},
		{block(https, `auth {; token_file = "k"; passphrase_file = "p"; }`), "passphrase_file stands beside no ssh_key_file", ""},
		{block(https, `auth {; token_file = "k"; }`, `auth {; token_file = "k"; }`), `auth stands twice in sync "s"`, "The first one stands at"},
		{block(`path = "../other"`), `"../other" is no directory of the repository`, "stays within"},
		{block(`path = "/etc"`), `"/etc" is no directory of the repository`, "stays within"},
		{block(`path = "a/.git/b"`), `"a/.git/b" is no directory of the repository`, "stays within"},
		{block("nothing"), `sync "s" follows nothing`, "branch ="},
		{block(`branch = "a"`, `tag = "b"`), `sync "s" follows a branch and a tag`, "One of"},
		{block(`branch = "a..b"`), `"a..b" is no name of a branch`, "git-check-ref-format"},
		{block(`branch = "refs/heads/a"`), `"refs/heads/a" is no name of a branch`, "without refs/heads/"},
		{block(`tag = "a b"`), `"a b" is no name of a tag`, ""},
		{block(`tag = "a.lock"`), `"a.lock" is no name of a tag`, ""},
		{block(`semver = "newest"`), `"newest" is no range of versions`, "~> 1.2"},
		{block(`commit = "abc123"`), `"abc123" is no commit`, "in full"},
		{block(`interval = "5s"`), "interval is out of bounds", "from 10s to 168h"},
		{block(`interval = "often"`), "interval is not a duration", `"30s"`},
		{block(`jitter = "2m"`), "jitter is out of bounds", "from 0s to 1m"},
		{block(`timeout = "2h"`), "timeout is out of bounds", "from 1s to 1h"},
		{block(`max_size = "huge"`), "max_size is not a size", `"256MB"`},
		{block(`max_size = "1KB"`), "max_size is out of bounds", "64KB"},
		{block(`max_size = "999999999999GB"`), "max_size is out of bounds", "64KB"},
		{block(`max_size = 10`), "max_size is out of bounds", ""},
		{block(`policy = "automatic"`), `There is no policy "automatic"`, "auto, manual and observe"},
		{block(`policy = "audo"`), `There is no policy "audo"`, `Did you mean "auto"?`},
		{block(`max_destroy = "5"`), "max_destroy is a number or a percentage", `"25%"`},
		{block(`max_destroy = "120%"`), "max_destroy is a number or a percentage", ""},
		{block(`max_destroy = 1.5`), "max_destroy is out of bounds", ""},
		{block(`max_destroy = -1`), "max_destroy is out of bounds", ""},
		{block(`rollback = "yes"`), "rollback is not a bool", ""},
		{block(`depends_on = ["a"]`), "Only a sync can stand here", "sync.NAME"},
		{block(`depends_on = sync.a`), "depends_on is a list of references", ""},
		{block(`depends_on = [sync.t]`), `There is no sync "t"`, ""},
		{block(`depends_on = [sync.s]`), "Syncs depend on one another in a circle", "sync.s -> sync.s."},
		{block(`variables = "x"`), "variables is a map", ""},
		{block(`variables = { "a b" = 1 }`), `No variable can be called "a b"`, ""},
		{block(`runtime = "lxc"`), `There is no runtime "lxc"`, "docker and native"},
		{block(`parallelism = 0`), "parallelism is out of bounds", "from 1 to 1024"},
		{block(`var_files = "a"`), "var_files is not a list", ""},
		{block(`module_hosts = ["https://a.example.com"]`), `"https://a.example.com" is no host`, ""},
		{block(`module_hosts = ["a.example.com/x"]`), `"a.example.com/x" is no host`, ""},
		{block(`verify {}`), "verify names no signer", "signer"},
		{block(`verify {; mode = "none"; allowed_signers_file = "a"; }`), "Signers are named, and nothing is verified", ""},
		{block(`verify {; mode = "all"; allowed_signers_file = "a"; }`), `There is no mode "all"`, "every, none and tip"},
		{block(`verify {; signer "a" {}; }`), `signer "a" has no key`, ""},
		{block(`verify {; signer "a" {; ssh_keys = ["x"]; }; }`), "Element 0 of ssh_keys is no public key", ".pub"},
		{block(`verify {; signer "a" {; ssh_key_files = ["x"]; paths = []; }; }`), `signer "a" may change no file`, ""},
		{block(`verify {; signer "a" {; ssh_key_files = ["x"]; paths = ["[a"]; }; }`), `"[a" is no pattern of files in the repository`, ""},
		{block(`verify {; signer "a" {; ssh_key_files = ["x"]; paths = ["a/../b"]; }; }`), `"a/../b" is no pattern of files in the repository`, ""},
		{block(`verify {; signer "a" {; ssh_key_files = ["x"]; }; signer "a" {; ssh_key_files = ["y"]; }; }`), `signer "a" stands twice`, ""},
		{block(`window "w" {; days = ["mo"]; }`), `There is no day "mo"`, "fri, mon, sat"},
		{block(`window "w" {; days = ["mon", "mon"]; }`), "mon stands twice in days", ""},
		{block(`window "w" {; days = []; }`), `window "w" is never open`, ""},
		{block(`window "w" {; from = "7:00"; }`), `"7:00" is no time of day`, `"22:00"`},
		{block(`window "w" {; from = "24:30"; }`), `"24:30" is no time of day`, ""},
		{block(`window "w" {; from = "24:00"; }`), "A window cannot open at 24:00", ""},
		{block(`window "w" {; timezone = "Berlin"; }`), `There is no timezone "Berlin" on this host`, "Europe/Berlin"},
		{block(`window "w" {; schedule = "0 22 * *"; duration = "1h"; }`), `"0 22 * *" is no schedule`, "day of the week"},
		{block(`window "w" {; schedule = "TZ=0"; duration = "1h"; }`), `"TZ=0" is no schedule`, ""},
		{block(`window "w" {; schedule = "@every 1h"; duration = "1h"; }`), `"@every 1h" is no schedule`, ""},
		{block(`window "w" {; schedule = "0 0 31 2 *"; duration = "1h"; }`), `window "w" never opens`, ""},
		{block(`window "w" {; schedule = "@daily"; }`), `window "w" has a schedule and no duration`, ""},
		{block(`window "w" {; schedule = "@daily"; duration = "1h"; from = "01:00"; }`), "from stands beside a schedule", ""},
		{block(`window "w" {}`, `window "w" {}`), `window "w" stands twice in sync "s"`, ""},
		{"webhook {\n}", "webhook has no listen", "Address and port"},
		{"webhook {\nlisten = \"127.0.0.1\"\nsecret_file = \"s\"\n}", `"127.0.0.1" is no address to listen on`, ""},
		{"webhook {\nlisten = \":9443\"\nsecret_file = \"s\"\n}", `":9443" is no address to listen on`, "0.0.0.0"},
		{"webhook {\nlisten = \"127.0.0.1:99999\"\nsecret_file = \"s\"\n}", `"127.0.0.1:99999" is no address to listen on`, ""},
		{"webhook {\nlisten = \"127.0.0.1:1\"\nsecret_file = \"s\"\npath = \"x\"\n}", `"x" is no path of a URL`, ""},
		{"webhook {\nlisten = \"127.0.0.1:1\"\nsecret_file = \"s\"\nsyncs = [sync.x]\n}", `There is no sync "x"`, ""},
		{strings.Repeat("webhook {\nlisten = \"127.0.0.1:1\"\nsecret_file = \"s\"\n}\n", 2), "Two webhooks are heard at 127.0.0.1:1/hooks/git", ""},
		{"control {\nsocket = \"/a\"\n}\ncontrol {\nsocket = \"/b\"\n}", "control is declared twice", ""},
		{"sink \"a\" {\ntype = \"pigeon\"\n}", "", "slack"},
		{strings.Repeat("(", 300), "Brackets nest too deep", "200"},
		{strings.Repeat("#", 2<<20), "The file is too large", ""},
	} {
		f, diags := syncfile.Parse([]byte(c.source), "sync.hcl")
		if f == nil {
			t.Fatalf("%s: no file", c.source)
		}
		found := false
		for _, d := range diags {
			found = found || d.Severity == hcl.DiagError && (c.summary == "" || d.Summary == c.summary) && strings.Contains(d.Detail, c.detail) && d.Subject != nil
		}
		if !found {
			t.Errorf("%.200s\nsays %v, want %q: %q", c.source, diags, c.summary, c.detail)
		}
		var b strings.Builder
		if err := diag.Write(&b, f.Sources, diags, diag.Style{}); err != nil {
			t.Error(err)
		}
		if strings.Contains(b.String(), "hunter2") {
			t.Errorf("the password is shown:\n%s", b.String())
		}
	}
}

func TestWarnings(t *testing.T) {
	for source, want := range map[string]string{
		"sync \"s\" {\nrepository = \"/a\"\nbranch = \"main\"\n}":      `sync "s": commits are not verified`,
		block(`insecure = true`):                                       `sync "s": the server is not authenticated`,
		"webhook {\nlisten = \"0.0.0.0:9443\"\nsecret_file = \"s\"\n}": "0.0.0.0 is not a loopback address",
		block(): "",
		block(`verify {; signer "a" {; ssh_keys = ["` + key + `"]; }; }`): "",
	} {
		_, diags := syncfile.Parse([]byte(source), "sync.hcl")
		switch {
		case diags.HasErrors():
			t.Errorf("%s: %v", source, diags)
		case want == "" && len(diags) > 0 || want != "" && (len(diags) != 1 || diags[0].Summary != want):
			t.Errorf("%s\nsays %v, want %q", source, diags, want)
		}
	}
}

func TestACircleIsSpelledOut(t *testing.T) {
	var b strings.Builder
	for from, to := range map[string]string{"a": "b", "b": "c", "c": "a", "d": "a"} {
		fmt.Fprintf(&b, "sync %q {\nrepository = \"/a\"\nbranch = \"main\"\ndepends_on = [sync.%s]\nverify {\nmode = \"none\"\n}\n}\n", from, to)
	}
	_, diags := syncfile.Parse([]byte(b.String()), "sync.hcl")
	if len(diags) != 1 || !strings.Contains("sync.a -> sync.b -> sync.c -> sync.a -> sync.b -> sync.c", strings.TrimSuffix(diags[0].Detail, ". Take one of these out of depends_on.")) {
		t.Error(diags)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, diags := syncfile.Load(dir); !diags.HasErrors() {
		t.Error("an empty directory is taken")
	}
	if _, diags := syncfile.Load(filepath.Join(dir, "none")); !diags.HasErrors() {
		t.Error("no file at all is taken")
	}
	write("b.hcl", block(`depends_on = [sync.first]`, `ca_file = "ca.pem"`))
	write("a.hcl", strings.ReplaceAll(block(), `"s"`, `"first"`))
	write(".hidden.hcl", "nonsense")
	write("notes.txt", "nonsense")
	f, diags := syncfile.Load(dir)
	if len(diags) > 0 || len(f.Syncs) != 2 || f.Syncs[0].Name != "first" || f.Syncs[1].CAFile != filepath.Join(dir, "ca.pem") {
		t.Errorf("%v: %+v", diags, f.Syncs)
	}
	if f, diags = syncfile.Load(filepath.Join(dir, "a.hcl")); len(diags) > 0 || len(f.Syncs) != 1 {
		t.Errorf("%v: %+v", diags, f.Syncs)
	}
	if err := os.Chmod(filepath.Join(dir, "b.hcl"), 0o666); err != nil {
		t.Fatal(err)
	}
	if f, diags = syncfile.Load(dir); !diags.HasErrors() || len(f.Syncs) > 0 || !strings.Contains(diags.Error(), "chmod o-w") {
		t.Errorf("a file that everybody may write: %v: %+v", diags, f.Syncs)
	}
}

// Everything that may be written is described, and the examples are right.
func TestBlocksAreDescribed(t *testing.T) {
	arguments := 0
	var walk func([]schema.BlockInfo)
	walk = func(blocks []schema.BlockInfo) {
		for _, b := range blocks {
			if len(b.Doc) < 8 || !strings.HasSuffix(b.Doc, ".") {
				t.Errorf("%s has no documentation: %q", b.Type, b.Doc)
			}
			for _, a := range b.Arguments {
				arguments++
				if len(a.Doc) < 8 || !strings.HasSuffix(strings.TrimRight(a.Doc, "]\""), ".") && !strings.HasSuffix(a.Doc, "].") || a.Type == "" {
					t.Errorf("%s of %s has no documentation or no type: %+v", a.Name, b.Type, a)
				}
				if !a.Required && a.Default != "" && len(a.OneOf) > 0 && len(strings.Fields(a.Default)) == 1 && !contains(a.OneOf, a.Default) {
					t.Errorf("%s of %s: the default %q is none of %v", a.Name, b.Type, a.Default, a.OneOf)
				}
			}
			if b.Example != "" {
				if _, diags := syncfile.Parse([]byte(b.Example), b.Type+".hcl"); diags.HasErrors() {
					t.Errorf("the example of %s: %v", b.Type, diags)
				}
				if out, diags := schema.Format([]byte(b.Example), "x.hcl"); diags.HasErrors() || string(out) != b.Example {
					t.Errorf("the example of %s is laid out as\n%s", b.Type, out)
				}
			}
			walk(b.Blocks)
		}
	}
	walk(syncfile.Blocks())
	if arguments < 60 {
		t.Errorf("only %d arguments were looked at", arguments)
	}
	if out, diags := schema.Format([]byte(whole), "x.hcl"); diags.HasErrors() || string(out) != whole {
		t.Errorf("the whole file is laid out as\n%s", out)
	}
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

// Nothing that is parsed panics, and what is accepted is within its bounds.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(block(`window "w" {; schedule = "@daily"; duration = "1h"; }`))
	f.Add(block(`repository = "ext::x"`, `max_size = 999999999999`))
	f.Add(`sync "a" { depends_on = [sync.a[0], sync["b"]] }`)
	f.Add(`sync "a" { variables = { (x) = 1 } }`)
	f.Fuzz(func(t *testing.T, source string) {
		file, diags := syncfile.Parse([]byte(source), "sync.hcl")
		if file == nil {
			t.Fatal("no file")
		}
		if err := diag.Write(new(strings.Builder), file.Sources, diags, diag.Style{Width: 80}); err != nil {
			t.Error(err)
		}
		if diags.HasErrors() {
			return
		}
		for _, s := range file.Syncs {
			if s.Interval < syncfile.MinInterval || s.Jitter > s.Interval || s.Ref.Name == "" || s.Repository == "" || s.MaxSize <= 0 || s.Policy == "" ||
				strings.HasPrefix(s.Repository, "-") || strings.Contains(s.Path, "..") && strings.Contains("/"+s.Path+"/", "/../") {
				t.Errorf("taken: %+v", s)
			}
			for _, w := range s.Windows {
				if w.Location == nil || w.Schedule == "" && w.From == 24*60 || w.Schedule != "" && w.Duration <= 0 {
					t.Errorf("taken: %+v", w)
				}
			}
		}
	})
}
