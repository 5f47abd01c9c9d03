package lint

import (
	"fmt"
	"maps"
	"slices"
)

func credentialRules() []Rule {
	return []Rule{
		{
			ID: "DN1050", Name: "default-credentials", Severity: Warning, Summary: "Several hosts open with credentials from every attacker's list.", Check: defaultCredentials,
			Doc: Doc{
				Why:     "root:toor or admin:admin on one host is a careless owner. On several hosts of one segment it is the oldest sign of a honeypot, and intruders' scripts check for it.",
				Fix:     "Use what the site might really have, a name and a year say, different on each host, and leave the default to one at most.",
				Sources: []string{"github.com/cowrie/cowrie etc/userdb.example", "Mirai's published source: scanner.c"},
			},
		},
		{
			ID: "DN1051", Name: "shared-password", Severity: Warning, Summary: "One password opens most of the fleet.", Check: sharedPassword,
			Doc: Doc{
				Why: "Trying a found password next door is the second step of every intruder. That it works once is a find; that it works everywhere is too good.",
				Fix: "Let two hosts share a password at most: format(\"backup%d\", 2019 + count.index).",
			},
		},
		{
			ID: "DN1052", Name: "accepts-anything", Severity: Error, Summary: "A service lets in any password, or a random one.", Check: acceptsAnything,
			Doc: Doc{
				Why:     "Detectors log in twice with random passwords. A host that accepts both, or one now and another later, is none.",
				Fix:     "Name the accounts that may log in.",
				Sources: []string{"shodan.io: Honeyscore", "github.com/cowrie/cowrie: AuthRandom"},
			},
		},
		{
			ID: "DN1053", Name: "crowd-of-accounts", Severity: Note, Summary: "A host has more accounts with passwords than a server has people.", Check: crowdOfAccounts,
			Doc: Doc{
				Why: "Password guessers that find five working accounts on one host stop believing in it.",
				Fix: "One or two weak accounts are enough.",
			},
		},
	}
}

// defaults are user names and passwords that come first in the lists: Mirai's
// scanner and Cowrie's examples.
var defaults = []string{
	"root:toor", "root:root", "root:password", "root:123456", "root:admin", "root:xc3511", "root:vizxv", "root:888888", "root:default", "root:12345", "root:1234",
	"admin:admin", "admin:password", "admin:1234", "admin:12345", "admin:123456", "admin:admin123", "admin:admin1234", "admin:smcadmin", "user:user", "test:test", "guest:guest",
	"pi:raspberry", "ubuntu:ubuntu", "support:support", "oracle:oracle", "postgres:postgres", "mysql:mysql", "ftp:ftp", "tomcat:tomcat",
}

// accounts are the users of a service that may log in.
func accounts(s *Service) map[string]string { return s.Arguments.Map("users") }

func defaultCredentials(f *Fleet) []Finding {
	var found []*Service
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			for user, password := range accounts(s) {
				if slices.Contains(defaults, user+":"+password) {
					found = append(found, s)
					break
				}
			}
		}
	}
	if n := hosts(found); n > 1 {
		return []Finding{among(fmt.Sprintf("%d deckies have an account with a password from every list.", n), subjectsOf(found, "users"))}
	}
	return nil
}

func sharedPassword(f *Fleet) []Finding {
	groups := map[string][]*Service{}
	withAccounts := map[*Decky]bool{}
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			passwords := []string{s.Arguments.Text("requirepass"), s.Arguments.Text("password")}
			for _, password := range accounts(s) {
				passwords = append(passwords, password)
			}
			slices.Sort(passwords)
			for _, password := range slices.Compact(passwords) {
				if password != "" {
					withAccounts[d] = true
					groups[password] = append(groups[password], s)
				}
			}
		}
	}
	var out []Finding
	for _, password := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[password]) < 3 {
			continue
		}
		if n := hosts(groups[password]); n > 2 && n*2 > len(withAccounts) {
			finding := among(fmt.Sprintf("One password opens %d of the %d deckies that have one.", n, len(withAccounts)), subjectsOf(groups[password], "users"))
			finding.needs = 3
			out = append(out, finding)
		}
	}
	return out
}

// openModes are values of login_mode that let everybody in.
var openModes = []string{"any", "random", "accept_all"}

// anything are arguments that let everybody in.
var anything = []string{"accept_all", "accept_any", "any_password", "auth_random", "random_login", "accept_rate"}

func acceptsAnything(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			for _, name := range s.Arguments.Names() {
				number, _ := s.Arguments.Number(name)
				open := slices.Contains(anything, name) && (s.Arguments.Flag(name) || number > 0 || s.Arguments.Text(name) != "")
				if open || name == "login_mode" && slices.Contains(openModes, s.Arguments.Text(name)) {
					out = append(out, about(fmt.Sprintf("%s lets in passwords that nobody chose.", name), s.at(name)))
				}
			}
			for _, password := range accounts(s) {
				if password == "*" || password == "" {
					out = append(out, about("An account has an empty password or a wildcard for one.", s.at("users")))
					break
				}
			}
		}
	}
	return out
}

const mostAccounts = 4

func crowdOfAccounts(f *Fleet) []Finding {
	return eachService(f, "users", func(s *Service) string {
		if n := len(accounts(s)); n > mostAccounts {
			return fmt.Sprintf("%d accounts may log in by password.", n)
		}
		return ""
	})
}
