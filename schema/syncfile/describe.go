package syncfile

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/schema"
)

// block is what may stand in a block: files are read with it and the reference
// is made from it, so the two cannot differ.
type block struct {
	doc       string
	label     bool // it has a name
	arguments []schema.Argument
	blocks    []string
	example   string
}

// Blocks describes what may stand in the file, for editors and reference pages.
func Blocks() []schema.BlockInfo { return describe(top) }

func describe(types []string) []schema.BlockInfo {
	out := make([]schema.BlockInfo, 0, len(types))
	for _, t := range types {
		b := grammar[t]
		if t == "sink" {
			out = append(out, sinkInfo())
			continue
		}
		info := schema.BlockInfo{Type: t, Doc: b.doc, Arguments: slices.Clone(b.arguments), Example: b.example}
		if b.label {
			info.Labels = []schema.LabelInfo{{Name: "name"}}
		}
		slices.SortFunc(info.Arguments, func(a, b schema.Argument) int { return strings.Compare(a.Name, b.Name) })
		if len(b.blocks) > 0 {
			info.Blocks = describe(b.blocks)
		}
		out = append(out, info)
	}
	return out
}

// sinkInfo describes the sink block, which is the configuration's own.
func sinkInfo() schema.BlockInfo {
	all := schema.Blocks()
	info := all[slices.IndexFunc(all, func(b schema.BlockInfo) bool { return b.Type == "sink" })]
	info.Arguments = slices.DeleteFunc(slices.Clone(info.Arguments), func(a schema.Argument) bool { return a.Name == "depends_on" })
	info.Blocks = nil
	return info
}

// Types of arguments.
const (
	tText     = "string"
	tFlag     = "bool"
	tNumber   = "number"
	tSpan     = "duration"
	tSize     = "size"
	tTexts    = "list(string)"
	tLimit    = "number or percentage"
	tNames    = "list(reference)"
	tValues   = "map"
	tPath     = "path"
	tPaths    = "list(path)"
	tClock    = "time of day"
	tLocation = "timezone"
)

var top = []string{"control", "metrics", "sink", "sync", "webhook"}

var grammar = map[string]block{
	"sync": {
		label: true, blocks: []string{"auth", "verify", "window"},
		doc: "A git repository that is followed: what stands in it is made live.",
		example: `sync "prod" {
  repository  = "https://git.example.com/net/decoys.git"
  path        = "sites/berlin"
  branch      = "main"
  interval    = "1m"
  policy      = "auto"
  max_destroy = "25%"
  rollback    = true

  auth {
    token_file = "/etc/decnet/git-token"
  }

  verify {
    mode = "every"

    signer "operations" {
      ssh_key_files = ["/etc/decnet/signers/operations.pub"]
      paths         = ["sites"]
    }
  }

  window "nights" {
    days     = ["mon", "tue", "wed", "thu"]
    from     = "22:00"
    to       = "05:00"
    timezone = "Europe/Berlin"
  }
}
`,
		arguments: []schema.Argument{
			{Name: "repository", Type: tText, Required: true, Doc: "URL of the repository: https://, http://, ssh://, git://, file://, host:path, or an absolute path. Never with a password or token in it."},
			{Name: "path", Type: tText, Default: ".", Doc: "Directory of the configuration in the repository."},
			{Name: "branch", Type: tText, Doc: "Branch that is followed. One of branch, tag, semver and commit is given."},
			{Name: "tag", Type: tText, Doc: "Tag that is followed."},
			{Name: "semver", Type: tText, Doc: "Range of versions, such as \"~> 1.2\" or \">= 1.0, < 2.0\": the highest tag in it is followed."},
			{Name: "commit", Type: tText, Doc: "Commit that is kept, in full, in hex."},
			{Name: "interval", Type: tSpan, Default: "1m", Doc: "Time between two looks at the repository, 10s at least."},
			{Name: "jitter", Type: tSpan, Default: "a tenth of the interval", Doc: "Up to this is added to each interval, so that many daemons do not ask at once."},
			{Name: "timeout", Type: tSpan, Default: "2m", Doc: "Time that one fetch may take, an hour at most."},
			{Name: "ca_file", Type: tPath, Doc: "Certificates in PEM that are trusted besides the system's."},
			{Name: "insecure", Type: tFlag, Default: "false", Doc: "Takes any certificate or host key of the server, and plain HTTP with a token."},
			{Name: "submodules", Type: tFlag, Default: "false", Doc: "Fetches submodules, too."},
			{Name: "max_size", Type: tSize, Default: "256MB", Doc: "Bytes that a fetch, and that the files of a commit, may take: a number, or a text with KB, MB or GB."},
			{Name: "policy", Type: tText, Default: "auto", OneOf: []string{"auto", "manual", "observe"}, Doc: "auto applies commits; manual waits until their plan is approved; observe plans and reports, and changes nothing, so drift is not healed."},
			{Name: "max_destroy", Type: tLimit, Default: "no limit", Doc: "How many live deckies and networks one commit may delete or replace, as a number or a percentage; more must be approved. A percentage is rounded down, but never below one; \"0%\" and 0 allow none."},
			{Name: "allow_empty", Type: tFlag, Default: "false", Doc: "Lets a commit delete the last decky. Otherwise such a plan must be approved."},
			{Name: "rollback", Type: tFlag, Default: "false", Doc: "Applies the last good commit again when an apply fails."},
			{Name: "suspend", Type: tFlag, Default: "false", Doc: "Leaves everything as it is: nothing is fetched, applied or healed."},
			{Name: "depends_on", Type: tNames, Doc: "Syncs that must be ready at their newest commit before this one goes on: [sync.NAME]."},
			{Name: "state", Type: tPath, Default: "in the data directory", Doc: "State file of its own."},
			{Name: "var_files", Type: tPaths, Doc: "Files with values for variables, outside the repository, weakest first."},
			{Name: "variables", Type: tValues, Doc: "Values for variables, stronger than files. Secrets belong into a file of var_files."},
			{Name: "intel_database", Type: tPath, Default: "intel.db beside the state, or where the unit of decnet intel has it", Doc: "Database of the decnet intel that collects what these deckies record: recycle_on asks it who got in."},
			{Name: "secrets", Type: tPath, Default: "secrets beside the sync's memory, sync/NAME/secrets in the data directory", Doc: "Directory of the files that sinks in the repository may name (secret_file, token_file, url_file, password_file, ca_file), relative to it. A commit that names any other is refused."},
			{Name: "module_hosts", Type: tTexts, Default: "the repository's own host", Doc: "Further hosts that modules of git may come from, by https. A commit that names any other, or a path of this machine, is refused."},
			{Name: "runtime", Type: tText, Default: "decided at the first apply", OneOf: schema.Runtimes, Doc: "What deckies run on where their configuration does not say."},
			{Name: "parallelism", Type: tNumber, Default: "the engine's", Doc: "Steps of an apply that run at once, from 1 to 1024."},
			{Name: "resync", Type: tSpan, Default: "5m", Doc: "Time between two looks at every live object, 10s at least. Events of the engine and the kernel are acted upon at once."},
		},
	},
	"auth": {
		doc: "Who we are to the server: a token for HTTPS, or a key for SSH. Secrets stand in files that nobody else may read.",
		arguments: []schema.Argument{
			{Name: "token_file", Type: tPath, Doc: "File with a token or password, for HTTPS."},
			{Name: "username", Type: tText, Default: "git", Doc: "User beside the token; most services ignore it."},
			{Name: "ssh_key_file", Type: tPath, Doc: "File with a private key, for SSH."},
			{Name: "passphrase_file", Type: tPath, Doc: "File with what the key is encrypted with."},
			{Name: "known_hosts_file", Type: tPath, Doc: "Host keys that are trusted, as ssh keeps them. Needed for SSH unless the sync is insecure."},
		},
	},
	"verify": {
		blocks: []string{"signer"},
		doc:    "Whose signature commits must bear. A commit without is never applied. No verify block at all is a warning.",
		arguments: []schema.Argument{
			{Name: "mode", Type: tText, Default: "every where a signer has paths, else tip", OneOf: []string{"every", "none", "tip"}, Doc: "tip: the commit that is applied, or its tag; every: all commits since the one applied last; none: no commit, and no warning about it."},
			{Name: "allowed_signers_file", Type: tPath, Doc: "Signers as ssh-keygen keeps them; they may change every file."},
		},
	},
	"signer": {
		label: true, doc: "Somebody who may sign commits, by SSH or OpenPGP keys.",
		arguments: []schema.Argument{
			{Name: "ssh_keys", Type: tTexts, Doc: "Public SSH keys, each as a line of authorized_keys."},
			{Name: "ssh_key_files", Type: tPaths, Doc: "Files with such keys."},
			{Name: "openpgp_key_files", Type: tPaths, Doc: "Files with public OpenPGP keys."},
			{Name: "paths", Type: tTexts, Default: "every file", Doc: "Files of the repository that the signer's commits may change: files, and folders with all below them, such as \"sites/berlin\" and \"*.hcl\"; *, ? and [] stand for parts of a name."},
		},
	},
	"window": {
		label: true, doc: "When commits are applied (allow) or not (deny). Without an allow window it is always, save where one denies; deny is stronger. The healing of drift knows no windows. Takes days, from and to, or schedule and duration.",
		arguments: []schema.Argument{
			{Name: "mode", Type: tText, Default: "allow", OneOf: []string{"allow", "deny"}, Doc: "Whether commits are applied in it or never."},
			{Name: "days", Type: tTexts, Default: "every day", OneOf: weekdays, Doc: "Days on which it opens."},
			{Name: "from", Type: tClock, Default: "00:00", Doc: "When it opens."},
			{Name: "to", Type: tClock, Default: "24:00", Doc: "When it closes; at or before from it is on the next day."},
			{Name: "schedule", Type: tText, Doc: "When it opens, as cron has it: \"0 22 * * 1-5\"."},
			{Name: "duration", Type: tSpan, Doc: "How long it is open after each time of the schedule, 31 days at most."},
			{Name: "timezone", Type: tLocation, Default: "UTC", Doc: "Zone of its times, such as \"Europe/Berlin\". A time that a change of clocks leaves out may be an hour off."},
		},
	},
	"webhook": {
		doc: "Where a hosting service says that something was pushed. It makes syncs look at their repositories at once, and does nothing else.",
		example: `webhook {
  listen      = "127.0.0.1:9443"
  provider    = "github"
  secret_file = "/etc/decnet/hook-secret"
}
`,
		arguments: []schema.Argument{
			{Name: "listen", Type: tText, Required: true, Doc: "Address and port, such as \"127.0.0.1:9443\"."},
			{Name: "path", Type: tText, Default: DefaultHook, Doc: "Path of the URL."},
			{Name: "secret_file", Type: tPath, Required: true, Doc: "File with the secret that deliveries are signed with."},
			{Name: "provider", Type: tText, Default: "generic", OneOf: []string{"generic", "gitea", "github", "gitlab"}, Doc: "Who sends."},
			{Name: "syncs", Type: tNames, Default: "all", Doc: "Syncs that it may wake: [sync.NAME]."},
		},
	},
	"sink": {label: true},
	"control": {
		doc:       "The socket that `decnet sync` speaks to.",
		arguments: []schema.Argument{{Name: "socket", Type: tPath, Required: true, Doc: "Path of the UNIX socket."}},
	},
	"metrics": {
		doc:       "Where health and Prometheus metrics are served.",
		arguments: []schema.Argument{{Name: "listen", Type: tText, Required: true, Doc: "Address and port, such as \"127.0.0.1:9444\"."}},
	},
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
