package syncfile

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

func (p *parser) sync(b *hclsyntax.Block) Sync {
	r := p.read(b, "sync")
	s := Sync{
		Name: b.Labels[0], Declared: b.DefRange(), Repository: r.repository(), Path: r.inside(), Ref: r.ref(),
		Interval:   r.span("interval", DefaultInterval, MinInterval, maxInterval),
		Timeout:    r.span("timeout", DefaultTimeout, time.Second, maxTimeout),
		CAFile:     r.path("ca_file"),
		Insecure:   r.flag("insecure"),
		MaxSize:    r.size("max_size", DefaultMaxSize),
		Policy:     Policy(r.text("policy")),
		AllowEmpty: r.flag("allow_empty"), Rollback: r.flag("rollback"), Suspend: r.flag("suspend"), Submodules: r.flag("submodules"),
		MaxDestroy: r.limit(), DependsOn: r.names("depends_on", b.Labels[0]),
		State: r.path("state"), VarFiles: r.paths("var_files"), Variables: r.variables(), Runtime: r.text("runtime"),
		Intel:   r.path("intel_database"),
		Secrets: r.path("secrets"), ModuleHosts: r.hosts("module_hosts"),
		Resync: r.span("resync", DefaultResync, MinInterval, maxInterval),
	}
	s.Jitter = r.span("jitter", s.Interval/defaultJitterPer, 0, s.Interval)
	if n, ok := r.integer("parallelism", 1, maxParallel); ok {
		s.Parallelism = int(n)
	}
	if s.Policy == "" {
		s.Policy = Auto
	}
	if inner := r.single("auth"); inner != nil {
		s.Auth = p.auth(inner, &s)
	} else if isSSH(s.Repository) {
		p.fail(r.place("repository"), "The repository is reached by SSH, and there is no key", "Write auth { ssh_key_file = ..., known_hosts_file = ... }, each argument on a line of its own.")
	}
	s.Verify.Mode = Unverified
	if inner := r.single("verify"); inner != nil {
		s.Verify = p.verify(inner)
	} else {
		p.warn(s.Declared, fmt.Sprintf("sync %q: commits are not verified", s.Name),
			"Whoever can write to the repository, or to what stands between, decides what runs here. Write verify { signer \"NAME\" { ssh_key_files = [...] } }, or verify { mode = \"none\" } if that is meant.")
	}
	if s.Insecure {
		p.warn(r.place("insecure"), fmt.Sprintf("sync %q: the server is not authenticated", s.Name), "Anybody on the way can stand in for it. Name its certificate with ca_file, or its host key with known_hosts_file.")
	}
	for _, inner := range r.blocks("window") {
		if !p.labels(inner) {
			continue
		}
		w := p.window(inner)
		if i := slices.IndexFunc(s.Windows, func(o Window) bool { return o.Name == w.Name }); i >= 0 {
			p.fail(w.Declared, fmt.Sprintf("window %q stands twice in sync %q", w.Name, s.Name), "The first one stands at %s; rename one of them.", place(s.Windows[i].Declared))
			continue
		}
		s.Windows = append(s.Windows, w)
	}
	return s
}

// single is the block of a type that may stand once.
func (r *reader) single(kind string) *hclsyntax.Block {
	all := r.blocks(kind)
	if len(all) == 0 {
		return nil
	}
	for _, again := range all[1:] {
		r.fail(again.DefRange(), fmt.Sprintf("%s stands twice in %s", kind, r.where), "The first one stands at %s; put all in one.", place(all[0].DefRange()))
	}
	if !r.labels(all[0]) {
		return nil
	}
	return all[0]
}

// schemes that a repository may have.
var schemes = []string{"file", "git", "http", "https", "ssh"}

// repository is where the repository is; a password in it is an error whose line
// is not shown.
func (r *reader) repository() string {
	s := r.text("repository")
	at := r.place("repository")
	switch {
	case s == "":
		return ""
	case strings.HasPrefix(s, "-"):
		r.fail(at, "A repository cannot begin with -", "Write a URL, host:path or an absolute path.")
		return ""
	case filepath.IsAbs(s):
		return filepath.Clean(s)
	case !strings.Contains(s, "://"):
		if !validSCP.MatchString(s) {
			r.fail(at, fmt.Sprintf("%q is no repository", s), "Write a URL such as \"https://git.example.com/decoys.git\", host:path as ssh takes it, or an absolute path.")
			return ""
		}
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		r.diags = append(r.diags, withheld(diag.Error(at, "The repository's URL cannot be read", "Write one such as \"https://git.example.com/decoys.git\". The line is not shown, since there may be a password in it.")))
		return ""
	}
	_, password := u.User.Password()
	if password || u.User != nil && u.Scheme != "ssh" || u.RawQuery != "" || u.Fragment != "" {
		r.diags = append(r.diags, withheld(diag.Error(at, "A repository's URL holds nobody's name, no password and no query", "Put the token into a file that only the daemon may read, and name it: auth { token_file = \"/etc/decnet/token\" }. The line is not shown; if there was a secret on it, change the secret.")))
		return ""
	}
	if !slices.Contains(schemes, u.Scheme) {
		r.diags = append(r.diags, diag.Unknown(at, "way to a repository called", u.Scheme, schemes))
		return ""
	}
	if u.Scheme != "file" && u.Hostname() == "" || u.Path == "" || u.Path == "/" {
		r.fail(at, fmt.Sprintf("%q is no repository", s), "A host or the path of the repository is missing.")
		return ""
	}
	return s
}

func withheld(d *hcl.Diagnostic) *hcl.Diagnostic {
	d.Extra = diag.Withheld{}
	return d
}

func isSSH(repository string) bool {
	return strings.HasPrefix(repository, "ssh://") || !strings.Contains(repository, "://") && !filepath.IsAbs(repository) && repository != ""
}

// inside is the directory in the repository.
func (r *reader) inside() string {
	s := r.text("path")
	if s == "" {
		return "."
	}
	clean := path.Clean(s)
	if path.IsAbs(s) || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(s, `\`) || slices.ContainsFunc(strings.Split(clean, "/"), func(e string) bool { return strings.EqualFold(e, ".git") }) {
		r.fail(r.place("path"), fmt.Sprintf("%q is no directory of the repository", s), "It is relative to the root of the repository and stays within.")
		return "."
	}
	return clean
}

// ref is the one thing that is followed.
func (r *reader) ref() Ref {
	var all []Ref
	for _, kind := range []Kind{Branch, Tag, Semver, Commit} {
		if r.given(string(kind)) {
			all = append(all, Ref{Kind: kind, Name: r.text(string(kind))})
		}
	}
	if len(all) != 1 {
		if len(all) == 0 {
			r.fail(r.at, r.where+" follows nothing", `Write one of branch = "main", tag, semver and commit.`)
		} else {
			r.fail(r.place(string(all[1].Kind)), fmt.Sprintf("%s follows a %s and a %s", r.where, all[0].Kind, all[1].Kind), "One of branch, tag, semver and commit is given.")
		}
		return Ref{}
	}
	ref, at := all[0], r.place(string(all[0].Kind))
	switch ref.Kind {
	case Branch, Tag:
		if ref.Name != "" && !refName(ref.Name) {
			r.fail(at, fmt.Sprintf("%q is no name of a %s", ref.Name, ref.Kind), "See git-check-ref-format(1). Write it without refs/heads/ or refs/tags/.")
		}
	case Semver:
		if _, err := version.NewConstraint(ref.Name); ref.Name != "" && err != nil {
			r.fail(at, fmt.Sprintf("%q is no range of versions", ref.Name), `Write one such as "~> 1.2", ">= 1.0, < 2.0" or "1.4.2".`)
		}
	case Commit:
		if ref.Name = strings.ToLower(ref.Name); ref.Name != "" && !validCommit.MatchString(ref.Name) {
			r.fail(at, fmt.Sprintf("%q is no commit", ref.Name), "It is written in full: 40 hexadecimal digits, or 64.")
		}
	}
	return ref
}

// refName follows git-check-ref-format(1).
func refName(s string) bool {
	if strings.HasPrefix(s, "refs/") || strings.HasPrefix(s, "-") || strings.HasSuffix(s, ".") || s == "@" || s == "HEAD" ||
		strings.ContainsAny(s, " ~^:?*[\\\x7f") || strings.Contains(s, "..") || strings.Contains(s, "@{") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(s, "/"), func(e string) bool {
		return e == "" || e[0] == '.' || strings.HasSuffix(e, ".lock")
	})
}

// hosts are names of hosts, in lower case.
func (r *reader) hosts(name string) []string {
	out := r.texts(name)
	for i := range out {
		if out[i] = strings.ToLower(out[i]); !validHost.MatchString(out[i]) {
			r.fail(r.place(name), fmt.Sprintf("%q is no host", out[i]), "Write its name, such as \"git.example.com\" or \"git.example.com:8443\", without https://.")
		}
	}
	return out
}

// limit is max_destroy: 5 or "25%".
func (r *reader) limit() Limit {
	a := r.body.Attributes["max_destroy"]
	if a == nil {
		return Limit{}
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String || !v.IsKnown() {
		n, ok := r.integer("max_destroy", 0, 1<<20)
		return Limit{Set: ok, Count: int(n)}
	}
	n, err := strconv.Atoi(strings.TrimSuffix(v.AsString(), "%"))
	if err != nil || !strings.HasSuffix(v.AsString(), "%") || n < 0 || n > 100 {
		r.fail(a.Expr.Range(), "max_destroy is a number or a percentage", `Write max_destroy = 5 or max_destroy = "25%%".`)
		return Limit{}
	}
	return Limit{Set: true, Percent: n, Relative: true}
}

func (r *reader) variables() []schema.Value {
	v, ok := r.value("variables", cty.NilType)
	if !ok {
		return nil
	}
	if !v.Type().IsObjectType() || v.LengthInt() > maxListed {
		r.fail(r.place("variables"), "variables is a map", "Write variables = { NAME = VALUE }, %d at most.", maxListed)
		return nil
	}
	var out []schema.Value
	for name, value := range v.AsValueMap() {
		if !validName.MatchString(name) {
			r.fail(r.place("variables"), fmt.Sprintf("No variable can be called %q", name), "Take letters, digits, _ and -, a letter first.")
			continue
		}
		out = append(out, schema.Value{Name: name, Origin: r.where, Given: value, At: r.place("variables")})
	}
	slices.SortFunc(out, func(a, b schema.Value) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (p *parser) auth(b *hclsyntax.Block, s *Sync) Auth {
	r := p.read(b, "auth")
	a := Auth{TokenFile: r.path("token_file"), Username: r.text("username"), SSHKeyFile: r.path("ssh_key_file"), PassphraseFile: r.path("passphrase_file"), KnownHostsFile: r.path("known_hosts_file")}
	token, key := r.given("token_file"), r.given("ssh_key_file")
	web := strings.HasPrefix(s.Repository, "http")
	switch {
	case s.Repository == "": // said already
	case token && key:
		p.fail(r.at, "auth has a token and a key", "A token is for HTTPS, a key for SSH: keep the one that the repository takes.")
	case isSSH(s.Repository) && !key:
		p.fail(r.at, "The repository is reached by SSH, and auth has no ssh_key_file", "Write ssh_key_file = \"/etc/decnet/id_ed25519\".")
	case web && !token:
		p.fail(r.at, "The repository is reached by HTTP, and auth has no token_file", "Write token_file = \"/etc/decnet/token\", or leave auth out.")
	case !web && !isSSH(s.Repository):
		p.fail(r.at, "Nobody is asked for at this repository", "Leave auth out.")
	case isSSH(s.Repository) && !r.given("known_hosts_file") && !s.Insecure:
		p.fail(r.at, "auth has no known_hosts_file", "Without it nobody knows whether the server is the right one. Make one with ssh-keyscan, compare it with what the service publishes, and write known_hosts_file = \"/etc/decnet/known_hosts\".")
	case strings.HasPrefix(s.Repository, "http://") && !s.Insecure:
		p.fail(r.at, "A token would be sent in clear", "Write https:// in repository.")
	}
	for _, pair := range [][2]string{{"username", "token_file"}, {"passphrase_file", "ssh_key_file"}, {"known_hosts_file", "ssh_key_file"}} {
		if r.given(pair[0]) && !r.given(pair[1]) {
			p.fail(r.place(pair[0]), fmt.Sprintf("%s stands beside no %s", pair[0], pair[1]), "Add the one or leave the other out.")
		}
	}
	if token && a.Username == "" {
		a.Username = "git"
	}
	return a
}

func (p *parser) verify(b *hclsyntax.Block) Verify {
	r := p.read(b, "verify")
	v := Verify{Mode: Mode(r.text("mode")), AllowedSignersFile: r.path("allowed_signers_file")}
	for _, inner := range r.blocks("signer") {
		if !p.labels(inner) {
			continue
		}
		s := p.signer(inner)
		if i := slices.IndexFunc(v.Signers, func(o Signer) bool { return o.Name == s.Name }); i >= 0 {
			p.fail(s.Declared, fmt.Sprintf("signer %q stands twice", s.Name), "The first one stands at %s; put all keys in one, or rename it.", place(v.Signers[i].Declared))
			continue
		}
		v.Signers = append(v.Signers, s)
	}
	if v.Mode == "" {
		v.Mode = Tip
		if slices.ContainsFunc(v.Signers, func(s Signer) bool { return len(s.Paths) > 0 }) {
			v.Mode = Every
		}
	}
	signed := len(r.blocks("signer")) > 0 || r.given("allowed_signers_file")
	if v.Mode == Unverified && signed {
		p.fail(r.place("mode"), "Signers are named, and nothing is verified", "Write mode = \"tip\" or \"every\", or leave the signers out.")
	}
	if v.Mode != Unverified && !signed {
		p.fail(r.at, "verify names no signer", "Write signer \"NAME\" { ssh_key_files = [...] }, or allowed_signers_file.")
	}
	return v
}

func (p *parser) signer(b *hclsyntax.Block) Signer {
	r := p.read(b, "signer")
	s := Signer{Name: b.Labels[0], Declared: b.DefRange(), SSHKeys: r.texts("ssh_keys"), SSHKeyFiles: r.paths("ssh_key_files"), OpenPGPKeyFiles: r.paths("openpgp_key_files"), Paths: r.texts("paths")}
	if !r.given("ssh_keys") && !r.given("ssh_key_files") && !r.given("openpgp_key_files") {
		p.fail(r.at, fmt.Sprintf("signer %q has no key", s.Name), "Write ssh_key_files, ssh_keys or openpgp_key_files.")
	}
	for i, key := range s.SSHKeys {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key)); err != nil {
			p.fail(r.place("ssh_keys"), fmt.Sprintf("Element %d of ssh_keys is no public key", i), "Write a line such as \"ssh-ed25519 AAAA... somebody\", as it stands in a .pub file.")
		}
	}
	if r.given("paths") && len(s.Paths) == 0 {
		p.fail(r.place("paths"), fmt.Sprintf("signer %q may change no file", s.Name), "Leave paths out for every file.")
	}
	for _, pattern := range s.Paths {
		if _, err := path.Match(pattern, ""); err != nil || path.IsAbs(pattern) || slices.Contains(strings.Split(pattern, "/"), "..") {
			p.fail(r.place("paths"), fmt.Sprintf("%q is no pattern of files in the repository", pattern), "Write a folder or a file, such as \"sites/berlin\" or \"*.hcl\".")
		}
	}
	return s
}
