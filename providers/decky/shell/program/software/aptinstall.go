package software

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// plan is what an installation brings.
func (a *aptCall) plan() (want []pack, extra []string, status int) {
	have, archive := installed(a.c), known(a.c)
	seen := map[string]bool{}
	var add func(p pack, named bool)
	add = func(p pack, named bool) {
		if _, ok := find(have, p.name); ok || seen[p.name] || len(want) > maxInstalls {
			return
		}
		seen[p.name] = true
		for _, d := range p.deps {
			if q, ok := find(archive, d); ok {
				add(q, false)
			}
		}
		want = append(want, p)
		if !named {
			extra = append(extra, p.name)
		}
	}
	for _, name := range a.names {
		if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "./") {
			if _, err := a.c.View().Stat(a.c.Path(name)); err != nil {
				a.complain("E", "Unsupported file "+name+" given on commandline")
			} else {
				a.complain("E", "Invalid archive signature")
				a.complain("E", "The package lists or status file could not be parsed or opened.")
			}
			return nil, nil, 100
		}
		bare := strings.TrimSuffix(strings.TrimSuffix(name, "+"), "-")
		if base, version, ok := strings.Cut(bare, "="); ok {
			if p, found := find(archive, base); found && p.version != version {
				a.complain("E", "Version '"+version+"' for '"+base+"' was not found")
				status = 100
				continue
			}
		}
		p, ok := find(archive, bare)
		if !ok {
			a.complain("E", "Unable to locate package "+name)
			if strings.ContainsAny(name, ".*") {
				a.complain("E", "Couldn't find any package by glob '"+name+"'")
			}
			status = 100
			continue
		}
		if q, there := find(have, p.name); there {
			a.c.Print(p.name + " is already the newest version (" + q.version + ").\n")
			continue
		}
		add(p, true)
	}
	return want, extra, status
}

// wrapped prints names as apt lists them: indented, in lines of 80.
func (a *aptCall) wrapped(names []string) {
	line := " "
	for _, n := range names {
		if len(line)+1+len(n) > 79 {
			a.c.Print(line + "\n")
			line = " "
		}
		line += " " + n
	}
	if line != " " {
		a.c.Print(line + "\n")
	}
}

// bytesText is a size in apt's words, of KiB.
func bytesText(kib int) string {
	b := float64(kib) * 1024
	switch {
	case b >= 100e6:
		return fmt.Sprintf("%.0f MB", b/1e6)
	case b >= 10e6:
		return fmt.Sprintf("%.1f MB", b/1e6)
	}
	return thousands(int(b/1e3)) + " kB"
}

// agreed asks whether to go on.
func (a *aptCall) agreed() bool {
	if a.yes || a.dry {
		return true
	}
	a.c.Print("Do you want to continue? [Y/n] ")
	answer, eof, err := program.ReadLine(a.c.In, '\n', 64)
	if answer = strings.ToLower(strings.TrimSpace(answer)); eof && answer == "" || err != nil || answer != "" && answer[0] != 'y' {
		a.c.Print("Abort.\n")
		return false
	}
	return true
}

// install fetches and unpacks packages.
func (a *aptCall) install() int {
	c := a.c
	if !a.locked() {
		return 100
	}
	a.reading(true)
	want, extra, status := a.plan()
	if status != 0 {
		return status
	}
	if len(want) == 0 {
		if !a.quiet {
			c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		}
		return 0
	}
	var names []string
	fetch, size := 0, 0
	for _, p := range want {
		names = append(names, p.name)
		fetch += p.fetch
		size += p.size
	}
	slices.Sort(names)
	slices.Sort(extra)
	if !a.quiet {
		if len(extra) > 0 {
			c.Print("The following additional packages will be installed:\n")
			a.wrapped(extra)
		}
		c.Print("The following NEW packages will be installed:\n")
		a.wrapped(names)
		c.Printf("0 upgraded, %d newly installed, 0 to remove and 0 not upgraded.\n", len(want))
	}
	if a.dry {
		for _, p := range want {
			c.Printf("Inst %s (%s %s [%s])\n", p.name, p.version, c.Machine.Release.Name, p.arch)
		}
		for _, p := range want {
			c.Printf("Conf %s (%s %s [%s])\n", p.name, p.version, c.Machine.Release.Name, p.arch)
		}
		return 0
	}
	if !a.quiet {
		c.Printf("Need to get %s of archives.\nAfter this operation, %s of additional disk space will be used.\n", bytesText(fetch), bytesText(size))
	}
	if len(extra) > 0 && !a.agreed() {
		return 1
	}
	if !a.fetch(want, fetch) {
		return 100
	}
	if a.down {
		c.Print("Download complete and in download only mode\n")
		return 0
	}
	return a.unpack(want)
}

// fetch shows the packages as they come.
func (a *aptCall) fetch(want []pack, total int) bool {
	c := a.c
	from := source{url: "http://deb.debian.org/debian", host: "deb.debian.org", suite: c.Machine.Release.Codename}
	part := "main"
	if all := sources(c); len(all) > 0 {
		from = all[0]
		if f := strings.Fields(from.parts); len(f) > 0 {
			part = f[0]
		}
	}
	began := c.Now()
	if !reach(c, from.host) {
		if c.Stop != nil {
			return false
		}
		for i, p := range want {
			c.Printf("Err:%d %s %s/%s %s %s %s %s\n  Temporary failure resolving '%s'\n", i+1, from.url, from.suite, part, p.arch, p.name, p.arch, p.version, from.host)
		}
		for _, p := range want {
			a.complain("E", fmt.Sprintf("Failed to fetch %s/pool/%s/%s/%s/%s_%s_%s.deb  Temporary failure resolving '%s'", from.url, part, p.name[:1], p.name, p.name, strings.ReplaceAll(p.version, ":", "%3a"), p.arch, from.host))
		}
		a.complain("E", "Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?")
		return false
	}
	speed := int(c.Machine.Number("mirror/speed", 1800, 14000)) // kB/s
	for i, p := range want {
		size := fmt.Sprintf("%s kB", thousands(p.fetch*1024/1000))
		if p.fetch < 100 {
			size = fmt.Sprintf("%.1f kB", float64(p.fetch)*1.024)
		}
		if !a.quiet {
			c.Printf("Get:%d %s %s/%s %s %s %s %s [%s]\n", i+1, from.url, from.suite, part, p.arch, p.name, p.arch, p.version, size)
		}
		if !c.Wait(time.Duration(float64(p.fetch)/float64(speed)*float64(time.Second)) + 30*time.Millisecond) {
			return false
		}
	}
	took := max(c.Now().Sub(began).Seconds(), 0.2)
	if !a.quiet {
		c.Printf("Fetched %s in %.0fs (%s kB/s)\n", bytesText(total), took, thousands(int(float64(total)/took)))
	}
	return true
}

// unpack is dpkg's part.
func (a *aptCall) unpack(want []pack) int {
	c := a.c
	count := 25_000 + int(c.Machine.Number("dpkg/files", 2000, 19_000))
	for i, p := range want {
		c.Print("Selecting previously unselected package " + p.name + ".\n")
		if i == 0 {
			c.Printf("(Reading database ... %d files and directories currently installed.)\n", count)
		}
		c.Printf("Preparing to unpack .../%s_%s_%s.deb ...\n", prefixed(i, len(want), p.name), strings.ReplaceAll(p.version, ":", "%3a"), p.arch)
		c.Print("Unpacking " + p.name + " (" + p.version + ") ...\n")
		if !c.Wait(time.Duration(40+p.size/200) * time.Millisecond) {
			return 100
		}
	}
	for _, p := range want {
		c.Print("Setting up " + p.name + " (" + p.version + ") ...\n")
		if err := put(c, p); err != nil {
			a.complain("E", "Write error - write (28: No space left on device)")
			return 100
		}
		if !c.Wait(30 * time.Millisecond) {
			return 100
		}
	}
	have := installed(c)
	for _, trigger := range []string{"man-db", "libc-bin"} {
		if p, ok := find(have, trigger); ok {
			c.Print("Processing triggers for " + trigger + " (" + p.version + ") ...\n")
		}
	}
	t := c.Now().In(c.Machine.Zone.Location).Format("2006-01-02  15:04:05")
	var list []string
	for _, p := range want {
		list = append(list, p.name+":"+p.arch+" ("+p.version+")")
	}
	if err := appendTo(root(c), "/var/log/apt/history.log", "\nStart-Date: "+t+"\nCommandline: "+c.Name+" "+strings.Join(c.Args, " ")+"\nInstall: "+strings.Join(list, ", ")+"\nEnd-Date: "+t+"\n"); err != nil {
		a.complain("W", "Could not open file '/var/log/apt/history.log' - EIPP::OpenLog ("+vfs.Text(err)+")")
	}
	return 0
}

// prefixed is the name of an archive as dpkg sees it: of several they are
// numbered.
func prefixed(i, n int, name string) string {
	if n < 2 {
		return name
	}
	width := len(fmt.Sprint(n - 1))
	return fmt.Sprintf("%0*d-%s", width, i, name)
}

// remove takes packages away.
func (a *aptCall) remove() int {
	c := a.c
	if !a.locked() {
		return 100
	}
	a.reading(true)
	have, archive := installed(c), known(c)
	var gone []pack
	size, status := 0, 0
	for _, name := range a.names {
		p, there := find(have, name)
		if !there && strings.Contains(name, "*") {
			for _, q := range have {
				if like(q.name, []string{name}) {
					gone = append(gone, q)
					size += q.size
				}
			}
			continue
		}
		if _, ok := find(archive, name); !there && !ok {
			a.complain("E", "Unable to locate package "+name)
			status = 100
			continue
		}
		if !there {
			c.Print("Package '" + name + "' is not installed, so not removed\n")
			continue
		}
		gone = append(gone, p)
		size += p.size
	}
	if status != 0 {
		return status
	}
	if len(gone) == 0 {
		c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	}
	var names []string
	mark := ""
	if a.verb == "purge" || a.purge {
		mark = "*"
	}
	for _, p := range gone {
		names = append(names, p.name+mark)
	}
	c.Print("The following packages will be REMOVED:\n")
	a.wrapped(names)
	c.Printf("0 upgraded, 0 newly installed, %d to remove and 0 not upgraded.\nAfter this operation, %s disk space will be freed.\n", len(gone), bytesText(size))
	if a.dry {
		return 0
	}
	if !a.agreed() {
		return 1
	}
	c.Printf("(Reading database ... %d files and directories currently installed.)\n", 25_000+int(c.Machine.Number("dpkg/files", 2000, 19_000)))
	for _, p := range gone {
		c.Print("Removing " + p.name + " (" + p.version + ") ...\n")
		if err := take(c, p); err != nil || !c.Wait(120*time.Millisecond) {
			return 100
		}
	}
	return 0
}
