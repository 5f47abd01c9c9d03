// Package syncfile reads the daemon's own file: which git repositories are
// followed, how far each is trusted, where webhooks are heard and who is told.
// It stands outside the repositories, so that no commit can loosen what is asked
// of commits. Secrets are named by their files and never stand in it. The
// package opens nothing but the file itself.
package syncfile

import (
	"regexp"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema"
)

// DefaultPath is where the daemon looks for its file.
const DefaultPath = "/etc/decnet/sync.hcl"

// File is one file, or all of a directory.
type File struct {
	Sources  map[string]*hcl.File // by name, for diag.Write
	Syncs    []Sync               // in their order
	Webhooks []Webhook
	Sinks    []Sink
	Control  *Control // nil: none is given
	Metrics  *Metrics // nil: none is given
}

// Sync is the sync of a name; nil where there is none.
func (f *File) Sync(name string) *Sync {
	for i := range f.Syncs {
		if f.Syncs[i].Name == name {
			return &f.Syncs[i]
		}
	}
	return nil
}

// Kind is what is followed in a repository.
type Kind string

// The kinds of references.
const (
	Branch Kind = "branch"
	Tag    Kind = "tag"
	Semver Kind = "semver"
	Commit Kind = "commit"
)

// Ref is what is followed: a branch, a tag, the highest tag within a range of
// versions, or one commit.
type Ref struct {
	Kind Kind
	Name string // of the branch or tag, the range, or the commit in hex
}

// String is "branch main", "tags ~> 1.2", "commit 3f2a...".
func (r Ref) String() string {
	if r.Kind == Semver {
		return "tags " + r.Name
	}
	return string(r.Kind) + " " + r.Name
}

// Policy is what is done with a commit that is trusted.
type Policy string

// The policies.
const (
	Auto    Policy = "auto"    // it is applied
	Manual  Policy = "manual"  // its plan waits for somebody to approve it
	Observe Policy = "observe" // it is planned and reported; nothing is changed, not even healed
)

// Sync is a sync block. Every path is absolute.
type Sync struct {
	Name       string
	Declared   hcl.Range
	Repository string // a URL, host:path as ssh takes it, or a path; without a secret
	Path       string // of the configuration in the repository: clean, slashes, never upwards
	Ref        Ref
	Interval   time.Duration // between two looks at the repository
	Jitter     time.Duration // at most, added to Interval
	Timeout    time.Duration // of one fetch
	Auth       Auth
	CAFile     string // certificates in PEM that are trusted besides the system's
	Insecure   bool   // the server is not authenticated
	Submodules bool
	MaxSize    int64 // bytes that a fetch, and that the files of a commit, may take
	Verify     Verify
	Policy     Policy
	MaxDestroy Limit
	AllowEmpty bool // a commit may delete the last decky
	Windows    []Window
	Rollback   bool // an apply that fails is followed by one of the last good commit
	Suspend    bool
	DependsOn  []string // names of syncs, each once
	State      string   // path of the state; empty: DATA/sync/NAME/state.db
	VarFiles   []string // weakest first
	Variables  []schema.Value
	// Secrets is the only directory whose files the sinks of a commit may name;
	// empty: DATA/sync/NAME/secrets.
	Secrets string
	// ModuleHosts are the hosts, each with its port where it is none of https's
	// own, that modules of git are fetched from besides the repository's.
	ModuleHosts []string
	// Intel is the database of the decnet intel that collects what this sync's
	// deckies record, for recycle_on; empty: where its unit has it.
	Intel string
	// Runtime is "docker", "native", or empty: decided at the first apply.
	Runtime     string
	Parallelism int           // steps at once; 0: the engine's default
	Resync      time.Duration // between two looks at every live object
}

// Auth is an auth block: who we are to the server. The zero value is nobody.
type Auth struct {
	TokenFile string // of a password or token, for HTTPS
	Username  string // beside it
	// SSHKeyFile is a private key, PassphraseFile what it is encrypted with and
	// KnownHostsFile the servers that are who they say.
	SSHKeyFile     string
	PassphraseFile string
	KnownHostsFile string
}

// Mode is which commits must bear a signature.
type Mode string

// The modes.
const (
	Unverified Mode = "none"
	Tip        Mode = "tip"   // the one that is applied, or its tag
	Every      Mode = "every" // every commit since the one that was applied last
)

// Verify is a verify block.
type Verify struct {
	Mode    Mode
	Signers []Signer
	// AllowedSignersFile is one as ssh-keygen(1) takes it; its signers may sign
	// for every path.
	AllowedSignersFile string
}

// Signer is who may sign commits.
type Signer struct {
	Name            string
	Declared        hcl.Range
	SSHKeys         []string // public keys, as in authorized_keys
	SSHKeyFiles     []string // of such
	OpenPGPKeyFiles []string // of armoured or binary public keys
	// Paths are files and folders of the repository that the signer may change,
	// each part as path.Match has it; none: every file.
	Paths []string
}

// Limit is how much one commit may destroy. The zero Limit is none at all.
type Limit struct {
	Set     bool
	Count   int
	Percent int // of what is live, where Count is 0 and Relative
	// Relative says that Percent counts and Count does not.
	Relative bool
}

// Window is when commits are applied, or not.
type Window struct {
	Name     string
	Declared hcl.Range
	Deny     bool
	// Schedule opens it, as cron(5) has it, for Duration; empty: it is open on
	// Days from From to To.
	Schedule string
	Duration time.Duration
	Days     []time.Weekday // on which it opens; sorted; none: every day
	From, To Clock          // To at or before From is on the next day
	Location *time.Location
}

// Clock is a time of day in minutes since midnight; 24:00 is the end of the day.
type Clock int

// Provider is who sends a webhook.
type Provider string

// The providers.
const (
	GitHub  Provider = "github"
	GitLab  Provider = "gitlab"
	Gitea   Provider = "gitea"
	Generic Provider = "generic"
)

// Webhook is a webhook block: where a hosting service says that something was
// pushed.
type Webhook struct {
	Declared   hcl.Range
	Listen     string // host:port
	Path       string // of the URL
	SecretFile string
	Provider   Provider
	Syncs      []string // that it may wake; none: all
}

// Sink is a sink block.
type Sink struct {
	schema.Sink
	Declared hcl.Range
}

// Control is a control block: the socket that operators speak to.
type Control struct {
	Declared hcl.Range
	Socket   string
}

// Metrics is a metrics block.
type Metrics struct {
	Declared hcl.Range
	Listen   string // host:port
}

// What arguments are where they are left out.
const (
	DefaultInterval  = time.Minute
	DefaultTimeout   = 2 * time.Minute
	DefaultResync    = 5 * time.Minute
	DefaultMaxSize   = 256 << 20
	DefaultHook      = "/hooks/git"
	defaultJitterPer = 10 // percent of the interval
)

// Bounds of what may be written.
const (
	MinInterval  = 10 * time.Second
	maxInterval  = 7 * 24 * time.Hour
	maxTimeout   = time.Hour
	maxDuration  = 31 * 24 * time.Hour // of a window
	minSize      = 64 << 10
	maxSize      = 64 << 30
	maxParallel  = 1024
	maxSource    = 1 << 20
	maxNesting   = 200
	maxFiles     = 256
	maxSyncs     = 256
	maxInner     = 256 // blocks of one type in a block
	maxText      = 4096
	maxListed    = 1024
	maxNameBytes = 63
)

var (
	validName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	validCommit = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	validHost   = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?$`)
	validSCP    = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+:[^\s\\:][^\s\\]*$`)
)
