package machine

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// account is a line of /etc/passwd.
type Account struct {
	Name, Home, Shell, Comment string
	UID, GID                   int
}

// account reads /etc/passwd for name.
func (m *Machine) Account(name string) Account {
	for _, a := range m.Accounts() {
		if a.Name == name {
			return a
		}
	}
	return Account{Name: "root", Home: "/root", Shell: "/bin/bash", Comment: "root"}
}

// accounts are the lines of /etc/passwd as it stands.
func (m *Machine) Accounts() []Account {
	data, err := m.FS.As(0, 0).ReadFile("/etc/passwd")
	if err != nil {
		return nil
	}
	var list []Account
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil {
			list = append(list, Account{Name: f[0], UID: uid, GID: gid, Comment: f[4], Home: f[5], Shell: f[6]})
		}
	}
	return list
}

// group is a line of /etc/group.
type Group struct {
	Name    string
	GID     int
	Members []string
}

func (m *Machine) Groups() []Group {
	data, err := m.FS.As(0, 0).ReadFile("/etc/group")
	if err != nil {
		return nil
	}
	var list []Group
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		if gid, err := strconv.Atoi(f[2]); err == nil {
			list = append(list, Group{f[0], gid, strings.Split(f[3], ",")})
		}
	}
	return list
}

// groupsOf are the groups of a, its own first.
func (m *Machine) GroupsOf(a Account) []Group {
	var own, more []Group
	for _, g := range m.Groups() {
		switch {
		case g.GID == a.GID:
			own = append(own, g)
		case slices.Contains(g.Members, a.Name):
			more = append(more, g)
		}
	}
	sort.Slice(more, func(i, j int) bool { return more[i].GID < more[j].GID })
	return append(own, more...)
}

func (m *Machine) UserName(uid int) string {
	for _, a := range m.Accounts() {
		if a.UID == uid {
			return a.Name
		}
	}
	return strconv.Itoa(uid)
}

func (m *Machine) GroupName(gid int) string {
	for _, g := range m.Groups() {
		if g.GID == gid {
			return g.Name
		}
	}
	return strconv.Itoa(gid)
}
