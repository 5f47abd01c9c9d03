package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/derive"
)

func nameRules() []Rule {
	return []Rule{
		{
			ID: "DN1060", Name: "telling-name", Severity: Error, Summary: "A host name or domain says that the host is a decoy.", Check: tellingName,
			Doc: Doc{
				Why: "The name is in the prompt, in NetBIOS and NTLM answers, in certificates and in reverse lookups.",
				Fix: "Use a name of the site's own pattern.",
			},
		},
		{
			ID: "DN1061", Name: "default-name", Severity: Warning, Summary: "A host name is the one of an unconfigured installation.", Check: defaultName,
			Doc: Doc{
				Why: "Installers propose ubuntu, debian, localhost, kali; a server in use was named by somebody.",
				Fix: "Leave hostname out, or use a name of the site's own pattern.",
			},
		},
		{
			ID: "DN1062", Name: "odd-name", Severity: Note, Summary: "A host name breaks the pattern that the rest of the site follows.", Check: oddName,
			Doc: Doc{
				Why: "Sites name hosts by a scheme. The one that does not follow it was added by somebody else.",
				Fix: "Follow the scheme: hostname = format(\"WS-%04d\", 1200 + count.index).",
			},
		},
		{
			ID: "DN1063", Name: "generated-names", Severity: Note, Summary: "Most host names are decnet's own inventions.", Check: generatedNames,
			Doc: Doc{
				Why: "Derived names are a word and a number from a list that stands in decnet's source. Who knows it recognises a fleet of them.",
				Fix: "Give the deckies names of your site's scheme with hostname = ..., and keep derived names for trials.",
			},
		},
		{
			ID: "DN1064", Name: "name-without-service", Severity: Warning, Summary: "A host name promises a service that the decky does not have.", Check: nameWithoutService,
			Doc: Doc{
				Why: "db-01 without a database, or mail without SMTP, disappoints whoever came for it.",
				Fix: "Add the service, or rename the host.",
			},
		},
		{
			ID: "DN1065", Name: "name-of-another-system", Severity: Warning, Summary: "A host name names another operating system than the decky's.", Check: nameOfAnotherSystem,
			Doc: Doc{
				Why: "ubuntu-build7 that runs CentOS happens after an upgrade; WIN-3F2K9Q on Linux does not.",
				Fix: "Rename the host, or change its distro.",
			},
		},
		{
			ID: "DN1066", Name: "missing-domain", Severity: Note, Summary: "Some deckies of a network have a domain and others have none.", Check: missingDomain,
			Doc: Doc{
				Why: "A site has one domain, and DHCP tells it to every host. Hosts without one among hosts with one did not come from there.",
				Fix: "Set domain on all deckies of the network.",
			},
		},
		{
			ID: "DN1067", Name: "documentation-domain", Severity: Warning, Summary: "A domain is one that only documentation uses.", Check: documentationDomain,
			Doc: Doc{
				Why:     "example.com and the top-level domains test, example and invalid belong to nobody.",
				Fix:     "Use the site's own domain, or one below internal or lan.",
				Sources: []string{"RFC 2606", "RFC 6761 section 6"},
			},
		},
	}
}

// telling are words that no real host is named with; they count as a part of a
// name between separators and digits.
var telling = []string{"honeypot", "honey", "honeynet", "decoy", "decky", "decnet", "deception", "fake", "trap", "lure", "bait", "canary", "cowrie", "kippo", "dionaea", "conpot", "tpot", "sensor"}

var wordsOf = regexp.MustCompile(`[a-z]+`)

func tellingName(f *Fleet) []Finding {
	return each(f, "hostname", func(d *Decky) string {
		for _, text := range []string{d.Host.Hostname, d.Host.Domain} {
			for _, word := range wordsOf.FindAllString(strings.ToLower(text), -1) {
				if slices.Contains(telling, word) {
					return fmt.Sprintf("%q has %q in it.", text, word)
				}
			}
		}
		return ""
	})
}

// unnamed are names of fresh installations.
var unnamed = []string{
	"localhost", "ubuntu", "debian", "kali", "centos", "fedora", "rocky", "alpine", "archlinux", "raspberrypi", "server", "host", "hostname", "linux", "vm", "test",
	"router", "switch", "printer", "freebsd", "windows", "pc", "desktop", "user-pc", "openwrt", "vagrant", "docker",
}

func defaultName(f *Fleet) []Finding {
	return each(f, "hostname", func(d *Decky) string {
		if slices.Contains(unnamed, strings.ToLower(short(d.Host.Hostname))) {
			return fmt.Sprintf("%q is what an installer proposes.", d.Host.Hostname)
		}
		return ""
	})
}

// pattern is the shape of a name: letters as a or A, digits as 9, runs as one.
func pattern(name string) string {
	out := make([]byte, 0, len(name))
	for _, c := range []byte(name) {
		switch {
		case c >= '0' && c <= '9':
			c = '9'
		case c >= 'a' && c <= 'z':
			c = 'a'
		case c >= 'A' && c <= 'Z':
			c = 'A'
		}
		if n := len(out); n > 0 && out[n-1] == c {
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

func oddName(f *Fleet) []Finding {
	if len(f.Deckies) < few {
		return nil
	}
	counts := map[string]int{}
	for _, d := range f.Deckies {
		counts[pattern(d.Host.Hostname)]++
	}
	common := ""
	for p, n := range counts {
		if n*4 >= len(f.Deckies)*3 {
			common = p
		}
	}
	if common == "" {
		return nil
	}
	example := ""
	for _, d := range f.Deckies {
		if pattern(d.Host.Hostname) == common {
			example = d.Host.Hostname
			break
		}
	}
	return each(f, "hostname", func(d *Decky) string {
		if pattern(d.Host.Hostname) == common {
			return ""
		}
		return fmt.Sprintf("%q is not like the other names, such as %q.", d.Host.Hostname, example)
	})
}

func generatedNames(f *Fleet) []Finding {
	var own []*Decky
	for _, d := range f.Deckies {
		if derive.StyleGeneric.Fits(d.Host.Hostname) || derive.StyleRHEL.Fits(d.Host.Hostname) {
			own = append(own, d)
		}
	}
	if len(own) < 3 || len(own)*2 <= len(f.Deckies) {
		return nil
	}
	return []Finding{among(fmt.Sprintf("%d of %d host names are derived, such as %q.", len(own), len(f.Deckies), own[0].Host.Hostname), deckySubjects(own, "hostname"))}
}

// promises are the parts of names that people give hosts for a service, and
// what keeps the promise.
var promises = map[string][]string{
	"web": {"http", "https"}, "www": {"http", "https"}, "intranet": {"http", "https"}, "wiki": {"http", "https"}, "nginx": {"http", "https"},
	"db": databases, "database": databases, "sql": databases, "mysql": {"mysql"}, "postgres": {"postgres"}, "pgsql": {"postgres"}, "mssql": {"mssql"},
	"redis": {"redis"}, "mongo": {"mongodb"}, "elastic": {"elasticsearch"}, "cache": {"redis"},
	"mail": {"smtp", "imap", "pop3"}, "smtp": {"smtp"}, "imap": {"imap"}, "mx": {"smtp"}, "exchange": {"smtp", "https"},
	"dc": {"ldap", "smb"}, "ldap": {"ldap"}, "ftp": {"ftp"}, "sftp": {"ssh"}, "jump": {"ssh", "rdp"}, "bastion": {"ssh", "rdp"},
	"nas": {"smb", "ftp", "ssh"}, "printer": {"snmp", "ftp", "http", "ipp", "jetdirect", "lpd"}, "rdp": {"rdp"}, "ts": {"rdp"}, "vnc": {"vnc"}, "dns": {"dns"},
	"sip": {"sip"}, "pbx": {"sip"}, "voip": {"sip"}, "mqtt": {"mqtt"},
}

func nameWithoutService(f *Fleet) []Finding {
	return each(f, "hostname", func(d *Decky) string {
		for _, word := range wordsOf.FindAllString(strings.ToLower(short(d.Host.Hostname)), -1) {
			wanted := promises[word]
			if len(wanted) == 0 || slices.ContainsFunc(wanted, func(slug string) bool { return d.service(slug) != nil }) {
				continue
			}
			return fmt.Sprintf("%q promises %s, and the decky has none.", d.Host.Hostname, strings.Join(wanted, " or "))
		}
		return ""
	})
}

// systemWords are parts of names that stand for a system, and the beginning of
// its titles.
var systemWords = map[string]string{
	"ubuntu": "Ubuntu", "debian": "Debian", "centos": "CentOS", "rocky": "Rocky", "fedora": "Fedora", "kali": "Kali", "alpine": "Alpine", "rhel": "Red Hat",
	"win": "Windows", "windows": "Windows", "desktop": "Windows", "laptop": "Windows", "freebsd": "FreeBSD", "bsd": "FreeBSD",
}

func nameOfAnotherSystem(f *Fleet) []Finding {
	return each(f, "hostname", func(d *Decky) string {
		for _, word := range wordsOf.FindAllString(strings.ToLower(short(d.Host.Hostname)), -1) {
			title, known := systemWords[word]
			if !known || strings.Contains(d.Host.Title, title) || title == "Windows" && strings.HasPrefix(d.Host.OS, "windows") || title == "FreeBSD" && d.Host.OS == "bsd" {
				continue
			}
			return fmt.Sprintf("%q is the name of a %s host; the decky runs %s.", d.Host.Hostname, title, d.Host.Title)
		}
		return ""
	})
}

// domainOf is the domain that a decky shows: its own, or the one in its name.
func domainOf(d *Decky) string {
	if d.Host.Domain != "" {
		return d.Host.Domain
	}
	_, domain, _ := strings.Cut(d.Host.Hostname, ".")
	if domain == "localdomain" {
		return ""
	}
	return domain
}

func missingDomain(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		var without []*Decky
		example := ""
		for _, d := range n.Deckies {
			if domain := domainOf(d); domain == "" {
				without = append(without, d)
			} else if example == "" {
				example = domain
			}
		}
		if example == "" {
			continue
		}
		for _, d := range without {
			out = append(out, about(fmt.Sprintf("The decky has no domain; others of its network are in %q.", example), d.at("domain")))
		}
	}
	return out
}

// reserved end the names that RFC 2606 and RFC 6761 keep for documentation.
var reserved = []string{"example", "test", "invalid", "example.com", "example.net", "example.org", "localhost"}

func documentationDomain(f *Fleet) []Finding {
	return each(f, "domain", func(d *Decky) string {
		domain := strings.ToLower(domainOf(d))
		for _, r := range reserved {
			if domain == r || strings.HasSuffix(domain, "."+r) {
				return fmt.Sprintf("%q is kept for documentation.", domain)
			}
		}
		return ""
	})
}
