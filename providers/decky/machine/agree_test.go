package machine_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
)

// programs are what services of deckies claim to be.
var programs = []string{"openssh", "dropbear", "inetutils", "netkit", "busybox", "nginx", "apache", "lighttpd", "redis", "tomcat", "jenkins", "grafana", "printer", "unheard"}

// TestWhatRunsIsInstalled holds for every distribution and every program of a
// service: each process has its program in the file system, and each unit its
// package among those that are installed.
func TestWhatRunsIsInstalled(t *testing.T) {
	for _, distro := range persona.Distros() {
		for _, program := range programs {
			m := serving(distro, decky.Listening{Name: "x", Slug: "x", Program: program, Ports: tcp(80)})
			root := m.FS.As(0, 0)
			for _, p := range m.Processes() {
				if p.Exe == "" {
					continue
				}
				if info, err := root.Stat(p.Exe); err != nil || info.IsDir() || info.Mode&0o100 == 0 {
					t.Errorf("%s with %s runs %s (%s), which is no program: %v", distro, program, p.Exe, p.Args, err)
				}
			}
			installed := map[string]bool{}
			for _, p := range image.Packages(m.Release) {
				if installed[p.Name] {
					t.Errorf("%s with %s has %s twice", distro, program, p.Name)
				}
				installed[p.Name] = true
			}
			for _, s := range m.Services() {
				if s.Package != "" && !installed[s.Package] {
					t.Errorf("%s runs %s of the package %s, which is not installed", distro, program, s.Package)
				}
				if s.Package != "" {
					database(t, m, s.Package)
				}
			}
		}
	}
}

// database checks that the package manager's files know a package.
func database(t *testing.T, m *machine.Machine, name string) {
	t.Helper()
	file, line := "", ""
	switch m.Release.Family {
	case "debian":
		file, line = "/var/lib/dpkg/status", "Package: "+name+"\n"
	case "alpine":
		file, line = "/lib/apk/db/installed", "\nP:"+name+"\n"
	default:
		return
	}
	text, err := m.FS.As(0, 0).ReadFile(file)
	if err != nil || strings.Count(string(text), line) != 1 {
		t.Errorf("%s: %s has %d times %q (%v)", m.Release.Slug, file, strings.Count(string(text), line), line, err)
	}
}
