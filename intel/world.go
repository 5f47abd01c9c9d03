package intel

import (
	"context"

	"github.com/decnet/decnet/schema"
)

// World is what intel has to know about the deception network; its caller
// implements it from the engine's state. Every method answers with the whole
// present truth; an error leaves what was known before in force.
type World interface {
	// Journals lists the journals that exist.
	Journals(ctx context.Context) ([]Journal, error)
	// Rules lists the rules that apply.
	Rules(ctx context.Context) ([]schema.Rule, error)
	// Sinks lists where events go.
	Sinks(ctx context.Context) ([]schema.Sink, error)
	// Deckies lists the decoys.
	Deckies(ctx context.Context) ([]Decky, error)
}

// Versioner is what a World may be besides: while the version stays the same
// and no journal directory comes or goes, the answers of Rules, Sinks and
// Deckies are taken to be the same and are not asked for again.
type Versioner interface {
	Version(ctx context.Context) (string, error)
}

// Journal is one journal directory.
type Journal struct {
	Name string // unique among those that exist
	Dir  string
	// Deckies are the addresses of the deckies that write here: an event of
	// another is stored under the first of them and flagged. None: the owner
	// is unknown.
	Deckies []string
	// Trusted journals are the engine's own and may speak of any decky.
	Trusted bool
}

// Decky is one decoy as configured.
type Decky struct {
	Address   string   `json:"address"`
	Hostname  string   `json:"hostname"`
	IP        string   `json:"ip"`
	MAC       string   `json:"mac"`
	Network   string   `json:"network,omitempty"`
	Archetype string   `json:"archetype,omitempty"`
	Runtime   string   `json:"runtime,omitempty"`
	Services  []string `json:"services"`
}
