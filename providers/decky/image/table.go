// Package image makes the file system that a host of a distribution has before
// anybody came: one immutable vfs.Image per distribution and kernel, which all
// its hosts share, and for each host the content and the times that are its own
// (Facts). Package names, versions, program names and sizes are facts of the
// distributions' archives; texts are our own. It runs nothing and reads nothing
// of the machine that it runs on.
package image

import (
	"embed"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/persona"
)

//go:embed data
var data embed.FS

// Package is an installed package.
type Package struct {
	Name, Version string
	Size          int    // KiB installed
	Summary       string // one line
	programs      []string
}

// program is one line of the table of programs.
type program struct {
	path, target string // target of a link
	size         int64
	mode         uint32
}

// lines of an embedded file; the build says that it is there.
func lines(name string) []string {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// programTable are the programs by the name of the package that they are known
// by.
func programTable(name string) map[string][]program {
	out := map[string][]program{}
	for _, line := range lines(name) {
		f := strings.Fields(line)
		switch {
		case len(f) == 4 && f[2] == "->":
			out[f[0]] = append(out[f[0]], program{path: f[1], target: f[3]})
		case len(f) == 4:
			size, _ := strconv.ParseInt(f[2], 10, 64)
			mode, _ := strconv.ParseUint(f[3], 8, 32)
			out[f[0]] = append(out[f[0]], program{path: f[1], size: size, mode: uint32(mode)})
		}
	}
	return out
}

var summaries = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, line := range lines("summaries.txt") {
		name, text, _ := strings.Cut(line, " ")
		out[name] = text
	}
	return out
})

// Packages are what is installed of a release, sorted by name. The slice is the
// caller's.
func Packages(r persona.Release) []Package {
	slug := tableSlug(r)
	out := slices.Clone(packageTables()[slug])
	for i := range out { // a kernel of the user's own
		out[i].Name = strings.Replace(out[i].Name, known(slug).Kernel, r.Kernel, 1)
	}
	if r.Serving != "" {
		for _, o := range additions(r) {
			out = append(out, o.Package)
		}
		slices.SortFunc(out, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// tableSlug is the distribution whose table is a release's.
func tableSlug(r persona.Release) string {
	if !slices.Contains(persona.Distros(), r.Slug) {
		return "debian"
	}
	return r.Slug
}

// known is the table's own release of a distribution.
func known(slug string) persona.Release { return persona.Known(slug) }

var packageTables = sync.OnceValue(func() map[string][]Package {
	sizes := map[string]int{}
	for _, line := range lines("packages/debian.txt") {
		if f := strings.Fields(line); len(f) == 3 {
			sizes[f[0]], _ = strconv.Atoi(f[2])
		}
	}
	out := map[string][]Package{}
	for _, slug := range persona.Distros() {
		for _, line := range lines("packages/" + slug + ".txt") {
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			p := Package{Name: f[0], Version: f[1], Size: sizes[f[0]], programs: []string{f[0]}}
			if p.Size == 0 {
				p.Size = 60 + int(hash(f[0])%900)
			}
			if len(f) > 2 && strings.HasPrefix(f[2], "=") {
				p.programs = strings.Split(f[2][1:], ",")
			}
			p.Summary = summaryOf(p)
			out[slug] = append(out[slug], p)
		}
		slices.SortFunc(out[slug], func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
})

func summaryOf(p Package) string {
	for _, name := range append([]string{p.Name}, p.programs...) {
		if s := summaries()[name]; s != "" {
			return s
		}
	}
	name := strings.TrimPrefix(p.Name, "lib")
	switch {
	case strings.HasPrefix(p.Name, "linux-image"), p.Name == "kernel", p.Name == "linux", strings.HasPrefix(p.Name, "linux-lts"):
		return "Linux kernel"
	case strings.HasPrefix(p.Name, "lib"), strings.HasSuffix(p.Name, "-libs"):
		return strings.TrimSuffix(strings.TrimRight(name, "0123456789.-"), "-libs") + " library (runtime)"
	}
	return p.Name + " programs and data"
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// file is one of the table of /etc.
type file struct {
	path string
	mode uint32
	text string
	kind string // "made", "noise:N", "gzip:N", "moduli", "gone", or "-> target"
}

// files reads one table: a line "== path mode [kind]" before each text.
func files(name string) []file {
	var out []file
	for _, line := range lines(name + ".txt") {
		if head, ok := strings.CutPrefix(line, "== "); ok {
			f := strings.SplitN(head, " ", 3)
			mode, _ := strconv.ParseUint(f[1], 8, 32)
			x := file{path: f[0], mode: uint32(mode)}
			if len(f) == 3 {
				x.kind = f[2]
			}
			out = append(out, x)
			continue
		}
		if len(out) == 0 { // an empty table
			continue
		}
		out[len(out)-1].text += line + "\n"
	}
	return out
}

// Owned are the programs that a package of a release brings.
func Owned(r persona.Release, name string) []string {
	table := programTable("programs.txt")
	if r.Family == "alpine" {
		table = programTable("alpine.txt")
	}
	out := Brought(r, name)
	for _, p := range Packages(r) {
		if p.Name != name {
			continue
		}
		for _, n := range p.programs {
			for _, x := range table[n] {
				out = append(out, x.path)
			}
		}
	}
	return out
}
