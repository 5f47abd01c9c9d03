package secret

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

const keygenUsage = "usage: ssh-keygen [-q] [-a rounds] [-b bits] [-C comment] [-f output_keyfile]\n                  [-m format] [-N new_passphrase] [-O option]\n                  [-t dsa | ecdsa | ecdsa-sk | ed25519 | ed25519-sk | rsa]\n                  [-w provider] [-Z cipher]\n       ssh-keygen -y [-f input_keyfile]\n       ssh-keygen -l [-v] [-E fingerprint_hash] [-f input_keyfile]\n       ssh-keygen -R hostname [-f known_hosts_file]\n"

// keygen is ssh-keygen. Facts: OpenSSH 9.2p1.
func keygen(c *program.Call) int {
	value := map[byte]string{}
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		if len(a) < 2 || a[0] != '-' {
			c.Err.Print("Too many arguments.\n" + keygenUsage)
			return 1
		}
		for at := 1; at < len(a); at++ {
			letter := a[at]
			switch {
			case strings.IndexByte("abCEfFImMnNOPRrstVwYzZ", letter) >= 0:
				operand := a[at+1:]
				if operand == "" {
					if i++; i == len(c.Args) {
						c.Err.Print("option requires an argument -- " + string(rune(letter)) + "\n" + keygenUsage)
						return 1
					}
					operand = c.Args[i]
				}
				value[letter] = operand
				at = len(a)
			case strings.IndexByte("ABceghHiklLopqQuUvxXy", letter) >= 0:
				value[letter] = "given"
			default:
				c.Err.Print("unknown option -- " + string(rune(letter)) + "\n" + keygenUsage)
				return 1
			}
		}
	}
	switch {
	case value['l'] != "" || value['y'] != "":
		return inspect(c, value)
	case value['R'] != "":
		return forget(c, value)
	case value['A'] != "":
		c.Print("ssh-keygen: generating new host keys: \n")
		return 0
	case value['p']+value['c']+value['e']+value['i']+value['F']+value['H'] != "":
		c.Kernel.Unknown()
		return 0
	}
	return generate(c, value)
}

// generate makes a pair of keys.
func generate(c *program.Call, value map[byte]string) int {
	kind := value['t']
	if kind == "" {
		kind = "rsa"
		if version := c.Machine.Release.Slug; version == "fedora" || version == "arch" || version == "kali" {
			kind = "ed25519"
		}
	}
	bits, _ := strconv.Atoi(value['b'])
	switch kind {
	case "rsa":
		if bits == 0 {
			bits = 3072
		}
		if bits < 1024 {
			c.Err.Print("Invalid RSA key length: minimum is 1024 bits\n")
			return 255
		}
		if bits > 16384 {
			c.Err.Print("Invalid RSA key length: maximum is 16384 bits\n")
			return 255
		}
	case "ed25519":
		bits = 256
	case "ecdsa":
		if bits == 0 {
			bits = 256
		}
		if bits != 256 && bits != 384 && bits != 521 {
			c.Err.Print("Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits\n")
			return 255
		}
	case "dsa", "ed25519-sk", "ecdsa-sk":
		c.Kernel.Unknown()
		return 255
	default:
		c.Err.Print("unknown key type " + kind + "\n")
		return 255
	}
	quiet := value['q'] != ""
	if !quiet {
		c.Print("Generating public/private " + kind + " key pair.\n")
	}
	path := value['f']
	if path == "" {
		path = strings.TrimSuffix(c.User.Home, "/") + "/.ssh/id_" + kind
		c.Print("Enter file in which to save the key (" + path + "): ")
		line, eof, err := program.ReadLine(c.In, '\n', 4096)
		if err != nil || eof && line == "" {
			if c.TTY == "" {
				c.Print("\n")
			}
			return 1
		}
		if line = strings.TrimSpace(line); line != "" {
			path = line
		}
		dir := strings.TrimSuffix(c.User.Home, "/") + "/.ssh"
		if _, err := c.View().Stat(dir); errors.Is(err, syscall.ENOENT) && strings.HasPrefix(path, dir+"/") && c.View().Mkdir(dir, 0o700) == nil {
			c.Print("Created directory '" + dir + "'.\n")
		}
	}
	if _, err := c.View().Stat(c.Path(path)); err == nil {
		c.Print(path + " already exists.\nOverwrite (y/n)? ")
		line, _, err := program.ReadLine(c.In, '\n', 16)
		if err != nil || !strings.HasPrefix(strings.ToLower(line), "y") {
			return 1
		}
	}
	phrase, given := value['N']
	if !given {
		phrase = c.Prompt("Enter passphrase (empty for no passphrase): ")
		if again := c.Prompt("Enter same passphrase again: "); again != phrase {
			c.Print("Passphrases do not match.  Try again.\n")
			return 1
		}
	}
	return keep(c, kind, bits, path, phrase, value, quiet)
}

// maxBits bounds what one key costs; more are promised than made.
const maxBits = 4096

// keep computes the keys and writes them.
func keep(c *program.Call, kind string, bits int, path, phrase string, value map[byte]string, quiet bool) int {
	var key crypto.PrivateKey
	var err error
	switch kind {
	case "rsa":
		// A key takes its time, and an intruder's loop no more than that.
		if !c.Wait(time.Duration(200+bits/8) * time.Millisecond) {
			return 130
		}
		key, err = rsa.GenerateKey(rand.Reader, min(bits, maxBits))
	case "ecdsa":
		key, err = ecdsa.GenerateKey(map[int]elliptic.Curve{256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}[bits], rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return 255
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return 255
	}
	comment, given := value['C']
	if !given {
		comment = c.User.Name + "@" + c.Machine.Persona.Hostname()
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if phrase != "" {
		if len(phrase) < 5 {
			c.Err.Print("Saving key \"" + path + "\" failed: passphrase is too short (minimum five characters)\n")
			return 1
		}
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, comment, []byte(phrase))
	}
	if err != nil {
		return 255
	}
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + comment + "\n"
	for _, file := range []struct {
		path string
		data []byte
		perm uint32
	}{{path, pem.EncodeToMemory(block), 0o600}, {path + ".pub", []byte(public), 0o644}} {
		if err := c.View().WriteFile(c.Path(file.path), file.data, file.perm); err != nil {
			c.Err.Print("Saving key \"" + path + "\" failed: " + vfs.Text(err) + "\n")
			return 1
		}
		// A file that was there keeps its mode but for this.
		if err := c.View().Chmod(c.Path(file.path), file.perm); err != nil {
			return 1
		}
	}
	if quiet {
		return 0
	}
	digest := ssh.FingerprintSHA256(signer.PublicKey())
	c.Print("Your identification has been saved in " + path + "\nYour public key has been saved in " + path + ".pub\nThe key fingerprint is:\n" + digest + " " + comment + "\nThe key's randomart image is:\n" + art(signer.PublicKey(), strings.ToUpper(kind), bits))
	return 0
}

// art is the picture of a fingerprint: a bishop that walks by its bits, as
// "The drunken bishop" of Loss, Limmer and von Gernler has it.
func art(key ssh.PublicKey, kind string, bits int) string {
	const wide, high = 17, 9
	const marks = " .o+=*BOX@%&#/^SE"
	var field [wide][high]int
	x, y := wide/2, high/2
	sum := sum256(key)
	for _, b := range sum {
		for range 4 {
			x += int(b&1)*2 - 1
			y += int(b&2) - 1
			x, y = max(0, min(x, wide-1)), max(0, min(y, high-1))
			if field[x][y] < len(marks)-3 {
				field[x][y]++
			}
			b >>= 2
		}
	}
	field[wide/2][high/2] = len(marks) - 2
	field[x][y] = len(marks) - 1
	head := "[" + kind + " " + strconv.Itoa(bits) + "]"
	frame := func(text string) string {
		left := (wide - len(text)) / 2
		return "+" + strings.Repeat("-", left) + text + strings.Repeat("-", wide-len(text)-left) + "+\n"
	}
	var b strings.Builder
	b.WriteString(frame(head))
	for row := range high {
		b.WriteString("|")
		for column := range wide {
			b.WriteByte(marks[field[column][row]])
		}
		b.WriteString("|\n")
	}
	b.WriteString(frame("[SHA256]"))
	return b.String()
}

// inspect is -l and -y: a key that is there.
func inspect(c *program.Call, value map[byte]string) int {
	path := value['f']
	if path == "" {
		path = strings.TrimSuffix(c.User.Home, "/") + "/.ssh/id_rsa"
	}
	data, err := c.Read(path)
	if err != nil {
		if value['y'] != "" {
			c.Err.Print("Load key \"" + path + "\": " + vfs.Text(err) + "\n")
			return 255
		}
		c.Err.Print("ssh-keygen: " + path + ": " + vfs.Text(err) + "\n")
		return 255
	}
	public, comment, _, _, err := ssh.ParseAuthorizedKey(data)
	if signer, failed := ssh.ParsePrivateKey(data); failed == nil {
		public, err = signer.PublicKey(), nil
		if more, readErr := c.View().ReadFile(c.Path(path) + ".pub"); readErr == nil {
			if _, found, _, _, parseErr := ssh.ParseAuthorizedKey(more); parseErr == nil {
				comment = found
			}
		}
	} else if value['y'] != "" {
		c.Err.Print("Load key \"" + path + "\": error in libcrypto\n")
		return 255
	}
	if err != nil {
		c.Err.Print(path + " is not a public key file.\n")
		return 255
	}
	if value['y'] != "" {
		c.Print(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)) + " "))
		if comment != "" {
			c.Print(" " + comment)
		}
		c.Print("\n")
		return 0
	}
	kind, bits := strings.TrimPrefix(public.Type(), "ssh-"), 256
	if strings.HasPrefix(kind, "ecdsa") {
		bits, _ = strconv.Atoi(kind[len(kind)-3:])
		kind = "ecdsa"
	}
	if k, ok := public.(ssh.CryptoPublicKey); ok {
		if r, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok {
			bits = r.N.BitLen()
		}
	}
	digest := ssh.FingerprintSHA256(public)
	if strings.EqualFold(value['E'], "md5") {
		digest = "MD5:" + ssh.FingerprintLegacyMD5(public)
	}
	if comment == "" {
		comment = "no comment"
	}
	c.Printf("%d %s %s (%s)\n", bits, digest, comment, strings.ToUpper(kind))
	if value['v'] != "" {
		c.Print(art(public, strings.ToUpper(kind), bits))
	}
	return 0
}

// forget is -R: a host's keys are taken out of known_hosts.
func forget(c *program.Call, value map[byte]string) int {
	path := value['f']
	if path == "" {
		path = strings.TrimSuffix(c.User.Home, "/") + "/.ssh/known_hosts"
	}
	data, err := c.Read(path)
	if err != nil {
		c.Err.Print("Cannot stat " + path + ": " + vfs.Text(err) + "\n")
		return 255
	}
	var kept strings.Builder
	found := 0
	for n, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if strings.Contains(","+name+",", ","+value['R']+",") {
			c.Printf("# Host %s found: line %d\n", value['R'], n+1)
			found++
			continue
		}
		kept.WriteString(line + "\n")
	}
	if found == 0 {
		c.Err.Print("Host " + value['R'] + " not found in " + path + "\n")
		return 0
	}
	if err := c.View().WriteFile(c.Path(path), []byte(kept.String()), 0o600); err != nil {
		return 255
	}
	c.Print(path + " updated.\nOriginal contents retained as " + path + ".old\n")
	return 0
}

func sum256(key ssh.PublicKey) [32]byte { return sha256.Sum256(key.Marshal()) }
