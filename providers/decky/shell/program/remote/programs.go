// Package remote holds the programs that log in to other hosts or talk to their
// ports: ssh and its family, rsync, nc, telnet, ftp. Nothing is connected to:
// package peer says what comes back. What was typed for a password is recorded.
package remote

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"nc": netcat, "netcat": netcat, "nc.traditional": netcat, "nc.openbsd": netcat, "ncat": netcat,
		"telnet": telnet, "inetutils-telnet": telnet, "ftp": ftp,
		"ssh": ssh, "slogin": ssh, "scp": scp, "sftp": scp, "rsync": rsync, "ssh-keygen": keygen, "ssh-keyscan": keyscan, "ssh-copy-id": copyID, "ssh-add": add, "ssh-agent": agent,
	}
}
