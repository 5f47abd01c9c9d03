// Package telnet is the face of a telnet server: inetutils' or netkit's
// telnetd, or busybox', with the login program that goes with it, and then the
// same shell that ssh has. It owns the negotiation of options, the terminal
// between client and program, and the words of login; it runs nothing and
// reaches no other host.
package telnet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/login"
	"github.com/decnet/decnet/providers/decky/machine"
)

// Config is the service's configuration.
type Config struct {
	Server   string            `json:"server" doc:"Whose telnetd it is. Default: the distro's own." oneof:"inetutils netkit busybox"`
	Users    map[string]string `json:"users" doc:"Accounts that may log in, with their passwords. Nobody may by default." sensitive:"true"`
	Policy   string            `json:"policy" doc:"Who gets in beside them: nobody (users), a well-known default login of the decky's own (weak), or a source that has guessed long enough, with that guess from then on (patient)." default:"users" oneof:"users weak patient"`
	Attempts int               `json:"attempts" doc:"Distinct guesses that the policy patient takes at least. Default: 4."`
	Issue    string            `json:"issue" doc:"What /etc/issue.net says: shown before the login by netkit and busybox. \\n is the host's name, \\l the terminal, \\r the kernel, \\m the machine, \\s the system. Default: the distro's own."`
	Record   bool              `json:"record" doc:"Whether sessions that logged in are kept as asciicast recordings." default:"true"`
}

// maxIssue bounds the text before the login.
const maxIssue = 4096

// Validate refuses what no issue.net holds and what no policy is.
func (c *Config) Validate() error {
	if len(c.Issue) > maxIssue || strings.ContainsRune(c.Issue, 0) {
		return fmt.Errorf("issue holds a NUL or is longer than %d bytes", maxIssue)
	}
	if err := c.policy().Validate(); err != nil {
		return err
	}
	for user := range c.Users {
		if strings.ContainsAny(user, ":\n\r\x00") {
			return errors.New("users holds a name with a colon or a line break")
		}
	}
	return nil
}

func (c *Config) policy() login.Config {
	return login.Config{Users: c.Users, Policy: c.Policy, Attempts: c.Attempts}
}

// New is the service "telnet".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "telnet", Summary: "Telnet server with a shell that runs nothing",
		Ports: []decky.Port{{Number: 23, Transport: "tcp"}},
	}, open)
}

// handler is one decky's telnetd.
type handler struct {
	config Config
	env    decky.Env
	face   face
	policy *login.Policy
	hosts  *machine.Hosts

	mu   sync.Mutex
	ttys []int // in use
}

func open(config Config, env decky.Env) (decky.Handler, error) {
	policy, err := login.Open(env, config.policy())
	if err != nil {
		return nil, err
	}
	return &handler{config: config, env: env, face: faceOf(config.Server, env.Host), policy: policy, hosts: machine.Of(env)}, nil
}

// Flush implements decky.Flusher.
func (h *handler) Flush() error { return h.hosts.Flush() }

// takeTTY is the first free number of a terminal.
func (h *handler) takeTTY() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for slices.Contains(h.ttys, n) {
		n++
	}
	h.ttys = append(h.ttys, n)
	return n
}

func (h *handler) freeTTY(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ttys = slices.DeleteFunc(h.ttys, func(x int) bool { return x == n })
}

// hostname is what gethostname tells.
func (h *handler) hostname() string {
	if h.env.Host.Hostname == "" {
		return "localhost"
	}
	return h.env.Host.Hostname
}

func (h *handler) info(n int) hostinfo {
	i := hostinfo{name: h.hostname(), fqdn: h.hostname(), kernel: h.env.Host.Kernel, tty: fmt.Sprintf("pts/%d", n)}
	if h.env.Host.Domain != "" {
		i.fqdn += "." + h.env.Host.Domain
	}
	if i.kernel == "" {
		i.kernel = "6.1.0-28-amd64"
	}
	issue := h.config.Issue
	if issue == "" {
		issue = h.face.issue(h.env.Host)
	}
	i.issue = strings.NewReplacer(`\n`, i.name, `\l`, i.tty, `\r`, i.kernel, `\m`, h.env.Host.Machine, `\s`, "Linux", `\\`, `\`).Replace(issue)
	return i
}
