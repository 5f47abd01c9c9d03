//go:build corpus

package ssh_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// TestCorpusHASSH says what published clients say first (RFC 4253 section 7.1)
// and compares the fingerprint on record with the published one.
func TestCorpusHASSH(t *testing.T) {
	file, err := os.Open("../../../../../shared/data/fingerprints/hassh.json")
	if err != nil {
		t.Fatalf("the corpus is missing: %v", err)
	}
	defer file.Close()
	s := start(t)
	clients := 0
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var c map[string]string
		if err := json.Unmarshal(scanner.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		clients++
		before := len(servicetest.Of[*event.Fingerprint](s))
		conn := s.Dial()
		message := c["clientIdentificationString"] + "\r\n" + kexInit(
			c["ckex"], "ssh-ed25519,rsa-sha2-512,ssh-rsa", c["ceacts"], c["ceastc"], c["cmacts"], c["cmastc"], c["ccacts"], c["ccastc"], "", "")
		if _, err := io.WriteString(conn, message); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // it ends in a reset or not: we said half of an exchange
		found := false
		for _, p := range servicetest.Of[*event.Fingerprint](s)[before:] {
			found = found || p.Method == "hassh" && p.Value == c["hassh"] && string(p.Raw) == c["hasshAlgorithms"]
		}
		if !found {
			t.Errorf("%s of %s %s: no %s on record", c["clientIdentificationString"], c["image"], c["imageVersion"], c["hassh"])
		}
	}
	if err := scanner.Err(); err != nil || clients < 40 {
		t.Fatalf("%d clients: %v", clients, err)
	}
	t.Logf("%d clients have the published HASSH", clients)
}

// kexInit is the packet with these name-lists.
func kexInit(lists ...string) string {
	payload := "\x14" + strings.Repeat("c", 16)
	for _, list := range lists {
		payload += string(binary.BigEndian.AppendUint32(nil, uint32(len(list)))) + list
	}
	payload += "\x00\x00\x00\x00\x00"
	padding := 8 - (len(payload)+5)%8
	if padding < 4 {
		padding += 8
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	return string(append(packet, byte(padding))) + payload + strings.Repeat("\x00", padding)
}
