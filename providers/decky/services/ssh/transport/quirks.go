package transport

import "strings"

// Quirk is a special treatment of a client's software (OpenSSH's compat.c).
type Quirk uint8

// The quirks that reach the wire.
const (
	// QuirkHostKeys: hostkeys-00@openssh.com is not sent.
	QuirkHostKeys Quirk = 1 << iota
	// QuirkDebug: MSG_DEBUG is not sent.
	QuirkDebug

	quirkDismissed    // a scanner: closed without a word
	quirkPaddedCurve  // curve25519-sha256@libssh.org is not offered
	quirkOldGroupExch // group exchange is not offered
	quirkNoRekey      // never asked for new keys
)

type quirks Quirk

func (q quirks) has(one Quirk) bool { return Quirk(q)&one != 0 }

// quirkTable: the first row that matches counts. Patterns may start and end
// with an asterisk (OpenSSH 9.2's compat.c).
var quirkTable = []struct {
	patterns string
	quirks   Quirk
}{
	{"Sun_SSH_1.0*", quirkNoRekey},
	{"OpenSSH_6.6.1*", 0},
	{"OpenSSH_6.5*,OpenSSH_6.6*", quirkPaddedCurve},
	{"OpenSSH*,*MindTerm*", 0},
	{"3.0.*", QuirkDebug},
	{"Cisco-1.*", QuirkHostKeys},
	{"*SSH_Version_Mapper*", quirkDismissed},
	{"PuTTY_Local:*,PuTTY-Release-0.5*,PuTTY_Release_0.5*,PuTTY_Release_0.60*,PuTTY_Release_0.61*,PuTTY_Release_0.62*,PuTTY_Release_0.63*,PuTTY_Release_0.64*,FuTTY*", quirkOldGroupExch},
	{"Probe-*", quirkDismissed},
	{"TeraTerm SSH*,TTSSH/1.5.*,TTSSH/2.1*,TTSSH/2.2*,TTSSH/2.3*,TTSSH/2.4*,TTSSH/2.5*,TTSSH/2.6*,TTSSH/2.70*,TTSSH/2.71*,TTSSH/2.72*", QuirkHostKeys},
	{"WinSCP_release_4*,WinSCP_release_5.0*,WinSCP_release_5.1,WinSCP_release_5.1.*,WinSCP_release_5.5,WinSCP_release_5.5.*,WinSCP_release_5.6,WinSCP_release_5.6.*,WinSCP_release_5.7,WinSCP_release_5.7.1,WinSCP_release_5.7.2,WinSCP_release_5.7.3,WinSCP_release_5.7.4", quirkOldGroupExch},
	{"Twisted_*", 0},
	{"Twisted*", QuirkDebug},
}

func quirksOf(software string) quirks {
	for _, row := range quirkTable {
		for pattern := range strings.SplitSeq(row.patterns, ",") {
			if matches(software, pattern) {
				return quirks(row.quirks)
			}
		}
	}
	return 0
}

func matches(s, pattern string) bool {
	pattern, open := strings.CutSuffix(pattern, "*")
	middle, anywhere := strings.CutPrefix(pattern, "*")
	switch {
	case anywhere && open:
		return strings.Contains(s, middle)
	case open:
		return strings.HasPrefix(s, pattern)
	}
	return s == pattern
}
