package transport

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"
)

// Client is what a client told about itself before it logged in.
type Client struct {
	// Identification is its line, without the end.
	Identification string
	// Lists are the ten name-lists of its first KEXINIT in the order of RFC
	// 4253 section 7.1.
	Lists [10]string
	// Guessed tells that it sent a packet of the method that it guessed.
	Guessed bool
	// Chosen is what was agreed on last; it is empty in Offered.
	Chosen Algorithms
}

// Algorithms are what both sides agreed on; In is from client to server. A MAC
// is empty where the cipher needs none.
type Algorithms struct {
	KEX, HostKey                                                      string
	CipherIn, CipherOut, MACIn, MACOut, CompressionIn, CompressionOut string
}

// HASSH is the client's fingerprint and the lists that it is the MD5 of.
func (c Client) HASSH() (sum, lists string) {
	lists = strings.Join([]string{c.Lists[listKEX], c.Lists[listCipherIn], c.Lists[listMACIn], c.Lists[listCompIn]}, ";")
	digest := md5.Sum([]byte(lists))
	return hex.EncodeToString(digest[:]), lists
}

// The name-lists of KEXINIT.
const (
	listKEX = iota
	listHostKey
	listCipherIn
	listCipherOut
	listMACIn
	listMACOut
	listCompIn
	listCompOut
)

// parseKexInit reads a KEXINIT (RFC 4253 section 7.1). What follows its end is
// an error that sshd makes one of: errTail.
func parseKexInit(payload []byte) (lists [10]string, guessed bool, err error) {
	s := scanner{b: payload}
	s.bytes(1 + 16)
	for i := range lists {
		list := bytes.TrimSuffix(s.string(), []byte{0}) // OpenSSH takes one NUL there
		if bytes.IndexByte(list, 0) >= 0 {
			return lists, false, errNUL
		}
		lists[i] = string(list)
	}
	guessed = s.byte() != 0
	s.uint32()
	if s.err == nil && len(s.b) > 0 {
		return lists, guessed, errTail
	}
	return lists, guessed, s.err
}

var (
	errNUL  = errors.New("name-list has a NUL")
	errTail = errors.New("message has bytes after its end")
)

// choose is the first of the client's names that the server has too; an empty
// name ends the list, as in OpenSSH's match_list.
func choose(client, server string) string {
	for name := range strings.SplitSeq(client, ",") {
		if name == "" {
			break
		}
		if contains(server, name) {
			return name
		}
	}
	return ""
}

func contains(list, name string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == name {
			return true
		}
	}
	return false
}

func first(list string) string {
	name, _, _ := strings.Cut(list, ",")
	return name
}

// agree negotiates (RFC 4253 section 7.1); missing names the first list
// without a common name.
func agree(client, server [10]string) (a Algorithms, missing string) {
	a = Algorithms{
		KEX: choose(client[listKEX], server[listKEX]), HostKey: choose(client[listHostKey], server[listHostKey]),
		CipherIn: choose(client[listCipherIn], server[listCipherIn]), CipherOut: choose(client[listCipherOut], server[listCipherOut]),
		CompressionIn: choose(client[listCompIn], server[listCompIn]), CompressionOut: choose(client[listCompOut], server[listCompOut]),
	}
	if info, ok := cipherTable[a.CipherIn]; ok && !info.aead {
		a.MACIn = choose(client[listMACIn], server[listMACIn])
	}
	if info, ok := cipherTable[a.CipherOut]; ok && !info.aead {
		a.MACOut = choose(client[listMACOut], server[listMACOut])
	}
	switch {
	case methods[a.KEX].new == nil:
		return a, "key exchange"
	case a.HostKey == "":
		return a, "host key"
	case cipherTable[a.CipherIn].new == nil || cipherTable[a.CipherOut].new == nil:
		return a, "cipher"
	case !cipherTable[a.CipherIn].aead && macTable[a.MACIn].new == nil, !cipherTable[a.CipherOut].aead && macTable[a.MACOut].new == nil:
		return a, "MAC"
	case a.CompressionIn == "" || a.CompressionOut == "":
		return a, "compression"
	}
	return a, ""
}
