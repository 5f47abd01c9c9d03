package remote

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	wire "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// keyCost is what the making of a key takes of the budget, in bytes: it is real
// work.
const keyCost = 12 << 20

const keygenUsage = "usage: ssh-keygen [-q] [-a rounds] [-b bits] [-C comment] [-f output_keyfile]\n                  [-m format] [-N new_passphrase] [-O option]\n                  [-t dsa | ecdsa | ecdsa-sk | ed25519 | ed25519-sk | rsa]\n                  [-w provider] [-Z cipher]\n       ssh-keygen -p [-a rounds] [-f keyfile] [-m format] [-N new_passphrase]\n                   [-P old_passphrase] [-Z cipher]\n       ssh-keygen -y [-f input_keyfile]\n       ssh-keygen -l [-v] [-E fingerprint_hash] [-f input_keyfile]\n       ssh-keygen -F hostname [-lv] [-f known_hosts_file]\n       ssh-keygen -R hostname [-f known_hosts_file]\n       ssh-keygen -A [-a rounds] [-f prefix_path]\n"

// keygen makes keys, of which nobody but the client has the private half.
func keygen(c *program.Call) int {
	f, _, ok := letters(c, "ABHLQUXceghiklopquvyC:D:E:F:I:K:M:N:O:P:R:V:Y:Z:a:b:f:g:j:m:n:r:s:t:w:z:", keygenUsage, 0)
	switch {
	case !ok:
		return 1
	case f.Has("l"), f.Has("y"):
		return showKey(c, f)
	case f.Has("R"), f.Has("F"):
		return knownHost(c, f)
	case f.Has("A"), f.Has("p"), f.Has("H"):
		return 0
	}
	kind, name := f.Value["t"], "id_rsa"
	if kind == "" {
		kind = "rsa"
	}
	bits := int64(3072)
	if n, ok := program.Count(f.Value["b"]); ok {
		bits = n
	}
	switch kind {
	case "rsa":
		if bits < 1024 || bits > 16384 {
			c.Err.Print(map[bool]string{true: "Invalid RSA key length: minimum is 1024 bits\r\n", false: "Invalid RSA key length: maximum is 16384 bits\r\n"}[bits < 1024])
			return 255
		}
		bits = min(bits, 4096)
	case "ed25519", "ecdsa":
		name = "id_" + kind
	default:
		c.Err.Print("unknown key type " + kind + "\r\n")
		return 255
	}
	if !f.Has("q") {
		c.Print("Generating public/private " + kind + " key pair.\n")
	}
	path := f.Value["f"]
	if path == "" {
		path = c.User.Home + "/.ssh/" + name
		c.Print("Enter file in which to save the key (" + path + "): ")
		line, _, err := program.ReadLine(c.In, '\n', 1024)
		if err == nil && line != "" {
			path = line
		}
		if c.TTY == "" {
			c.Print("\n")
		}
	}
	full := c.Path(path)
	if _, err := c.View().Stat(full); err == nil {
		c.Print(path + " already exists.\nOverwrite (y/n)? ")
		line, _, err := program.ReadLine(c.In, '\n', 64)
		if err != nil || !strings.HasPrefix(strings.ToLower(line), "y") {
			return 1
		}
	}
	secret := f.Value["N"]
	if !f.Has("N") && c.TTY != "" {
		for {
			one, ok := ask(c, "Enter passphrase (empty for no passphrase): ", "ssh-keygen", c.User.Name)
			two, again := ask(c, "Enter same passphrase again: ", "ssh-keygen", c.User.Name)
			if !ok || !again || c.Busy() {
				return 1
			}
			if one == two {
				secret = one
				break
			}
			c.Print("Passphrases do not match.  Try again.\n")
		}
	}
	return makeKey(c, f, kind, int(bits), path, secret)
}

func makeKey(c *program.Call, f program.Flags, kind string, bits int, path, secret string) int {
	if c.Stop = c.Kernel.Spend(keyCost); c.Stop != nil {
		return 1
	}
	var key crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		bits = 256
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa":
		bits = 256
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		return 1
	}
	comment := c.User.Name + "@" + c.Machine.Host.Hostname
	if f.Has("C") {
		comment = f.Value["C"]
	}
	var block *pem.Block
	if secret == "" {
		block, err = wire.MarshalPrivateKey(key, comment)
	} else {
		block, err = wire.MarshalPrivateKeyWithPassphrase(key, comment, []byte(secret))
	}
	if err != nil {
		return 1
	}
	public, err := wire.NewPublicKey(key.Public())
	if err != nil {
		return 1
	}
	v := c.View()
	if dir := c.User.Home + "/.ssh"; strings.HasPrefix(c.Path(path), dir+"/") {
		if _, err := v.Stat(dir); err != nil && v.Mkdir(dir, 0o700) == nil && !f.Has("q") {
			c.Print("Created directory '" + dir + "'.\n")
		}
	}
	line := strings.TrimSuffix(string(wire.MarshalAuthorizedKey(public)), "\n") + " " + comment + "\n"
	if err := v.WriteFile(c.Path(path), pem.EncodeToMemory(block), 0o600); err != nil {
		c.Err.Print("Saving key \"" + path + "\" failed: " + vfs.Text(err) + "\r\n")
		return 1
	}
	if err := v.WriteFile(c.Path(path)+".pub", []byte(line), 0o644); err != nil {
		c.Err.Print("Unable to save public key to " + path + ".pub: " + vfs.Text(err) + "\r\n")
		return 1
	}
	if f.Has("q") {
		return 0
	}
	sum := sha256.Sum256(public.Marshal())
	c.Print("Your identification has been saved in " + path + "\nYour public key has been saved in " + path + ".pub\nThe key fingerprint is:\n" + fingerprint(public.Marshal()) + " " + comment + "\nThe key's randomart image is:\n" + randomart(sum[:], strings.ToUpper(kind), bits))
	return 0
}

// randomart draws a digest as OpenSSH does: a bishop walks over a board of 17 by 9
// and leaves a mark wherever it comes.
func randomart(sum []byte, kind string, bits int) string {
	const width, height, marks = 17, 9, " .o+=*BOX@%&#/^SE"
	var board [height][width]int
	x, y := width/2, height/2
	for _, b := range sum {
		for range 4 {
			if b&1 != 0 {
				x = min(x+1, width-1)
			} else {
				x = max(x-1, 0)
			}
			if b&2 != 0 {
				y = min(y+1, height-1)
			} else {
				y = max(y-1, 0)
			}
			if board[y][x] < len(marks)-3 {
				board[y][x]++
			}
			b >>= 2
		}
	}
	board[height/2][width/2] = len(marks) - 2
	board[y][x] = len(marks) - 1
	frame := func(title string) string {
		left := (width - len(title)) / 2
		return "+" + strings.Repeat("-", left) + title + strings.Repeat("-", width-left-len(title)) + "+\n"
	}
	var out strings.Builder
	out.WriteString(frame(fmt.Sprintf("[%s %d]", kind, bits)))
	for _, row := range board {
		out.WriteByte('|')
		for _, n := range row {
			out.WriteByte(marks[n])
		}
		out.WriteString("|\n")
	}
	out.WriteString(frame("[SHA256]"))
	return out.String()
}

// showKey is -l and -y.
func showKey(c *program.Call, f program.Flags) int {
	path := f.Value["f"]
	if path == "" {
		path = c.User.Home + "/.ssh/id_rsa"
	}
	data, err := c.View().ReadFile(c.Path(path))
	if err != nil {
		if f.Has("l") {
			path = "ssh-keygen: " + path
		}
		c.Err.Print(path + ": " + vfs.Text(err) + "\r\n")
		return 255
	}
	if f.Has("y") {
		key, err := wire.ParsePrivateKey(data)
		if err != nil {
			c.Err.Print("Load key \"" + path + "\": error in libcrypto\r\n")
			return 255
		}
		c.Print(string(wire.MarshalAuthorizedKey(key.PublicKey())))
		return 0
	}
	if signer, err := wire.ParsePrivateKey(data); err == nil {
		data = wire.MarshalAuthorizedKey(signer.PublicKey())
	}
	found := false
	for line := range bytes.Lines(data) {
		key, comment, _, _, err := wire.ParseAuthorizedKey(line)
		if err != nil {
			continue
		}
		found = true
		if comment == "" {
			comment = "no comment"
		}
		kind, bits := "ED25519", 256
		switch public := key.(wire.CryptoPublicKey).CryptoPublicKey().(type) {
		case *rsa.PublicKey:
			kind, bits = "RSA", public.N.BitLen()
		case *ecdsa.PublicKey:
			kind, bits = "ECDSA", public.Curve.Params().BitSize
		}
		c.Printf("%d %s %s (%s)\n", bits, fingerprint(key.Marshal()), comment, kind)
	}
	if !found {
		c.Err.Print(path + " is not a public key file.\n")
		return 255
	}
	return 0
}

// knownHost is -R and -F.
func knownHost(c *program.Call, f program.Flags) int {
	file := c.User.Home + "/.ssh/known_hosts"
	if f.Has("f") {
		file = f.Value["f"]
	}
	host := f.Value["R"] + f.Value["F"]
	data, err := c.View().ReadFile(c.Path(file))
	if err != nil {
		c.Err.Print("Cannot stat " + file + ": " + vfs.Text(err) + "\n")
		return 255
	}
	var kept strings.Builder
	found, n := false, 0
	for line := range strings.Lines(string(data)) {
		n++
		if !strings.HasPrefix(line, host+" ") {
			kept.WriteString(line)
			continue
		}
		found = true
		if c.Printf("# Host %s found: line %d\n", host, n); f.Has("F") {
			c.Print(line)
		}
	}
	switch {
	case f.Has("F") && !found:
		return 1
	case f.Has("F"):
	case !found:
		c.Err.Print("Host " + host + " not found in " + file + "\n")
	default:
		if err := c.View().WriteFile(c.Path(file), []byte(kept.String()), 0o600); err == nil {
			c.Print(file + " updated.\nOriginal contents retained as " + file + ".old\n")
		}
	}
	return 0
}

const keyscanUsage = "usage: ssh-keyscan [-46cDHv] [-f file] [-p port] [-T timeout] [-t type]\n\t\t   [host | addrlist namelist]\n"

func keyscan(c *program.Call) int {
	f, rest, ok := letters(c, "cDHv46p:T:t:f:O:", keyscanUsage, 0)
	if !ok || len(rest) == 0 && !f.Has("f") {
		if ok {
			c.Err.Print(keyscanUsage)
		}
		return 1
	}
	status := 1
	for i, name := range rest {
		if i > 63 || c.Busy() {
			break
		}
		l := newLogin(c, f, name, "p")
		c.Kernel.Wanted("probe", "ssh-keyscan "+name)
		r, ok := lookup(c, name)
		if !ok {
			return 1
		}
		if r.fail != 0 {
			c.Err.Print("getaddrinfo " + name + ": " + r.fail.Text() + "\r\n")
			continue
		}
		if !r.connect(c, l.port, 5e9) {
			return 1
		}
		if r.link.Answer != 0 || r.link.Local {
			continue
		}
		status = 0
		c.Err.Print(fmt.Sprintf("# %s:%d %s\n", name, l.port, strings.TrimSpace(greeting(r, 22))))
		c.Print(name + " ssh-ed25519 " + base64.StdEncoding.EncodeToString(serverKey(r)) + "\n")
	}
	return status
}
