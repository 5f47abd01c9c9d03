package schema

import (
	"encoding/json"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/notification"
)

// Desired is a configuration evaluated to the last value: what the engine
// makes true.
type Desired struct {
	Name      string // of the decnet block
	Seed      string // public root of derived names; made by the first apply where the configuration has none
	Instances []Instance
	Outputs   []Output
	Moved     []Move
	Removed   []Removal
	Imports   []Import
	Checks    []CheckResult
	// Inputs are the variables of the root module, sorted by name.
	Inputs []Input
}

// Input is a variable with the value that it has, whoever gave it.
type Input struct {
	Name      string `json:"name"`
	Sensitive bool   `json:"sensitive,omitempty"`
	// Value is null where the variable is sensitive.
	Value json.RawMessage `json:"value"`
}

// Move says that what the state holds under From is now To. An address without
// a key stands for every instance of the block, and a decky's for its services.
type Move struct {
	From, To addr.Address
	Source   string
}

// Removal says that what the state holds under From is no longer ours to manage.
type Removal struct {
	From    addr.Address
	Destroy bool // false: the object is forgotten and lives on
	Source  string
}

// Import says that a live object becomes the instance To.
type Import struct {
	To addr.Address
	// ID names the object as its provider shows it: a container's name, a
	// decky's engine-side name.
	ID     string
	Source string
	// Undeclared: no block declares To, and EvalOptions.Undeclared let that pass.
	Undeclared bool
}

// CheckResult is one assertion of a check block.
type CheckResult struct {
	Name    string `json:"name"` // of the block
	Passed  bool   `json:"passed"`
	Message string `json:"message,omitempty"` // why not
	Source  string `json:"source"`
}

// Lifecycle is how the engine treats an instance beyond making it so.
type Lifecycle struct {
	// PreventDestroy makes a plan that deletes or replaces it an error.
	PreventDestroy bool `json:"prevent_destroy,omitempty"`
	// IgnoreChanges are paths of Config whose difference is no change; "all" is
	// every path.
	IgnoreChanges []string `json:"ignore_changes,omitempty"`
	// ReplaceTriggeredBy are instances whose change replaces this one.
	ReplaceTriggeredBy []addr.Address `json:"replace_triggered_by,omitempty"`
	// CreateBeforeDestroy makes the new object before the old one goes, where
	// both can be at once.
	CreateBeforeDestroy bool `json:"create_before_destroy,omitempty"`
	// OnDrift is "heal" (empty means that), "report" or "quarantine".
	OnDrift string `json:"on_drift,omitempty"`
	// RecycleAfter, a Go duration, replaces a decky that is older; empty: never.
	RecycleAfter string `json:"recycle_after,omitempty"`
	// RecycleOn replaces a decky that an attacker got into: "login", "upload".
	RecycleOn []string `json:"recycle_on,omitempty"`
}

// Instance is one expanded resource. Config is the JSON of the type's struct
// (Network, Decky, Service, Rule, Sink), with its digest.
type Instance struct {
	Address addr.Address
	Type    string // "network", "decky", "service", "rule", "sink"
	Runtime string // "docker", "native", or "" for what has no runtime
	Config  json.RawMessage
	Digest  string // SHA-256 of Config, hex
	// Parents are the instances whose objects this one lives in: it is made
	// after them, goes before them and is replaced with them.
	Parents []addr.Address
	// After are the instances that it only has to wait for.
	After []addr.Address
	// Source is where the block stands: "main.hcl:12,1-20".
	Source string
	// Sensitive are the paths of Config that plans and logs do not show:
	// "arguments.users".
	Sensitive []string
	Lifecycle Lifecycle
}

// Output is one evaluated output.
type Output struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Sensitive   bool            `json:"sensitive,omitempty"`
	Value       json.RawMessage `json:"value"`
}

// Network is a resolved network block.
type Network struct {
	Name    string `json:"name"`             // engine-side name: "<configuration>-<block>"
	Driver  string `json:"driver"`           // "macvlan", "ipvlan" or "bridge"
	Parent  string `json:"parent,omitempty"` // interface; empty for a bridge
	Subnet  string `json:"subnet"`           // CIDR
	Gateway string `json:"gateway,omitempty"`
	// Pool is the range deckies are given addresses of, "first-last".
	Pool string `json:"pool"`
	// HostIP is the address of the host-side hairpin interface; empty without
	// host access.
	HostIP string `json:"host_ip,omitempty"`
}

// Decky is a resolved decky: the host without its services.
type Decky struct {
	Name    string  `json:"name"`    // engine-side name: "<configuration>-<block>-<key>"
	Network Network `json:"network"` // the network it stands in, as resolved
	Host    Host    `json:"host"`
	// Personality is a family ("linux", "windows", ...) or a named personality.
	Personality string `json:"personality"`
	Archetype   string `json:"archetype,omitempty"`
}

// Service is a resolved service of a decky.
type Service struct {
	Name      string          `json:"name"`  // within the decky: "ssh" or "ssh.label"
	Slug      string          `json:"slug"`  // "ssh"
	Decky     string          `json:"decky"` // engine-side name of the decky
	Ports     []Port          `json:"ports"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // as the service's struct reads them
	Host      Host            `json:"host"`
}

// Port is one listening port.
type Port struct {
	Number    uint16 `json:"number"`
	Transport string `json:"transport"` // "tcp" or "udp"
}

// Host is the public part of what a decky claims to be; its JSON is the one the
// decky process reads.
type Host struct {
	Address  string            `json:"address"`
	Hostname string            `json:"hostname"`
	Domain   string            `json:"domain,omitempty"`
	IP       string            `json:"ip"`
	MAC      string            `json:"mac"`
	OS       string            `json:"os"`
	Distro   string            `json:"distro"`
	Title    string            `json:"title"`
	Kernel   string            `json:"kernel"`
	Build    string            `json:"build"`
	Machine  string            `json:"machine"`
	Packages map[string]string `json:"packages,omitempty"`
	// Zone is the name of the time zone; empty for the default, UTC.
	Zone string `json:"zone,omitempty"`
	// Persist says whose what clients wrote is: "decky" (also empty), "source".
	Persist string `json:"persist,omitempty"`
}

// Rule is a resolved detection rule: the source of its condition with variables
// and locals folded in.
type Rule struct {
	Name      string   `json:"name"`
	Technique string   `json:"technique"`
	When      string   `json:"when"`               // an expression over event
	By        string   `json:"by,omitempty"`       // the key, an expression; default event.source
	Distinct  string   `json:"distinct,omitempty"` // counts distinct values of this expression
	Threshold int      `json:"threshold"`          // default 1
	Within    string   `json:"within,omitempty"`   // a Go duration; required above threshold 1
	Tactics   []string `json:"tactics,omitempty"`
}

// Sink is where events, tags and notifications go. Secrets are in files that it
// names, never in it.
type Sink struct {
	Name    string `json:"name"`
	Type    string `json:"type"`              // one of SinkTypes
	Path    string `json:"path,omitempty"`    // file
	Address string `json:"address,omitempty"` // syslog: unix:///dev/log, udp://127.0.0.1:514, tcp://127.0.0.1:601

	// Which notifications it is told.
	Severity  notification.Severity `json:"severity,omitempty"`  // the least
	Addresses []string              `json:"addresses,omitempty"` // as --target takes them
	Events    []string              `json:"events,omitempty"`    // kinds, or "sync.*"
	Dedup     string                `json:"dedup,omitempty"`     // duration in which the same is told once

	URL        string            `json:"url,omitempty"`    // webhook
	Method     string            `json:"method,omitempty"` // webhook: "POST"
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`        // template, see notification.Template
	SecretFile string            `json:"secret_file,omitempty"` // webhook: key of the signature
	URLFile    string            `json:"url_file,omitempty"`    // slack: the URL is the secret

	Host         string   `json:"host,omitempty"` // email
	Port         int      `json:"port,omitempty"`
	TLS          string   `json:"tls,omitempty"` // "starttls" (default), "tls" or "none"
	Username     string   `json:"username,omitempty"`
	PasswordFile string   `json:"password_file,omitempty"`
	From         string   `json:"from,omitempty"`
	To           []string `json:"to,omitempty"`

	Provider   string `json:"provider,omitempty"`   // commit_status: "github", "gitlab" or "gitea"
	APIURL     string `json:"api_url,omitempty"`    // "" for the public service
	Repository string `json:"repository,omitempty"` // owner/name
	TokenFile  string `json:"token_file,omitempty"` // commit_status, webhook
	Context    string `json:"context,omitempty"`    // commit_status: what the status is called

	CAFile string `json:"ca_file,omitempty"` // certificates trusted instead of the system's
}
