package software

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Where package managers remember what is installed.
const (
	dpkgStatus   = "/var/lib/dpkg/status"
	apkInstalled = "/lib/apk/db/installed"
	apkWorld     = "/etc/apk/world"
	rpmState     = "/var/lib/rpm-state/installed" // what clients changed of rpm's
	pacmanLocal  = "/var/lib/pacman/local"
)

// root is the file system as the package manager sees it.
func root(c *program.Call) vfs.View { return c.Machine.FS.As(0, 0) }

// installed are the packages on the host by its database, sorted by name.
func installed(c *program.Call) []pack {
	switch c.Machine.Release.Family {
	case "debian":
		data, err := root(c).ReadFile(dpkgStatus)
		if err != nil {
			return nil
		}
		return stanzas(string(data))
	case "alpine":
		data, err := root(c).ReadFile(apkInstalled)
		if err != nil {
			return nil
		}
		return apkStanzas(string(data))
	}
	var out []pack
	for _, p := range image.Packages(c.Machine.Release) {
		out = append(out, shipped(c.Machine.Release, p))
	}
	changed, err := root(c).ReadFile(rpmState)
	if err != nil {
		return out
	}
	all := known(c)
	for line := range strings.Lines(string(changed)) {
		name := strings.TrimSpace(line)
		if len(name) < 2 {
			continue
		}
		out = slices.DeleteFunc(out, func(p pack) bool { return p.name == name[1:] })
		if p, ok := find(all, name[1:]); ok && name[0] == '+' {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b pack) int { return strings.Compare(a.name, b.name) })
	return out
}

// stanzas reads dpkg's status file.
func stanzas(text string) []pack {
	var out []pack
	for block := range strings.SplitSeq(text, "\n\n") {
		p := pack{fields: block}
		status := ""
		for line := range strings.SplitSeq(block, "\n") {
			name, value, ok := strings.Cut(line, ": ")
			if !ok || line[0] == ' ' {
				continue
			}
			switch name {
			case "Package":
				p.name = value
			case "Version":
				p.version = value
			case "Architecture":
				p.arch = value
			case "Section":
				p.section = value
			case "Description":
				p.summary = value
			case "Status":
				status = value
			case "Installed-Size":
				p.size, _ = strconv.Atoi(value)
			}
		}
		if p.name != "" && strings.HasSuffix(status, " installed") {
			out = append(out, p)
		}
	}
	return out
}

// apkStanzas reads apk's database.
func apkStanzas(text string) []pack {
	var out []pack
	for block := range strings.SplitSeq(text, "\n\n") {
		p := pack{fields: block}
		for line := range strings.SplitSeq(block, "\n") {
			if len(line) < 2 || line[1] != ':' {
				continue
			}
			switch value := line[2:]; line[0] {
			case 'P':
				p.name = value
			case 'V':
				p.version = value
			case 'A':
				p.arch = value
			case 'T':
				p.summary = value
			case 'I':
				n, _ := strconv.Atoi(value)
				p.size = n / 1024
			}
		}
		if p.name != "" {
			out = append(out, p)
		}
	}
	return out
}

// maxInstalls bounds how many packages one call installs.
const maxInstalls = 60

// put records a package and puts its programs on the host.
func put(c *program.Call, p pack) error {
	view := root(c)
	world := peer.Of(c.Machine)
	for _, path := range p.programs {
		if _, err := view.Lstat(path); err == nil {
			continue
		}
		if err := view.WriteFile(path, world.Program(p.name+path), 0o755); err != nil {
			return fmt.Errorf("unpack %s: %w", path, err)
		}
		if err := view.Chmod(path, 0o755); err != nil {
			return fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	var err error
	switch c.Machine.Release.Family {
	case "debian":
		stanza := fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nSection: %s\nInstalled-Size: %d\nMaintainer: Debian developers <debian-devel@lists.debian.org>\nArchitecture: %s\nVersion: %s\nDescription: %s\n\n", p.name, p.section, p.size, p.arch, p.version, p.summary)
		if err = appendTo(view, dpkgStatus, stanza); err == nil {
			err = view.WriteFile("/var/lib/dpkg/info/"+p.name+".list", []byte("/.\n"+strings.Join(append(p.programs, "/usr/share/doc/"+p.name), "\n")+"\n"), 0o644)
		}
		note := c.Now().In(c.Machine.Zone.Location).Format(time.DateTime)
		if err == nil {
			err = appendTo(view, "/var/log/dpkg.log", fmt.Sprintf("%[1]s install %[2]s:%[3]s <none> %[4]s\n%[1]s status installed %[2]s:%[3]s %[4]s\n", note, p.name, p.arch, p.version))
		}
	case "alpine":
		err = appendTo(view, apkInstalled, fmt.Sprintf("C:Q1%027X=\nP:%s\nV:%s\nA:%s\nS:%d\nI:%d\nT:%s\n\n", hash(p.name), p.name, p.version, p.arch, p.fetch*1024, p.size*1024, p.summary))
	default:
		err = appendTo(view, rpmState, "+"+p.name+"\n")
	}
	return err
}

// take removes a package's programs and record.
func take(c *program.Call, p pack) error {
	view := root(c)
	for _, path := range filesOf(c, p) {
		if info, err := view.Lstat(path); err == nil && !info.IsDir() {
			if err := view.Remove(path); err != nil {
				return fmt.Errorf("remove %s: %w", path, err)
			}
		}
	}
	switch c.Machine.Release.Family {
	case "debian":
		return rewrite(view, dpkgStatus, "Package: "+p.name+"\n")
	case "alpine":
		return rewrite(view, apkInstalled, "P:"+p.name+"\n")
	}
	return appendTo(view, rpmState, "-"+p.name+"\n")
}

// rewrite leaves out the stanza that has a line.
func rewrite(view vfs.View, path, line string) error {
	data, err := view.ReadFile(path)
	if err != nil {
		return err
	}
	var b strings.Builder
	for block := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n\n"), "\n\n") {
		if !strings.Contains("\n"+block+"\n", "\n"+line) {
			b.WriteString(block + "\n\n")
		}
	}
	return view.WriteFile(path, []byte(b.String()), 0o644)
}

// appendTo adds to a file.
func appendTo(view vfs.View, path, text string) error {
	data, err := view.ReadFile(path)
	if err != nil {
		data = nil
		if err := view.Mkdir(path[:strings.LastIndexByte(path, '/')], 0o755); err != nil && !strings.Contains(err.Error(), "exists") {
			return err
		}
	}
	return view.WriteFile(path, append(data, text...), 0o644)
}

// filesOf are the files of a package that is installed.
func filesOf(c *program.Call, p pack) []string {
	if data, err := root(c).ReadFile("/var/lib/dpkg/info/" + p.name + ".list"); err == nil {
		var out []string
		for line := range strings.Lines(string(data)) {
			if path := strings.TrimSpace(line); path != "" && path != "/." {
				out = append(out, path)
			}
		}
		return out
	}
	if own := image.Brought(c.Machine.Release, p.name); len(own) > 0 {
		return own
	}
	if q, ok := find(offered(c), p.name); ok && len(q.programs) > 0 {
		return q.programs
	}
	return image.Owned(c.Machine.Release, p.name)
}

// reach tells whether the host of an archive can be found, after the time that
// it takes to ask.
func reach(c *program.Call, host string) bool {
	_, failure := peer.Of(c.Machine).Lookup(host)
	if failure != peer.Found {
		return !c.Resolving() && false
	}
	c.Kernel.Wanted("connect", c.Name+" "+host)
	c.Wait(time.Duration(c.Machine.Number("mirror/"+host, 40, 300)) * time.Millisecond)
	return c.Stop == nil
}

// thousands is a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
