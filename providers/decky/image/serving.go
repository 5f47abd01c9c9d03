package image

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/web/face"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// maxServing bounds how many programs of services an image takes.
const maxServing = 16

// Serving is r with what the programs of a host's services are installed from:
// "nginx", "apache", "inetutils", as decky.Listening names them. What a release
// has anyway adds nothing, and a program that no package brings stands alone.
func Serving(r persona.Release, host decky.Host, programs []string) persona.Release {
	host.Distro = r.Slug
	list := slices.Clone(programs)
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(p string) bool { return p == "openssh" || !plain(p) })
	var b strings.Builder
	for _, p := range list[:min(len(list), maxServing)] {
		banner := ""
		switch p {
		case site.Nginx, site.Apache, site.Lighttpd:
			banner = face.Choose(host, "", p).Server
		default:
			banner = host.Packages[p]
		}
		b.WriteString(p + "=" + strings.Map(printable, banner) + ";")
	}
	r.Serving = strings.TrimSuffix(b.String(), ";")
	return r
}

// printable leaves out what divides the list.
func printable(c rune) rune {
	if c < ' ' || c > '~' || c == ';' {
		return -1
	}
	return c
}

// plain tells a name that a file may have.
func plain(name string) bool {
	return name != "" && len(name) <= 32 && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}

// Banner is how a program of a release with services announces itself:
// "nginx/1.22.1"; "" where it does not.
func Banner(r persona.Release, program string) string {
	for _, s := range served(r) {
		if s.program == program {
			return s.banner
		}
	}
	return ""
}

// service is one program of a host's services.
type service struct{ program, banner string }

// served reads what Serving wrote.
func served(r persona.Release) []service {
	var out []service
	for part := range strings.SplitSeq(r.Serving, ";") {
		if name, banner, ok := strings.Cut(part, "="); ok {
			out = append(out, service{name, banner})
		}
	}
	return out
}

// optional is a package of services.
type optional struct {
	products, tags []string
	Package
	files []program
}

var optionals = sync.OnceValue(func() []optional {
	var out []optional
	for _, line := range lines("serving/packages.txt") {
		f := strings.Split(line, "|")
		products, tags, _ := strings.Cut(f[0], " ")
		o := optional{products: strings.Split(products, ","), tags: strings.Split(tags, ","), Package: Package{Name: f[1], Summary: f[3]}}
		o.Size, _ = strconv.Atoi(f[2])
		o.Size = max(o.Size, 1)
		for _, x := range strings.Fields(f[4]) {
			if path, target, ok := strings.Cut(x, "->"); ok {
				o.files = append(o.files, program{path: path, target: target})
				continue
			}
			p := strings.Split(x, ":")
			size, _ := strconv.ParseInt(p[1], 10, 64)
			mode, _ := strconv.ParseUint(p[2], 8, 32)
			o.files = append(o.files, program{path: p[0], size: size, mode: uint32(mode)})
		}
		out = append(out, o)
	}
	return out
})

var optionalVersions = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, line := range lines("serving/versions.txt") {
		f := strings.Fields(line)
		out[f[0]] = map[string]string{}
		for _, x := range f[1:] {
			slug, version, _ := strings.Cut(x, "=")
			out[f[0]][slug] = version
		}
	}
	return out
})

// Upstream is the version within a package's: without epoch and revision.
func Upstream(version string) string {
	if i := strings.IndexByte(version, ':'); i >= 0 {
		version = version[i+1:]
	}
	version, _, _ = strings.Cut(version, "-")
	return version
}

// version is that of a package that brings s, in the distribution's form; what
// the service announces is the upstream part of it.
func (s service) version(slug, name string) string {
	table := optionalVersions()
	if own := table[name]; own != nil && name != s.program {
		return own[slug]
	}
	v := table[s.program][slug]
	says := s.banner
	if i := strings.IndexByte(says, '/'); i >= 0 {
		says = says[i+1:]
	}
	says, _, _ = strings.Cut(says, " ")
	if says == "" || says[0] < '0' || says[0] > '9' {
		return v
	}
	return strings.Replace(v, Upstream(v), says, 1)
}

// additions are the packages of a release's services, sorted by name, without
// those that are the release's own.
func additions(r persona.Release) []optional {
	if r.Serving == "" {
		return nil
	}
	slug := tableSlug(r)
	have := map[string]bool{}
	for _, p := range packageTables()[slug] {
		have[p.Name] = true
	}
	var out []optional
	for _, s := range served(r) {
		for _, o := range optionals() {
			if !slices.Contains(o.products, s.program) || have[o.Name] || !slices.Contains(o.tags, r.Family) && !slices.Contains(o.tags, slug) {
				continue
			}
			have[o.Name] = true
			o.Version = s.version(slug, o.Name)
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b optional) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Brought are the programs that a package of a release's services brings; none
// where it is the release's own.
func Brought(r persona.Release, name string) []string {
	var out []string
	for _, o := range additions(r) {
		if o.Name == name {
			for _, x := range o.files {
				out = append(out, x.path)
			}
		}
	}
	return out
}

// extend is the image of a release with its services.
func extend(base *vfs.Image, r persona.Release) *vfs.Image {
	b := newBuilder(r)
	b.image = base.Extend()
	list := additions(b.r)
	for _, o := range list {
		for _, x := range o.files {
			if x.size == 0 && x.target == "" {
				b.owned[o.Name] = append(b.owned[o.Name], x.path)
				continue // among the configuration
			}
			b.program(o.Package, x, "")
		}
	}
	for _, s := range served(b.r) {
		b.serve(s)
	}
	b.remember(list)
	return b.image
}

// remember puts the packages into the database of the package manager.
func (b *builder) remember(list []optional) {
	add := func(path, text string) {
		if e := b.image.Lookup(path); e != nil {
			if old, ok := e.Source.(Text); ok {
				b.file(path, e.Mode&0o7777, Joined{old, Text(text)})
			}
		}
	}
	var text strings.Builder
	for _, o := range list {
		switch b.r.Family {
		case "debian":
			text.WriteString(stanza(b.r, o.Package))
			b.file("/var/lib/dpkg/info/"+o.Name+".list", 0o644, Text(b.listOf(o.Package)))
			b.file("/var/lib/dpkg/info/"+o.Name+".md5sums", 0o644, Text(b.sums(o.Package)))
		case "alpine":
			text.WriteString(b.apkStanza(o.Package))
		case "arch":
			b.pacmanEntry(o.Package)
		}
	}
	switch b.r.Family {
	case "debian":
		add("/var/lib/dpkg/status", text.String())
		add("/var/lib/dpkg/status-old", text.String())
	case "alpine":
		add("/lib/apk/db/installed", text.String())
		var world string
		for _, o := range list {
			if !strings.HasSuffix(o.Name, "-openrc") {
				world += o.Name + "\n"
			}
		}
		add("/etc/apk/world", world)
	}
}
