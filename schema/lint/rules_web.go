package lint

import (
	"fmt"
	"slices"
	"strings"
)

func webRules() []Rule {
	return []Rule{
		{
			ID: "DN1040", Name: "same-page", Severity: Warning, Summary: "Web servers of several hosts show the same page of their own.", Check: samePage,
			Doc: Doc{
				Why: "Crawlers hash pages and titles. The same \"Intranet\" on three addresses is one template, used three times.",
				Fix: "Vary title or index: title = format(\"%s status\", each.key). One page served by several hosts is a cluster, and a cluster shares its name, too.",
			},
		},
		{
			ID: "DN1041", Name: "default-pages", Severity: Note, Summary: "Every web server shows the page of a fresh installation.", Check: defaultPages,
			Doc: Doc{
				Why: "One forgotten welcome page is common, three hosts that serve nothing else are there for no purpose.",
				Fix: "Give most of them a title or an index of their own.",
			},
		},
		{
			ID: "DN1042", Name: "fast-refusal", Severity: Warning, Summary: "A wrong password is refused faster than a real server computes it.", Check: fastRefusal,
			Doc: Doc{
				Why:     "sshd hashes a password (tens of milliseconds) and PAM waits about two seconds after a failure. An answer within 50 ms is a comparison of texts.",
				Fix:     "Leave failure_delay out: it is then about two seconds, spread by the host's key.",
				Sources: []string{"pam_faildelay(8)", "pam_unix(8): nodelay"},
			},
		},
		{
			ID: "DN1043", Name: "same-delay", Severity: Warning, Summary: "Several hosts wait exactly as long after a wrong password.", Check: sameDelay,
			Doc: Doc{
				Why: "Whoever times a few failures on three hosts and finds the same millisecond has found one program.",
				Fix: "Leave failure_delay out: every decky then has its own.",
			},
		},
		{
			ID: "DN1044", Name: "endless-tries", Severity: Note, Summary: "An SSH server allows more tries per connection than any administrator would.", Check: endlessTries,
			Doc: Doc{
				Why:     "sshd's default is 6, hardening guides say 3 or 4. A server that takes twenty passwords in a row wants to hear them.",
				Fix:     "Leave max_auth_tries out; attackers reconnect by themselves.",
				Sources: []string{"sshd_config(5): MaxAuthTries"},
			},
		},
		{
			ID: "DN1045", Name: "server-signature-elsewhere", Severity: Note, Summary: "All web servers of different distros claim the same product and version.", Check: sameServer,
			Doc: Doc{
				Why: "Each distribution has a version of its own. One Server header on Debian, Ubuntu and Rocky means that it was typed once for all.",
				Fix: "Leave server out, so that each distro's version is shown.",
			},
		},
	}
}

// own is what a web server shows of its own, "" for the page of a fresh
// installation.
func own(s *Service) string {
	return s.Arguments.Text("title") + "\x00" + s.Arguments.Text("index") + "\x00" + s.Arguments.Text("fake_app")
}

const nothingOwn = "\x00\x00"

func samePage(f *Fleet) []Finding {
	groups := map[string][]*Service{}
	var order []string
	for _, s := range f.services("http") {
		page := own(s)
		if page == nothingOwn {
			continue
		}
		if groups[page] == nil {
			order = append(order, page)
		}
		groups[page] = append(groups[page], s)
	}
	var out []Finding
	for _, page := range order {
		if n := hosts(groups[page]); n > 1 {
			what := "an index page"
			if title := groups[page][0].Arguments.Text("title"); title != "" {
				what = "the title " + groups[page][0].quote("title", title)
			}
			argument := "title"
			if groups[page][0].Arguments.Text("title") == "" {
				argument = "index"
			}
			out = append(out, among(fmt.Sprintf("%d deckies have %s in common.", n, what), subjectsOf(groups[page], argument)))
		}
	}
	return out
}

func defaultPages(f *Fleet) []Finding {
	all := f.services("http")
	if hosts(all) < 3 || slices.ContainsFunc(all, func(s *Service) bool { return own(s) != nothingOwn }) {
		return nil
	}
	return []Finding{among(fmt.Sprintf("All %d web servers show the page of a fresh installation.", len(all)), subjectsOf(all, ""))}
}

// leastDelay is in milliseconds.
const leastDelay = 50

func fastRefusal(f *Fleet) []Finding {
	return eachService(f, "failure_delay", func(s *Service) string {
		if ms, given := s.Arguments.Number("failure_delay"); given && ms > 0 && ms < leastDelay {
			return fmt.Sprintf("A wrong password is refused after %d ms; sshd needs at least %d.", ms, leastDelay)
		}
		return ""
	})
}

func sameDelay(f *Fleet) []Finding {
	groups := map[int][]*Service{}
	var order []int
	for _, s := range f.services("ssh") {
		if ms, given := s.Arguments.Number("failure_delay"); given && ms > 0 {
			if groups[ms] == nil {
				order = append(order, ms)
			}
			groups[ms] = append(groups[ms], s)
		}
	}
	var out []Finding
	for _, ms := range order {
		if n := hosts(groups[ms]); n > 1 {
			out = append(out, among(fmt.Sprintf("%d deckies wait exactly %d ms after a wrong password.", n, ms), subjectsOf(groups[ms], "failure_delay")))
		}
	}
	return out
}

const mostTries = 10

func endlessTries(f *Fleet) []Finding {
	return eachService(f, "max_auth_tries", func(s *Service) string {
		if n, given := s.Arguments.Number("max_auth_tries"); given && n > mostTries {
			return fmt.Sprintf("One connection may try %d times; sshd's default is 6.", n)
		}
		return ""
	})
}

func sameServer(f *Fleet) []Finding {
	groups := map[string][]*Service{}
	var order []string
	for _, s := range f.services("http") {
		if server := s.Arguments.Text("server"); server != "" && strings.ContainsAny(server, "0123456789") {
			if groups[server] == nil {
				order = append(order, server)
			}
			groups[server] = append(groups[server], s)
		}
	}
	var out []Finding
	for _, server := range order {
		distros := map[string]bool{}
		for _, s := range groups[server] {
			distros[s.Decky.Host.Title] = true
		}
		if len(distros) > 1 {
			out = append(out, among(fmt.Sprintf("%s is claimed on %d different distributions.", groups[server][0].quote("server", server), len(distros)), subjectsOf(groups[server], "server")))
		}
	}
	return out
}
