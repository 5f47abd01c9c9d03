// Package secret holds what makes hashes and random bytes: openssl. What it
// computes is real and its cost is bounded; a connection
// that is wanted is put on record and refused. It refuses ciphers and
// certificates: those commands stay unanswered.
package secret

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/crypt"
	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{"openssl": openssl}
}

// digests by the names of OpenSSL 3, as output shows them.
var digests = map[string]struct {
	shown string
	make  func() hash.Hash
}{
	"md5": {"MD5", md5.New}, "sha1": {"SHA1", sha1.New}, "sha224": {"SHA2-224", sha256.New224}, "sha256": {"SHA2-256", sha256.New}, "sha384": {"SHA2-384", sha512.New384}, "sha512": {"SHA2-512", sha512.New},
}

// dates are when releases of OpenSSL were made.
var dates = map[string]string{"1.0.2k": "26 Jan 2017", "1.1.1f": "31 Mar 2020", "3.0.2": "15 Mar 2022", "3.0.15": "3 Sep 2024", "3.0.19": "27 Jan 2026", "3.2.2": "4 Jun 2024", "3.2.1": "30 Jan 2024", "3.3.2": "3 Sep 2024", "3.4.0": "22 Oct 2024", "3.1.4": "24 Oct 2023"}

// release is what this host has installed, with its date.
func release(c *program.Call) (version, date string) {
	version = "3.0.15"
	for _, p := range image.Packages(c.Machine.Release) {
		if p.Name == "openssl" {
			version = p.Version[strings.IndexByte(p.Version, ':')+1:]
			version = version[:strings.IndexAny(version+"-", "-~+")]
		}
	}
	if date = dates[version]; date == "" {
		date = "3 Sep 2024"
	}
	return version, date
}

// openssl is the command of its first operand. Facts: OpenSSL 3.0.
func openssl(c *program.Call) int {
	if len(c.Args) == 0 {
		if _, typed := c.In.(program.Keyboard); typed && c.Out.TTY {
			return prompt(c)
		}
		c.Err.Print("help:\n\nStandard commands\nasn1parse         base64            ca                ciphers           \ncrl               dgst              dhparam           enc               \ngenrsa            passwd            pkcs12            pkey              \nrand              req               rsa               s_client          \ns_server          speed             version           x509              \n\n")
		return 0
	}
	return command(c, c.Args[0], c.Args[1:])
}

// prompt is OpenSSL's own.
func prompt(c *program.Call) int {
	for !c.Busy() {
		c.Print("OpenSSL> ")
		line, eof, err := program.ReadLine(c.In, '\n', 4096)
		words := strings.Fields(line)
		switch {
		case err != nil, eof && line == "":
			return 0
		case len(words) == 0:
		case words[0] == "quit" || words[0] == "exit" || words[0] == "q":
			return 0
		default:
			if command(c, words[0], words[1:]) != 0 {
				c.Err.Print("error in " + words[0] + "\n")
			}
		}
	}
	return 1
}

func command(c *program.Call, name string, args []string) int {
	switch name {
	case "version", "-v", "--version":
		version, date := release(c)
		if len(args) > 0 && args[0] != "-a" && args[0] != "-v" {
			return unknown(c, name, args[0])
		}
		text := "OpenSSL " + version + " " + date
		if strings.HasPrefix(version, "3") {
			text += " (Library: " + text + ")"
		}
		c.Print(text + "\n")
		if len(args) > 0 && args[0] == "-a" {
			c.Print("built on: " + c.Machine.Built.UTC().AddDate(0, -2, 0).Format("Mon Jan _2 15:04:05 2006") + " UTC\nplatform: debian-amd64\noptions:  bn(64,64)\nOPENSSLDIR: \"/usr/lib/ssl\"\nENGINESDIR: \"/usr/lib/x86_64-linux-gnu/engines-3\"\nMODULESDIR: \"/usr/lib/x86_64-linux-gnu/ossl-modules\"\nSeeding source: os-specific\n")
		}
		return 0
	case "passwd":
		return passwd(c, args)
	case "rand":
		return random(c, args)
	case "base64":
		return encode(c, name, args)
	case "enc":
		return encode(c, name, args)
	case "dgst":
		return digest(c, name, "sha256", args)
	case "s_client":
		return client(c, args)
	case "help":
		return openssl(&program.Call{Process: c.Process, Kernel: c.Kernel, Ctx: c.Ctx, Name: c.Name, Streams: c.Streams})
	case "genrsa", "req", "x509", "rsa", "pkey", "genpkey", "ca", "crl", "ciphers", "dhparam", "ec", "ecparam", "errstr", "pkcs12", "pkcs7", "pkcs8", "prime", "s_server", "s_time", "speed", "verify", "list", "aes-256-cbc", "aes-128-cbc", "des3", "asn1parse", "nseq", "ocsp", "rsautl", "pkeyutl", "sess_id", "smime", "cms", "storeutl", "ts", "kdf", "mac", "fipsinstall", "info", "rehash", "spkac", "srp", "engine", "gendsa", "dsa", "dsaparam", "pkeyparam":
		c.Kernel.Unknown()
		return 0
	}
	if _, ok := digests[name]; ok {
		return digest(c, name, name, args)
	}
	c.Err.Print("Invalid command '" + name + "'; type \"help\" for a list.\n")
	return 1
}

func unknown(c *program.Call, name, option string) int {
	c.Err.Print(name + ": Unknown option: " + option + "\n" + name + ": Use -help for summary.\n")
	return 1
}

// passwd makes a hash of crypt(5).
func passwd(c *program.Call, args []string) int {
	method, salt, from := "-1", "", ""
	var words []string
	version, _ := release(c)
	if !strings.HasPrefix(version, "3") {
		method = "-crypt"
	}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-1" || a == "-5" || a == "-6" || a == "-apr1" || a == "-crypt" || a == "-aixmd5":
			method = a
		case (a == "-salt" || a == "-in") && i+1 < len(args):
			i++
			if a == "-salt" {
				salt = args[i]
			} else {
				from = args[i]
			}
		case a == "-stdin":
			from = "-"
		case a == "-quiet" || a == "-noverify" || a == "-table":
		case strings.HasPrefix(a, "-"):
			return unknown(c, "passwd", a)
		default:
			words = append(words, a)
		}
	}
	switch {
	case from != "":
		data, err := c.Read(from)
		if err != nil {
			return missing(c, from)
		}
		words = program.Lines(data)
	case len(words) == 0:
		first, again := c.Prompt("Password: "), c.Prompt("Verifying - Password: ")
		if first == "" || first != again {
			c.Err.Print("Verify failure\nPassword verification failure\n")
			return 1
		}
		words = []string{first}
	}
	for _, word := range words {
		if c.Busy() {
			return 1
		}
		s := salt
		if s == "" {
			s = drawn(map[string]int{"-1": 8, "-apr1": 8}[method])
		}
		switch method {
		case "-5":
			c.Print(crypt.SHA256(word, s, 0) + "\n")
		case "-6":
			c.Print(crypt.SHA512(word, s, 0) + "\n")
		case "-apr1":
			c.Print(crypt.APR1(word, s) + "\n")
		case "-1":
			c.Print(crypt.MD5(word, s) + "\n")
		default:
			c.Kernel.Unknown()
			return 1
		}
	}
	return 0
}

// drawn is a salt of n characters, 16 where 0.
func drawn(n int) string {
	if n == 0 {
		n = 16
	}
	b := make([]byte, n)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[b[i]&63]
	}
	return string(b)
}

// maxRandom bounds what rand gives.
const maxRandom = 1 << 20

func random(c *program.Call, args []string) int {
	form, n, to := "", 0, ""
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-hex" || a == "-base64":
			form = a
		case a == "-out" && i+1 < len(args):
			i++
			to = args[i]
		case strings.HasPrefix(a, "-"):
			return unknown(c, "rand", a)
		default:
			number, err := strconv.Atoi(a)
			if err != nil || number < 0 {
				c.Err.Print("rand: Non-numeric number of bytes\nrand: Use -help for summary.\n")
				return 1
			}
			n = min(number, maxRandom)
		}
	}
	data := make([]byte, n)
	_, _ = rand.Read(data)
	text := string(data)
	switch form {
	case "-hex":
		text = hex.EncodeToString(data) + "\n"
	case "-base64":
		text = lines(base64.StdEncoding.EncodeToString(data))
	}
	return put(c, to, text)
}

// lines parts base64 at 64 characters.
func lines(text string) string {
	var b strings.Builder
	for len(text) > 64 {
		b.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	return b.String() + text + "\n"
}

// put writes to a file, or to standard output.
func put(c *program.Call, to, text string) int {
	if to == "" {
		c.Print(text)
		return 0
	}
	file, err := c.Open(to, vfs.Write|vfs.Create|vfs.Truncate)
	if err != nil {
		c.Err.Print("Can't open \"" + to + "\" for writing, " + vfs.Text(err) + "\n")
		return 1
	}
	_, _ = file.Write([]byte(text))
	return 0
}

// trouble is the number in front of an error of the library: a thread's.
func trouble(c *program.Call) string {
	return fmt.Sprintf("40%02X%08X7F0000", c.Machine.Number("openssl/thread", 16, 255), uint32(c.Machine.NextPID())*2654435761)
}

// missing is the complaint about a file that is not there.
func missing(c *program.Call, name string) int {
	id := trouble(c)
	c.Err.Print("Can't open \"" + name + "\" for reading, No such file or directory\n" + id + ":error:80000002:system library:BIO_new_file:No such file or directory:../crypto/bio/bss_file.c:67:calling fopen(" + name + ", rb)\n" + id + ":error:10000080:BIO routines:BIO_new_file:no such file:../crypto/bio/bss_file.c:75:\n")
	return 1
}

// encode is base64, and enc as far as it is that.
func encode(c *program.Call, name string, args []string) int {
	decode, single, plain, from, to := false, false, name == "base64", "-", ""
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-d":
			decode = true
		case a == "-e":
		case a == "-A":
			single = true
		case a == "-base64" || a == "-a":
			plain = true
		case (a == "-in" || a == "-out") && i+1 < len(args):
			i++
			if a == "-in" {
				from = args[i]
			} else {
				to = args[i]
			}
		case strings.HasPrefix(a, "-aes") || strings.HasPrefix(a, "-des") || a == "-k" || a == "-pass" || a == "-salt" || a == "-pbkdf2":
			c.Kernel.Unknown()
			return 0
		case strings.HasPrefix(a, "-"):
			c.Err.Print(name + ": Unknown option or cipher: " + strings.TrimPrefix(a, "-") + "\n" + name + ": Use -help for summary.\n")
			return 1
		default:
			c.Err.Print(name + ": Extra arguments given.\n" + name + ": Use -help for summary.\n")
			return 1
		}
	}
	data, err := c.Read(from)
	switch {
	case err != nil:
		return missing(c, from)
	case !plain:
		return put(c, to, string(data))
	case decode:
		clean := strings.Join(strings.Fields(string(data)), "")
		text, _ := base64.StdEncoding.DecodeString(clean)
		return put(c, to, string(text))
	case len(data) == 0:
		return 0
	case single:
		return put(c, to, base64.StdEncoding.EncodeToString(data))
	}
	return put(c, to, lines(base64.StdEncoding.EncodeToString(data)))
}

// digest is dgst and the digests by their own names.
func digest(c *program.Call, name, which string, args []string) int {
	short, binary := false, false
	var files []string
	for _, a := range args {
		option := strings.TrimPrefix(a, "-")
		switch _, ok := digests[option]; {
		case a == option:
			files = append(files, a)
		case ok:
			which = option
		case option == "r":
			short = true
		case option == "binary":
			binary = true
		case option == "hex" || option == "c":
		default:
			c.Err.Print(name + ": Unknown option or message digest: " + option + "\n" + name + ": Use -help for summary.\n")
			return 1
		}
	}
	d := digests[which]
	status := 0
	show := func(file string, data []byte) {
		h := d.make()
		_, _ = h.Write(data)
		sum := h.Sum(nil)
		switch {
		case binary:
			c.Print(string(sum))
		case short:
			c.Print(hex.EncodeToString(sum) + " *" + file + "\n")
		default:
			c.Print(d.shown + "(" + file + ")= " + hex.EncodeToString(sum) + "\n")
		}
	}
	if len(files) == 0 {
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		show("stdin", data)
	}
	for _, file := range files {
		data, err := c.Read(file)
		if err != nil {
			id := trouble(c)
			c.Err.Print(file + ": " + vfs.Text(err) + "\n" + id + ":error:80000002:system library:file_ctrl:" + vfs.Text(err) + ":../crypto/bio/bss_file.c:308:calling fopen(" + file + ", r)\n" + id + ":error:10080002:BIO routines:file_ctrl:system lib:../crypto/bio/bss_file.c:311:\n")
			status = 1
			continue
		}
		show(file, data)
	}
	return status
}

// client is s_client: nobody answers.
func client(c *program.Call, args []string) int {
	to := "localhost:4433"
	for i, a := range args {
		if (a == "-connect" || a == "-host") && i+1 < len(args) {
			to = args[i+1]
		}
	}
	c.Kernel.Wanted("connect", "openssl "+to)
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		host = to
	}
	id := trouble(c)
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		c.Resolving()
		c.Err.Print(id + ":error:10080002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:758:Temporary failure in name resolution\nconnect:errno=11\n")
		return 1
	}
	c.Wait(time.Duration(c.Machine.Number("net/rtt/"+host, 40, 190)) * time.Millisecond)
	c.Err.Print(id + ":error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:125:calling connect()\n" + id + ":error:10000067:BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:127:\nconnect:errno=111\n")
	return 1
}
