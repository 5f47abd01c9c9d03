package decky

import (
	"encoding/json"
	"time"
)

// Spec is one decky as the process that serves it is told, as JSON in a file
// of mode 0600: it holds the decky's key.
type Spec struct {
	Host     Host          `json:"host"`
	Services []ServiceSpec `json:"services"`
	// Journal is the directory to append events to, Store the one that keeps
	// what clients wrote; both as the process sees them.
	Journal string `json:"journal"`
	Store   string `json:"store"`
	// Shared is the directory of what the decky's services have in common
	// where they are served by several processes; empty: within Store.
	Shared string `json:"shared,omitempty"`
	Limits Limits `json:"limits,omitzero"`
}

// ServiceSpec is one service of a decky.
type ServiceSpec struct {
	Name      string          `json:"name"` // "ssh" or "ssh.label"
	Slug      string          `json:"slug"`
	Ports     []Port          `json:"ports"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// Host is what a decky claims to be: the one source of every name, version and
// clock that its services show.
type Host struct {
	Address  string            `json:"address"`  // the instance's: the Decky of its events
	Hostname string            `json:"hostname"` // "SRV-ATLAS-17"
	Domain   string            `json:"domain,omitempty"`
	IP       string            `json:"ip"`
	MAC      string            `json:"mac,omitempty"`
	Subnet   string            `json:"subnet,omitempty"`  // CIDR of the segment it stands in
	Gateway  string            `json:"gateway,omitempty"` // of the segment
	OS       string            `json:"os"`                // personality family: "linux"
	Distro   string            `json:"distro"`            // slug: "debian"
	Title    string            `json:"title"`             // "Debian GNU/Linux 12 (bookworm)"
	Kernel   string            `json:"kernel"`            // uname -r
	Build    string            `json:"build"`             // uname -v
	Machine  string            `json:"machine"`
	Packages map[string]string `json:"packages,omitempty"` // package -> version as its banner shows it
	// Boot is when the host claims to have started.
	Boot time.Time `json:"boot,omitzero"`
	// Zone is the name of the host's time zone; UTC where empty.
	Zone string `json:"zone,omitempty"`
	// Persist says whose what clients wrote is: PersistDecky or PersistSource.
	Persist string `json:"persist,omitempty"`
	// Key is 32 secret bytes that host keys and salts are derived from.
	Key []byte `json:"key"`
	// Site is 32 secret bytes that all deckies of an installation share: what a
	// site has in common comes from them.
	Site []byte `json:"site,omitempty"`
	// Certificates are the host's certificate and that of the site's authority
	// (DER), which never leaves its key here.
	Certificates [][]byte `json:"certificates,omitempty"`
}

// Whose what clients wrote is.
const (
	PersistDecky  = "decky"  // everybody's; also where nothing is said
	PersistSource = "source" // the source's that wrote it
)

// Limits bound what clients can cost; a zero field takes its default.
type Limits struct {
	Conns          int   `json:"conns,omitempty"`            // open connections of a decky, default 512
	ConnsPerSource int   `json:"conns_per_source,omitempty"` // of one source, default 128
	ConnBytes      int64 `json:"conn_bytes,omitempty"`       // read from one connection, default 64 MiB
	IdleSeconds    int   `json:"idle_seconds,omitempty"`     // without a byte either way, default 600
	TotalSeconds   int   `json:"total_seconds,omitempty"`    // of one connection, default 6 h
	JournalBytes   int64 `json:"journal_bytes,omitempty"`    // kept unacknowledged, default 256 MiB
	StoreBytes     int64 `json:"store_bytes,omitempty"`      // kept of what clients wrote, default 16 MiB
}
