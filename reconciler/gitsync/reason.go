package gitsync

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/decnet/decnet/schema/notification"
)

// Reason is why a sync is ready or not, in one word.
type Reason string

// The reasons.
const (
	Applied            Reason = "Applied"     // the newest commit is live
	Progressing        Reason = "Progressing" // it is being made so
	Observed           Reason = "Observed"    // policy observe: nothing is to be changed
	Differs            Reason = "Differs"     // policy observe: something would be
	FetchFailed        Reason = "FetchFailed"
	AuthFailed         Reason = "AuthFailed"
	TooLarge           Reason = "TooLarge"
	HistoryRewritten   Reason = "HistoryRewritten"
	Unsigned           Reason = "Unsigned"
	UnknownSigner      Reason = "UnknownSigner"
	BadSignature       Reason = "BadSignature"
	ExpiredKey         Reason = "ExpiredKey" // or revoked, or not valid yet
	OutsidePath        Reason = "OutsidePath"
	BuildFailed        Reason = "BuildFailed"
	PlanFailed         Reason = "PlanFailed"
	DestroyLimit       Reason = "DestroyLimit"
	PruneToEmpty       Reason = "PruneToEmpty"
	OutsideWindow      Reason = "OutsideWindow"
	AwaitingApproval   Reason = "AwaitingApproval"
	ApplyFailed        Reason = "ApplyFailed"
	RolledBack         Reason = "RolledBack"
	Suspended          Reason = "Suspended"
	DependencyNotReady Reason = "DependencyNotReady"
)

// kind is what a reason means to people.
type kind struct {
	stalled  bool // nothing goes on without somebody's help
	severity notification.Severity
	news     notification.Kind // empty: nobody is told
	title    string
	remedy   string // what to do
}

var reasons = map[Reason]kind{
	Applied:          {news: notification.Applied, severity: notification.Info, title: "is applied"},
	Progressing:      {},
	Observed:         {},
	Differs:          {news: notification.Waiting, severity: notification.Info, title: "differs from what is live"},
	FetchFailed:      {news: notification.Failed, severity: notification.Error, title: "cannot be fetched", remedy: "It is tried again at the interval."},
	AuthFailed:       {stalled: true, news: notification.Failed, severity: notification.Error, title: "cannot be fetched: access is denied", remedy: "Renew the token or key that auth names."},
	TooLarge:         {stalled: true, news: notification.Refused, severity: notification.Error, title: "is too large", remedy: "Raise max_size, or make the repository smaller."},
	HistoryRewritten: {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: history was rewritten", remedy: "If that was meant, approve the new commit."},
	Unsigned:         {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: it is not signed", remedy: "Sign it and push again."},
	UnknownSigner:    {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: nobody knows its signer", remedy: "If the signer is to be trusted, name the key in verify."},
	BadSignature:     {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: its signature is wrong", remedy: "Find out who made it."},
	ExpiredKey:       {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: its signer's key does not count at that time", remedy: "Sign it with a key that counts, or renew the key in verify."},
	OutsidePath:      {stalled: true, news: notification.Refused, severity: notification.Error, title: "is refused: its signer may not change that", remedy: "Let somebody sign it who may, or widen the signer's paths."},
	BuildFailed:      {stalled: true, news: notification.Failed, severity: notification.Error, title: "has errors", remedy: "Correct the configuration and push again."},
	PlanFailed:       {news: notification.Failed, severity: notification.Error, title: "cannot be planned", remedy: "It is tried again, more and more slowly."},
	DestroyLimit:     {stalled: true, news: notification.Refused, severity: notification.Warning, title: "is held: it destroys too much", remedy: "Approve the plan, or correct the configuration."},
	PruneToEmpty:     {stalled: true, news: notification.Refused, severity: notification.Warning, title: "is held: it leaves no decky", remedy: "Approve the plan, or correct the configuration."},
	OutsideWindow:    {news: notification.Waiting, severity: notification.Info, title: "waits for its window"},
	AwaitingApproval: {stalled: true, news: notification.Waiting, severity: notification.Warning, title: "waits for approval", remedy: "Approve the plan."},
	ApplyFailed:      {news: notification.Failed, severity: notification.Error, title: "could not be applied", remedy: "It is tried again, more and more slowly."},
	RolledBack:       {stalled: true, news: notification.RolledBack, severity: notification.Error, title: "failed and was rolled back", remedy: "Push a better one, or ask for it again with now."},
	Suspended:        {stalled: true, news: notification.Waiting, severity: notification.Info, title: "is suspended", remedy: "Resume it."},
	DependencyNotReady: {
		news: notification.Waiting, severity: notification.Warning, title: "waits for another sync",
	},
}

// Bounds of texts that come from a commit or an error.
const (
	maxMessage = 2000
	maxTitle   = 120
)

// clip is a text without control characters but line breaks, at most n bytes
// long.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 4*n)], ""))
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("...")], "") + "..."
}

// line is the first line of a text.
func line(s string, n int) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return clip(s, n)
}

// short is a commit as people name it.
func short(commit string) string { return commit[:min(len(commit), 12)] }
