package telnet

// Commands (RFC 854, and RFC 1184 for the first three).
const (
	cmdEOF   = 236
	cmdSusp  = 237
	cmdAbort = 238
	cmdEOR   = 239 // RFC 885
	cmdSE    = 240
	cmdNOP   = 241
	cmdDM    = 242
	cmdBreak = 243
	cmdIP    = 244
	cmdAO    = 245
	cmdAYT   = 246
	cmdEC    = 247
	cmdEL    = 248
	cmdSB    = 250
	cmdWill  = 251
	cmdWont  = 252
	cmdDo    = 253
	cmdDont  = 254
	iac      = 255
)

// Options (IANA's telnet-options).
const (
	optBinary   = 0
	optEcho     = 1
	optSGA      = 3
	optStatus   = 5
	optTM       = 6
	optLogout   = 18
	optTType    = 24
	optEOR      = 25
	optNAWS     = 31
	optTSpeed   = 32
	optLFlow    = 33
	optLinemode = 34
	optXDisploc = 35
	optOldEnv   = 36
	optAuth     = 37
	optEncrypt  = 38
	optNewEnv   = 39
)

// Qualifiers of suboptions.
const (
	qualIs   = 0
	qualSend = 1
	qualInfo = 2
)

// maxSub bounds what a suboption may hold: telnetd's buffer; what is longer is
// cut.
const maxSub = 512
