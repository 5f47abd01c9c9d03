package schema

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/textproto"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/notification"
)

// Types of sinks.
const (
	SinkFile         = "file"
	SinkSyslog       = "syslog"
	SinkWebhook      = "webhook"
	SinkSlack        = "slack"
	SinkEmail        = "email"
	SinkCommitStatus = "commit_status"
)

// sinkType is what a type of sink takes besides type.
type sinkType struct{ needs, takes []string }

// filterArguments are those that choose what a sink is told.
var filterArguments = []string{"severity", "addresses", "events", "dedup"}

var sinkTypes = map[string]sinkType{
	SinkFile:    {needs: []string{"path"}},
	SinkSyslog:  {needs: []string{"address"}, takes: filterArguments},
	SinkWebhook: {needs: []string{"url"}, takes: with("method", "headers", "body", "secret_file", "token_file", "ca_file")},
	SinkSlack:   {needs: []string{"url_file"}, takes: with("ca_file")},
	SinkEmail:   {needs: []string{"host", "from", "to"}, takes: with("port", "tls", "username", "password_file", "ca_file")},
	SinkCommitStatus: {
		needs: []string{"provider", "repository", "token_file"}, takes: with("api_url", "context", "ca_file"),
	},
}

func with(more ...string) []string { return append(more, filterArguments...) }

// Values that arguments of a sink take.
var (
	sinkProviders = []string{"gitea", "github", "gitlab"}
	sinkTLS       = []string{"none", "starttls", "tls"}
)

// publicAPIs are the APIs of the public services.
var publicAPIs = map[string]string{"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}

// Limits of a sink.
const (
	maxSinkList   = 64
	maxSinkHeader = 1 << 10
	maxDedup      = 30 * 24 * time.Hour
)

// sinkArgument is where an argument of a sink is kept: one of these is set.
type sinkArgument struct {
	text    func(*Sink) *string
	number  func(*Sink) *int
	list    func(*Sink) *[]string
	mapping func(*Sink) *map[string]string
}

var sinkArguments = map[string]sinkArgument{
	"type":          {text: func(s *Sink) *string { return &s.Type }},
	"path":          {text: func(s *Sink) *string { return &s.Path }},
	"address":       {text: func(s *Sink) *string { return &s.Address }},
	"severity":      {text: func(s *Sink) *string { return (*string)(&s.Severity) }},
	"addresses":     {list: func(s *Sink) *[]string { return &s.Addresses }},
	"events":        {list: func(s *Sink) *[]string { return &s.Events }},
	"dedup":         {text: func(s *Sink) *string { return &s.Dedup }},
	"url":           {text: func(s *Sink) *string { return &s.URL }},
	"method":        {text: func(s *Sink) *string { return &s.Method }},
	"headers":       {mapping: func(s *Sink) *map[string]string { return &s.Headers }},
	"body":          {text: func(s *Sink) *string { return &s.Body }},
	"secret_file":   {text: func(s *Sink) *string { return &s.SecretFile }},
	"url_file":      {text: func(s *Sink) *string { return &s.URLFile }},
	"host":          {text: func(s *Sink) *string { return &s.Host }},
	"port":          {number: func(s *Sink) *int { return &s.Port }},
	"tls":           {text: func(s *Sink) *string { return &s.TLS }},
	"username":      {text: func(s *Sink) *string { return &s.Username }},
	"password_file": {text: func(s *Sink) *string { return &s.PasswordFile }},
	"from":          {text: func(s *Sink) *string { return &s.From }},
	"to":            {list: func(s *Sink) *[]string { return &s.To }},
	"provider":      {text: func(s *Sink) *string { return &s.Provider }},
	"api_url":       {text: func(s *Sink) *string { return &s.APIURL }},
	"repository":    {text: func(s *Sink) *string { return &s.Repository }},
	"token_file":    {text: func(s *Sink) *string { return &s.TokenFile }},
	"context":       {text: func(s *Sink) *string { return &s.Context }},
	"ca_file":       {text: func(s *Sink) *string { return &s.CAFile }},
}

// sinkArgumentNames are the arguments of a sink block, sorted.
func sinkArgumentNames() []string { return slices.Sorted(maps.Keys(sinkArguments)) }

// SinkTypes are the types of sinks, sorted.
func SinkTypes() []string { return slices.Sorted(maps.Keys(sinkTypes)) }

// SinkFault is what is wrong with one argument of a sink. It never has a value
// of a file in it.
type SinkFault struct {
	Argument  string
	Summary   string
	Detail    string // what to do
	Line      int    // of a body, from 1; 0: the whole argument
	secret    bool   // what stands there may be a secret and is not shown
	misplaced bool   // the type has no such argument
}

func (f SinkFault) Error() string { return f.Summary + ": " + f.Detail }

// Rooted is s with its relative paths below dir.
func (s Sink) Rooted(dir string) Sink {
	for _, file := range []*string{&s.Path, &s.SecretFile, &s.URLFile, &s.PasswordFile, &s.TokenFile, &s.CAFile} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
	return s
}

// Check finds what is wrong with a sink, in the order of its arguments. given
// tells which arguments are written; nil: those that are not empty.
func (s Sink) Check(given func(argument string) bool) []SinkFault {
	c := sinkCheck{Sink: s, given: given}
	if given == nil {
		c.given = func(argument string) bool { return !s.empty(argument) }
	}
	ty, known := sinkTypes[s.Type]
	if !known {
		return []SinkFault{{Argument: "type", Summary: fmt.Sprintf("There is no sink type %q", s.Type), Detail: "There are " + enumerated(SinkTypes()) + "."}}
	}
	for _, name := range ty.needs {
		switch {
		case !c.given(name):
			c.fault("", fmt.Sprintf("%s is missing in sink %q", name, path.Ext("." + s.Name)[1:]), "A sink of type %q needs it.", s.Type)
		case s.empty(name):
			c.fault(name, name+" is empty", "A sink of type %q needs it.", s.Type)
		}
	}
	for _, name := range sinkArgumentNames() {
		if name != "type" && c.given(name) && !slices.Contains(ty.needs, name) && !slices.Contains(ty.takes, name) {
			c.fault(name, fmt.Sprintf("A sink of type %q has no %s", s.Type, name), "It takes %s.", enumerated(append(slices.Clone(ty.needs), ty.takes...)))
			c.faults[len(c.faults)-1].misplaced = true
			c.faults[len(c.faults)-1].secret = name == "url" // of a chat
		}
	}
	c.filters()
	c.receiver()
	return c.faults
}

func enumerated(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// empty tells whether an argument has no value.
func (s Sink) empty(argument string) bool {
	a := sinkArguments[argument]
	switch {
	case a.text != nil:
		return *a.text(&s) == ""
	case a.number != nil:
		return *a.number(&s) == 0
	case a.list != nil:
		return len(*a.list(&s)) == 0
	}
	return a.mapping == nil || len(*a.mapping(&s)) == 0
}

// sinkCheck gathers faults.
type sinkCheck struct {
	Sink

	given  func(string) bool
	faults []SinkFault
}

func (c *sinkCheck) fault(argument, summary, format string, args ...any) {
	c.faults = append(c.faults, SinkFault{Argument: argument, Summary: summary, Detail: fmt.Sprintf(format, args...)})
}

// choice wants an argument that is given to be one of some.
func (c *sinkCheck) choice(argument, value string, choices []string) {
	if value != "" && !slices.Contains(choices, value) {
		verb := "There are"
		if len(choices) == 1 {
			verb = "It is"
		}
		c.fault(argument, fmt.Sprintf("%s cannot be %q", argument, value), "%s %s.", verb, enumerated(choices))
	}
}

// filters checks what every sink of notifications has.
func (c *sinkCheck) filters() {
	severities := make([]string, 0, 3)
	for _, s := range notification.Severities() {
		severities = append(severities, string(s))
	}
	c.choice("severity", string(c.Severity), severities)
	for _, a := range c.Addresses {
		if _, err := addr.Parse(a); err != nil {
			c.fault("addresses", fmt.Sprintf("%q is no address", a), "Write decky.NAME, decky.NAME[0], module.NAME or network.NAME, as --target takes them.")
		}
	}
	for _, pattern := range c.Events {
		if !slices.ContainsFunc(notification.Kinds(), func(k notification.Kind) bool { return eventMatches(pattern, k) }) {
			kinds := make([]string, 0, 16)
			for _, k := range notification.Kinds() {
				kinds = append(kinds, string(k))
			}
			c.fault("events", fmt.Sprintf("No notification is of kind %q", pattern), "There are %s; sync.* stands for all that begin so.", enumerated(kinds))
		}
	}
	if len(c.Addresses) > maxSinkList || len(c.Events) > maxSinkList {
		c.fault("events", "A filter is too long", "It has up to %d entries.", maxSinkList)
	}
	if c.Dedup != "" {
		if d, err := time.ParseDuration(c.Dedup); err != nil || d < 0 || d > maxDedup {
			c.fault("dedup", "This is no duration", "Write a number with a unit, such as \"90s\", \"10m\" or \"24h\", up to 720h; %q is none.", c.Dedup)
		}
	}
}

func eventMatches(pattern string, kind notification.Kind) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(string(kind), prefix) && (prefix == "" || strings.HasSuffix(prefix, "."))
	}
	return pattern == string(kind)
}

// Wants tells whether a sink's filters let a notification through. A test is
// let through always; what is about no address at all is not held back by
// addresses.
func (s Sink) Wants(n notification.Notification) bool {
	if n.Kind == notification.Test {
		return true
	}
	if !n.Severity.AtLeast(s.Severity) {
		return false
	}
	if len(s.Events) > 0 && !slices.ContainsFunc(s.Events, func(p string) bool { return eventMatches(p, n.Kind) }) {
		return false
	}
	return len(s.Addresses) == 0 || n.Address == "" || slices.ContainsFunc(s.Addresses, func(p string) bool {
		return addr.Covers(addr.Address(p), addr.Address(n.Address))
	})
}

// DedupWindow is how long the same news is told once only; 0: always.
func (s Sink) DedupWindow() time.Duration {
	d, err := time.ParseDuration(s.Dedup)
	if err != nil {
		return 0
	}
	return max(d, 0)
}

// receiver checks what depends on the type.
func (c *sinkCheck) receiver() {
	switch c.Type {
	case SinkSyslog:
		c.syslog()
	case SinkWebhook:
		c.webhook()
	case SinkEmail:
		c.email()
	case SinkCommitStatus:
		c.choice("provider", c.Provider, sinkProviders)
		if c.APIURL != "" {
			c.httpURL("api_url", c.APIURL)
		} else if publicAPIs[c.Provider] == "" && slices.Contains(sinkProviders, c.Provider) {
			c.fault("", fmt.Sprintf("api_url is missing in sink %q", c.Name), "%s runs on hosts of its users: write api_url = \"https://git.example.com/api/v1\".", c.Provider)
		}
		if c.Repository != "" && !repositoryPath.MatchString(c.Repository) && (c.Provider != "gitlab" || !digitsOnly(c.Repository)) {
			c.fault("repository", "This is no path of a repository", "Write owner/name, without the host and without .git.")
			c.faults[len(c.faults)-1].secret = strings.Contains(c.Repository, "@")
		}
		if len(c.Context) > 100 || strings.ContainsFunc(c.Context, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			c.fault("context", "context is not accepted", "It is one line of up to 100 bytes.")
		}
	}
}

// API is where the commit statuses of a sink go: api_url, or that of the public
// service.
func (s Sink) API() string {
	if s.APIURL != "" {
		return s.APIURL
	}
	return publicAPIs[s.Provider]
}

var repositoryPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)

func digitsOnly(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

func (c *sinkCheck) syslog() {
	if c.Address == "" {
		return
	}
	u, err := url.Parse(c.Address)
	if err != nil || !slices.Contains(syslogSchemes, u.Scheme) || u.Scheme == "unix" && u.Path == "" || u.Scheme != "unix" && u.Port() == "" {
		c.fault("address", "This is no address of a syslog receiver", "Write unix:///dev/log, udp://127.0.0.1:514 or tcp://127.0.0.1:601.")
	}
}

// forbiddenHeaders are those that the sender writes himself, or that hold
// secrets, which stand in files.
var forbiddenHeaders = map[string]string{
	"Authorization": "Name the file with the bearer token: token_file.", "Proxy-Authorization": "No proxy is used.",
	"Cookie": "A cookie is a secret; name the file with a bearer token: token_file.", "X-Api-Key": "A key is a secret; name the file with a bearer token: token_file.",
	"Private-Token": "A token is a secret; name the file with a bearer token: token_file.",
	"Host":          "It follows from url.", "Content-Length": "It is counted.", "Transfer-Encoding": "It is decided by the sender.",
	"Connection": "It is decided by the sender.", "Upgrade": "It is decided by the sender.", "Te": "It is decided by the sender.",
	"Trailer": "It is decided by the sender.", "X-Decnet-Signature": "It follows from secret_file.", "X-Decnet-Delivery": "It is the notification's id.",
}

func (c *sinkCheck) webhook() {
	c.httpURL("url", c.URL)
	c.choice("method", c.Method, []string{"POST"})
	if len(c.Headers) > maxSinkList {
		c.fault("headers", "There are too many headers", "Up to %d are sent.", maxSinkList)
	}
	before, secret := len(c.faults), false
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		value := c.Headers[name]
		why, forbidden := forbiddenHeaders[textproto.CanonicalMIMEHeaderKey(name)]
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || len(name)+len(value) > maxSinkHeader:
			c.fault("headers", fmt.Sprintf("%q is no header", name), "A name has letters, digits and hyphens, a value is one line, and both have up to %d bytes.", maxSinkHeader)
		case forbidden:
			c.fault("headers", fmt.Sprintf("The header %s is not accepted", name), "%s", why)
			secret = true
		}
	}
	for i := range c.faults[before:] {
		c.faults[before+i].secret = secret // they stand together
	}
	if c.Body == "" {
		return
	}
	if _, err := notification.ParseTemplate(c.Body); err != nil {
		fault := SinkFault{Argument: "body", Summary: "The template of the body is wrong", Detail: sentence(err.Error()) + "."}
		var wrong *notification.TemplateError
		if errors.As(err, &wrong) {
			fault.Line, fault.Detail = wrong.Line, sentence(wrong.Err.Error())+"."
		}
		c.faults = append(c.faults, fault)
	}
}

// httpURL wants https, or http to this machine, and nothing secret in it.
func (c *sinkCheck) httpURL(argument, text string) {
	if text == "" {
		return
	}
	if err := CheckURL(text); err != nil {
		c.fault(argument, argument+" is not accepted", "%s.", sentence(err.Error()))
		c.faults[len(c.faults)-1].secret = strings.Contains(text, "@")
	}
}

// CheckURL tells why nothing may be sent to a URL: only https leaves the
// machine, and credentials stand in files. Its error does not quote the URL.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("write https://HOST/PATH")
	case u.User != nil:
		return errors.New("a user name or a password does not stand in a URL; name a file: token_file")
	case u.Fragment != "":
		return errors.New("a fragment is not sent")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		return errors.New("plain http is allowed to this machine only, or anybody on the way reads it; write https")
	}
	return nil
}

// Loopback tells whether a host as it is written is this machine for certain.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
