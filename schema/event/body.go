package event

// Close reasons of a ConnectionClosed.
const (
	CloseClient   = "client"   // the client closed first
	CloseServer   = "server"   // the service ended the session
	CloseTimeout  = "timeout"  // a deadline of the product
	CloseLimit    = "limit"    // a limit of the runtime
	CloseError    = "error"    // the network failed
	CloseShutdown = "shutdown" // the decky was stopped
)

// ConnectionOpened is an accepted connection, or the first datagram of a
// source.
type ConnectionOpened struct {
	Transport string `json:"transport"` // "tcp" or "udp"
}

// ConnectionClosed ends the session of a connection.
type ConnectionClosed struct {
	DurationMS int64  `json:"duration_ms"`
	BytesIn    int64  `json:"bytes_in"`
	BytesOut   int64  `json:"bytes_out"`
	Reason     string `json:"reason"`           // one of the Close constants
	Detail     string `json:"detail,omitempty"` // the error or the limit's name
}

// AuthAttempt is one try to log in, successful or not.
type AuthAttempt struct {
	Method   string `json:"method"`             // "password", "publickey", "keyboard-interactive", ...
	Username Text   `json:"username,omitempty"` // as sent
	// Secret is what proves the identity: a password, or the material that
	// makes a challenge crackable.
	Secret Text `json:"secret,omitempty"`
	// SecretKind is the original's vocabulary: plaintext, http_bearer,
	// ntlmssp_v2, mysql_native_password, ...; "publickey" for a key, whose
	// SHA-256 fingerprint is then the secret.
	SecretKind string `json:"secret_kind,omitempty"`
	Success    bool   `json:"success"`
	Client     Text   `json:"client,omitempty"` // the client's version string
	HASSH      string `json:"hassh,omitempty"`  // of an SSH client
}

// Command is one command line given to a shell.
type Command struct {
	Line Text `json:"line"`
	// Mode is "exec" (one command, no shell session) or "shell".
	Mode   string `json:"mode,omitempty"`
	Cwd    string `json:"cwd,omitempty"`
	User   string `json:"user,omitempty"`
	Status int    `json:"status"`           // exit status
	Known  bool   `json:"known"`            // false: the decoy had no such command
	Output Text   `json:"output,omitempty"` // what was answered, capped
	// Continued: the line is on record already, as it was while it ran; this is
	// how it ended, with all that was answered.
	Continued bool `json:"continued,omitempty"`
}

// Request is one request of a request-response protocol such as HTTP.
type Request struct {
	Protocol  string   `json:"protocol"` // "HTTP/1.1"
	Method    Text     `json:"method"`
	Target    Text     `json:"target"` // as sent
	Path      Text     `json:"path,omitempty"`
	Host      Text     `json:"host,omitempty"`
	UserAgent Text     `json:"user_agent,omitempty"`
	Headers   []Header `json:"headers,omitempty"` // in the order sent
	Status    int      `json:"status"`
	BodySize  int64    `json:"body_size,omitempty"`
	Body      Text     `json:"body,omitempty"` // capped
	Malformed bool     `json:"malformed,omitempty"`
}

// Header is one header field as sent.
type Header struct {
	Name  Text `json:"name"`
	Value Text `json:"value"`
}

// Query is one statement of a database or cache protocol.
type Query struct {
	Verb      string `json:"verb"` // upper case: "SET", "SELECT"
	Statement Text   `json:"statement"`
	Args      []Text `json:"args,omitempty"`
	Reply     Text   `json:"reply,omitempty"` // capped
	Error     bool   `json:"error,omitempty"`
	// Target is the peer that the statement asks the decoy to contact
	// (SLAVEOF host port); it is recorded and never contacted.
	Target Text `json:"target,omitempty"`
}

// Transfer is a file that a client sent or fetched.
type Transfer struct {
	Direction string `json:"direction"` // "upload", "download" or "recording" (of the session itself)
	Name      Text   `json:"name"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256,omitempty"`
	Stored    bool   `json:"stored"` // whether the artifact was kept
}

// Fingerprint is a stable property of a client's software.
type Fingerprint struct {
	Method string `json:"method"` // "hassh", "ja3", "ja4", "banner"
	Value  string `json:"value"`
	Raw    Text   `json:"raw,omitempty"`
}

// Scan is traffic that carried no protocol: a connect and nothing else, a probe
// of a closed port, first bytes of another protocol.
type Scan struct {
	Technique string `json:"technique"` // "connect", "probe", "foreign-protocol"
	Data      Text   `json:"data,omitempty"`
}

// Canary is a planted token that somebody used.
type Canary struct {
	Token string `json:"token"`
	Type  string `json:"type"`
	Data  Text   `json:"data,omitempty"`
}

// Drift is a change of an object behind the reconciler's back.
type Drift struct {
	Address string `json:"address"` // of the instance: a decky's, a service's, a network's
	// Reason is "changed", "gone", "restarted" (it ended and came back by itself)
	// or "surplus" (somebody made one more).
	Reason  string   `json:"reason"`
	Changes []string `json:"changes,omitempty"` // "running: true -> false"
	// Action is what is done about it: "heal", "report", "quarantine", "recycle",
	// or "none" where it healed by itself.
	Action string `json:"action"`
	// Evidence was taken before anything was done.
	Evidence []Artifact `json:"evidence,omitempty"`
	// Missing says what of the evidence could not be had.
	Missing Text `json:"missing,omitempty"`
}

// Artifact is a file that was kept, found by its digest.
type Artifact struct {
	Name      Text   `json:"name"`
	Media     string `json:"media,omitempty"` // its media type; empty: text/plain
	SHA256    string `json:"sha256"`          // in hex
	Size      int64  `json:"size"`            // of what was kept
	Truncated bool   `json:"truncated,omitempty"`
}

// System is something the decky process says about itself: "started",
// "stopped", "overflow", "panic", "limit".
type System struct {
	Name   string `json:"name"`
	Detail Text   `json:"detail,omitempty"`
	Count  int64  `json:"count,omitempty"`
}

// Kind implements Body.
func (*ConnectionOpened) Kind() Kind { return KindConnectionOpened }

// Kind implements Body.
func (*ConnectionClosed) Kind() Kind { return KindConnectionClosed }

// Kind implements Body.
func (*AuthAttempt) Kind() Kind { return KindAuthAttempt }

// Kind implements Body.
func (*Command) Kind() Kind { return KindCommand }

// Kind implements Body.
func (*Request) Kind() Kind { return KindRequest }

// Kind implements Body.
func (*Query) Kind() Kind { return KindQuery }

// Kind implements Body.
func (*Transfer) Kind() Kind { return KindTransfer }

// Kind implements Body.
func (*Fingerprint) Kind() Kind { return KindFingerprint }

// Kind implements Body.
func (*Scan) Kind() Kind { return KindScan }

// Kind implements Body.
func (*Canary) Kind() Kind { return KindCanary }

// Kind implements Body.
func (*Drift) Kind() Kind { return KindDrift }

// Kind implements Body.
func (*System) Kind() Kind { return KindSystem }
