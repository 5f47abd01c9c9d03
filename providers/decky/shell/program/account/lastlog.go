package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// lastlog lists the last login of each account.
func lastlog(c *program.Call) int {
	f, _, ok := c.Parse("b:ChR:St:u:", "user=:u before=:b time=:t clear=C set=S help=h root=:R")
	if !ok {
		return 1
	}
	if f.Has("h") {
		c.Print(c.Help())
		return 0
	}
	within := func(letter string) time.Duration {
		n, err := strconv.Atoi(f.Value[letter])
		if err != nil {
			return 0
		}
		return time.Duration(min(n, 100_000)) * 24 * time.Hour
	}
	m := c.Machine
	if f.Has("u") && !slices.ContainsFunc(m.Accounts(), chosen(f.Value["u"])) {
		c.Err.Print("lastlog: Unknown user or range: " + f.Value["u"] + "\n")
		return 1
	}
	if f.Has("C") || f.Has("S") {
		if c.User.UID != 0 {
			c.Err.Print("/var/log/lastlog: Permission denied\n")
			return 1
		}
		return 0
	}
	head := false
	for _, a := range m.Accounts() {
		if f.Has("u") && !chosen(f.Value["u"])(a) {
			continue
		}
		r, seen := m.LastSeen(a.Name)
		ago := c.Now().Sub(r.At)
		if f.Has("t") && (!seen || ago > within("t")) || f.Has("b") && (!seen || ago < within("b")) {
			continue
		}
		if !head {
			c.Print("Username         Port     From                                       Latest\n")
			head = true
		}
		if !seen {
			c.Printf("%-16s %-8.8s %-*s**Never logged in**\n", a.Name, "", 42, "")
			continue
		}
		c.Printf("%-16s %-8.8s %-*s %s\n", a.Name, r.TTY, 40, r.From, r.At.In(c.Machine.Zone.Location).Format(" Mon Jan _2 15:04:05 -0700 2006"))
	}
	return 0
}

// chosen tells the accounts of a name or of a range of numbers.
func chosen(text string) func(machine.Account) bool {
	low, high, ranged := strings.Cut(text, "-")
	return func(a machine.Account) bool {
		if a.Name == text || strconv.Itoa(a.UID) == text {
			return true
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		return ranged && (err1 == nil && a.UID >= from || low == "") && (err2 == nil && a.UID <= to || high == "") && (err1 == nil || err2 == nil)
	}
}

// faillog lists failed logins; there are none that it knows of.
func faillog(c *program.Call) int {
	f, _, ok := c.Parse("ahl:m:rR:t:u:", "all=a help=h lock-secs=:l maximum=:m reset=r root=:R time=:t user=:u")
	if !ok {
		return 3
	}
	switch {
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case (f.Has("l") || f.Has("m") || f.Has("r")) && c.User.UID != 0:
		c.Err.Print("Cannot open /var/log/faillog: Permission denied\n")
		return 1
	case f.Has("a") || f.Has("u"):
		c.Print("Login       Failures Maximum Latest                   On\n\n")
		for _, a := range c.Machine.Accounts() {
			if !f.Has("u") || chosen(f.Value["u"])(a) {
				c.Printf("%-9s   %5d    %5d   %s  \n", a.Name, 0, 0, time.Unix(0, 0).In(c.Machine.Zone.Location).Format("01/02/06 15:04:05 -0700"))
			}
		}
	}
	return 0
}

// lslogins shows what is known of accounts.
func lslogins(c *program.Call) int {
	f, names, ok := c.Parse("aAcefg:Gl:Lmno:pPrsuzZ", "acc-expiration=a colon-separated=c export=e failed=f groups=:g supp-groups=G logins=:l last=L newline=n noheadings=N notruncate=T output=:o output-all=O pwd=p print0=z raw=r system-accs=s time-format=:t user-accs=u context=Z wtmp-file=:w btmp-file=:b help=h version=V")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case len(names) > 0:
		a, found := lookup(m, names[0])
		if !found {
			return c.Complain("cannot found '%s'", names[0])
		}
		oneLogin(c, a)
		return 0
	}
	type row struct{ cells [7]string }
	rows := []row{{[7]string{"UID", "USER", "PROC", "PWD-LOCK", "PWD-DENY", "LAST-LOGIN", "GECOS"}}}
	count := map[string]int{}
	for _, p := range m.Processes() {
		count[p.User]++
	}
	all := m.Accounts()
	slices.SortStableFunc(all, func(a, b machine.Account) int { return a.UID - b.UID })
	for _, a := range all {
		if f.Has("u") && a.UID < 1000 && a.UID != 0 || f.Has("u") && a.UID > 60000 || f.Has("s") && (a.UID >= 1000 || a.UID == 0) {
			continue
		}
		lock, deny, last := "", "", ""
		if c.User.UID == 0 {
			hash := hashOf(m, a.Name)
			lock = fmt.Sprint(program.Truth(strings.HasPrefix(hash, "!")))
			deny = fmt.Sprint(program.Truth(hash == "*" || hash == "!"))
		}
		if r, seen := m.LastSeen(a.Name); seen {
			at := r.At.In(m.Zone.Location)
			last = at.Format("Jan02/15:04")
			if now := c.Now().In(m.Zone.Location); at.YearDay() == now.YearDay() && at.Year() == now.Year() {
				last = at.Format("15:04")
			}
		}
		gecos, _, _ := strings.Cut(a.Comment, ",")
		rows = append(rows, row{[7]string{strconv.Itoa(a.UID), a.Name, strconv.Itoa(count[a.Name]), lock, deny, last, gecos}})
	}
	var width [7]int
	for _, r := range rows {
		for i, cell := range r.cells {
			width[i] = max(width[i], len(cell))
		}
	}
	for _, r := range rows {
		x := r.cells
		c.Print(fmt.Sprintf("%*s %-*s %*s %*s %*s %*s %s", width[0], x[0], width[1], x[1], width[2], x[2], width[3], x[3], width[4], x[4], width[5], x[5], x[6]) + "\n")
	}
	return 0
}

func oneLogin(c *program.Call, a machine.Account) {
	m := c.Machine
	row := func(name, value string) { c.Printf("%-36s%-36s\n", name+":", value) }
	gecos, _, _ := strings.Cut(a.Comment, ",")
	row("Username", a.Name)
	row("UID", strconv.Itoa(a.UID))
	row("Gecos field", gecos)
	row("Home directory", a.Home)
	row("Shell", a.Shell)
	no := "no"
	if strings.HasSuffix(a.Shell, "nologin") {
		no = "yes"
	}
	row("No login", no)
	row("Primary group", m.GroupName(a.GID))
	row("GID", strconv.Itoa(a.GID))
	if r, seen := m.LastSeen(a.Name); seen {
		row("Last login", r.At.In(m.Zone.Location).Format("Jan02/15:04"))
		row("Last terminal", r.TTY)
		row("Last hostname", r.From)
	} else {
		row("Last terminal", "")
		row("Last hostname", "")
	}
	row("Hushed", "no")
	n := 0
	for _, p := range m.Processes() {
		if p.User == a.Name {
			n++
		}
	}
	row("Running processes", strconv.Itoa(n))
	c.Print("\nLast logs:\n\n")
}
