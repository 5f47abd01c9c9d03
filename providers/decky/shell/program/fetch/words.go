package fetch

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// release is the first version of a list of "distro=version" that fits the host,
// the last one where none does.
func release(c *program.Call, list string) string {
	slug, version := c.Machine.Release.Slug, ""
	for entry := range strings.FieldsSeq(list) {
		var name string
		if name, version, _ = strings.Cut(entry, "="); name == slug {
			return version
		}
	}
	return version
}

// Versions are those of the distributions' packages.
const (
	wgetVersions = "debian=1.21.3 debian11=1.21 ubuntu20=1.20.3 ubuntu22=1.21.2 centos7=1.14 rocky9=1.21.1 fedora=1.21.4 kali=1.25.0 arch=1.25.0 alpine=1.21.4 *=1.21.3"
	curlVersions = "debian=7.88.1 debian11=7.74.0 ubuntu20=7.68.0 ubuntu22=7.81.0 centos7=7.29.0 rocky9=7.76.1 fedora=8.6.0 kali=8.11.1 arch=8.11.1 alpine=8.5.0 *=7.88.1"
)

// local is the host's time as the program's user has it.
func local(c *program.Call) time.Time {
	now := c.Now()
	if tz, ok := c.Getenv("TZ"); ok {
		if tz == "" || strings.HasPrefix(tz, "UTC") || strings.HasPrefix(tz, "GMT") {
			return now.UTC()
		}
	}
	if l := c.Machine.Zone.Location; l != nil {
		return now.In(l)
	}
	return now.UTC()
}

func stamp(c *program.Call) string { return local(c).Format("2006-01-02 15:04:05") }

// quoted is a name in the quotes of the locale.
func quoted(c *program.Call, name string) string {
	for _, v := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, _ := c.Getenv(v); value != "" {
			if upper := strings.ToUpper(value); strings.Contains(upper, "UTF-8") || strings.Contains(upper, "UTF8") {
				return "‘" + name + "’"
			}
			break
		}
	}
	return "'" + name + "'"
}
