package image_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// TestImagesFitTheirDistribution holds what an image has and has not to what
// everybody knows of the distribution.
func TestImagesFitTheirDistribution(t *testing.T) {
	for _, distro := range persona.Distros() {
		m := image.Of(persona.Known(distro))
		has := func(path string) bool { return m.Lookup(path) != nil }
		manager := map[string]string{"debian": "/usr/bin/dpkg", "rhel": "/usr/bin/rpm", "alpine": "/sbin/apk", "arch": "/usr/bin/pacman"}
		for family, path := range manager {
			if has(path) != (family == persona.Known(distro).Family) {
				t.Errorf("%s: %s is there: %v", distro, path, has(path))
			}
		}
		if link := m.Lookup("/bin"); (link.Mode&vfs.TypeMask == vfs.TypeLink) != (distro != "alpine") {
			t.Errorf("%s: /bin has the mode %o", distro, link.Mode)
		}
		if has("/usr/lib/systemd/systemd") != (distro != "alpine") || has("/bin/busybox") != (distro == "alpine") || has("/usr/bin/python2.7") != (distro == "centos7") {
			t.Errorf("%s has programs of another", distro)
		}
		for _, name := range strings.Fields("ls cat ps free mount umount wget curl passwd crontab vi tar awk sed grep find kill dmesg uname id stat") {
			if distro == "arch" && name == "crontab" { // it has timers
				continue
			}
			if !slices.ContainsFunc([]string{"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"}, func(dir string) bool { return has(dir + name) }) {
				t.Errorf("%s lacks %s", distro, name)
			}
		}
		setuid := 0
		for _, e := range m.Entries() {
			if e.Mode&0o4000 != 0 {
				setuid++
			}
			if e.Mode&vfs.TypeMask == vfs.TypeLink && e.Target == "" || strings.Contains(e.Path, "//") || strings.Contains(e.Path, "@") && !strings.HasSuffix(e.Path, ".service") && !strings.Contains(e.Path, "alpine-devel@") {
				t.Errorf("%s: %+v", distro, e)
			}
		}
		if setuid < 2 {
			t.Errorf("%s has %d setuid programs", distro, setuid)
		}
	}
}

// TestLinksLeadSomewhere follows the links of /usr/bin and /etc.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, distro := range persona.Distros() {
		m := image.Of(persona.Known(distro))
		f := vfs.Of(m, nil, 1<<20, time.Now)
		for _, e := range m.Entries() {
			if e.Mode&vfs.TypeMask != vfs.TypeLink || !strings.HasPrefix(e.Path, "/usr/bin/") && !strings.HasPrefix(e.Path, "/usr/sbin/") {
				continue
			}
			if _, err := f.As(0, 0).Stat(e.Path); err != nil {
				t.Errorf("%s: %s -> %s: %v", distro, e.Path, e.Target, err)
			}
		}
	}
}

func TestPackagesHaveVersions(t *testing.T) {
	for _, distro := range persona.Distros() {
		packages := image.Packages(persona.Known(distro))
		if len(packages) < 50 || !slices.IsSortedFunc(packages, func(a, b image.Package) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s has %d packages", distro, len(packages))
		}
		for i, p := range packages {
			if p.Summary == "" || p.Size <= 0 || !regexp.MustCompile(`^[0-9]`).MatchString(p.Version) || i > 0 && packages[i-1].Name == p.Name {
				t.Errorf("%s: %+v", distro, p)
			}
		}
	}
	a, b := image.Packages(persona.Known("debian")), image.Packages(persona.Release{Slug: "debian", Kernel: "6.1.0-99-amd64"})
	if slices.EqualFunc(a, b, func(x, y image.Package) bool { return x.Name == y.Name }) {
		t.Error("another kernel is no other package")
	}
}
