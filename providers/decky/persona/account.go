package persona

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Account is one line of /etc/passwd.
type Account struct {
	Name     string
	UID, GID int
	Gecos    string
	Home     string
	Shell    string
	// Person tells an account that somebody logs in with from one of the
	// system's.
	Person bool
}

// Group is one line of /etc/group.
type Group struct {
	Name    string
	GID     int
	Members []string
}

//go:embed data/accounts
var accountFiles embed.FS

// accountTables are the accounts and groups of every distribution, parsed once
// for all hosts; nobody changes them.
var accountTables = sync.OnceValue(func() map[string]table {
	out := map[string]table{}
	for _, slug := range Distros() {
		data, err := accountFiles.ReadFile("data/accounts/" + slug)
		if err != nil { // every distro has one: a test says so
			continue
		}
		users, groups, _ := strings.Cut(string(data), "\n\n")
		out[slug] = table{parseAccounts(users), parseGroups(groups)}
	}
	return out
})

type table struct {
	accounts []Account
	groups   []Group
}

func parseAccounts(text string) []Account {
	var out []Account
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) != 7 {
			continue
		}
		uid, _ := strconv.Atoi(f[2])
		gid, _ := strconv.Atoi(f[3])
		out = append(out, Account{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6]})
	}
	return out
}

func parseGroups(text string) []Group {
	var out []Group
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) != 4 {
			continue
		}
		gid, _ := strconv.Atoi(f[2])
		g := Group{Name: f[0], GID: gid}
		if f[3] != "" {
			g.Members = strings.Split(f[3], ",")
		}
		out = append(out, g)
	}
	return out
}

// administrators are names of the account that a site makes first.
var administrators = []string{"sysadmin", "localadmin", "ansible", "deploy", "opsadmin", "svcadmin"}

// Administrator is the account that the site's hosts were installed with.
func (p *Persona) Administrator() string {
	return administrators[p.SiteNumber("administrator", 0, int64(len(administrators)-1))]
}

// Accounts are the distribution's own accounts, those of logins and the
// administrator's, in the order of /etc/passwd. Names that no account can have are left
// out.
func (p *Persona) Accounts(logins []string) []Account {
	r := p.Release()
	out := slices.Clone(accountTables()[p.accountsOf(r)].accounts)
	id := 1000
	for _, name := range append(slices.Clip(logins), p.Administrator()) {
		if !validLogin(name) || slices.ContainsFunc(out, func(a Account) bool { return a.Name == name }) {
			continue
		}
		a := Account{Name: name, UID: id, GID: id, Home: "/home/" + name, Shell: personShell(r), Person: true}
		if r.Family == "debian" {
			a.Gecos = name + ",,,"
		}
		out = append(out, a)
		id++
	}
	return out
}

func (p *Persona) accountsOf(r Release) string {
	if _, ok := accountTables()[r.Slug]; ok {
		return r.Slug
	}
	return "alpine" // small systems: few accounts, /bin/ash
}

func personShell(r Release) string {
	if r.Slug == "kali" {
		return "/usr/bin/zsh"
	}
	if r.Family == "alpine" {
		return "/bin/ash"
	}
	return "/bin/bash"
}

// validLogin tells a name that useradd takes.
func validLogin(name string) bool {
	if name == "" || len(name) > 32 || name[0] == '-' {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// personGroups are the groups that an installer puts its first user in.
var personGroups = map[string][]string{
	"debian": {"cdrom", "floppy", "audio", "dip", "video", "plugdev", "users", "netdev"}, "rhel": {}, "alpine": {"users"}, "arch": {},
}

// Groups are the groups of the distribution and of Accounts(logins).
func (p *Persona) Groups(logins []string) []Group {
	r := p.Release()
	out := slices.Clone(accountTables()[p.accountsOf(r)].groups)
	var persons []Account
	for _, a := range p.Accounts(logins) {
		if a.Person {
			persons = append(persons, a)
		}
	}
	join := func(group string, name string) {
		for i := range out {
			if out[i].Name == group {
				out[i].Members = append(slices.Clone(out[i].Members), name)
			}
		}
	}
	power := "wheel"
	if r.Family == "debian" {
		power = "sudo"
	}
	for i, a := range persons {
		if i > 0 && a.Name == p.Administrator() {
			join(power, a.Name)
		}
		if i == 0 {
			join(power, a.Name)
			for _, g := range personGroups[r.Family] {
				join(g, a.Name)
			}
		}
		out = append(out, Group{Name: a.Name, GID: a.GID})
	}
	return out
}

// crypt64 is the alphabet of crypt(5).
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ShadowHash is what /etc/shadow holds for an account: in the form of the
// distribution's default method, and of no password at all.
func (p *Persona) ShadowHash(name string) string {
	chars := func(label string, n int) string {
		var b strings.Builder
		for block := 0; b.Len() < n; block++ {
			for _, c := range p.Derive(fmt.Sprintf("shadow/%s/%s/%d", name, label, block)) {
				if b.Len() < n {
					b.WriteByte(crypt64[c&63])
				}
			}
		}
		return b.String()
	}
	switch r := p.Release(); {
	case r.Slug == "debian", r.Slug == "kali", r.Slug == "ubuntu22", r.Slug == "fedora", r.Slug == "arch":
		// 32 bytes are 43 characters, the last of four bits.
		return "$y$j9T$" + chars("salt", 21) + crypt64[p.Derive("shadow/end/" + name)[0]&3:][:1] + "$" + chars("hash", 42) + crypt64[p.Derive("shadow/tail/" + name)[0]&15:][:1]
	case r.Family == "alpine":
		return "$6$" + chars("salt", 16) + "$" + chars("hash", 85) + "/"
	}
	return "$6$" + chars("salt", 16) + "$" + chars("hash", 85) + crypt64[p.Derive("shadow/tail/" + name)[0]&3:][:1]
}
