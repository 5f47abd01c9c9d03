package program

import (
	"regexp"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
)

// posixRule is a time zone as TZ may spell it out (POSIX, environment variables).
var posixRule = regexp.MustCompile(`^(<[+\-A-Za-z0-9]{3,9}>|[A-Za-z]{3,9})[+-]?[0-9]{1,2}(:[0-9]{2})?([A-Za-z<][A-Za-z0-9<>+\-,./:]*)?$`)

// maxZone bounds a zone's file.
const maxZone = 64 << 10

// Zone is the time zone that a program computes in: TZ's, else that of
// /etc/localtime; UTC where they name none, as tzset(3) has it.
func (c *Call) Zone() *time.Location {
	name, given := c.Getenv("TZ")
	view := c.Machine.FS.As(0, 0)
	path := "/etc/localtime"
	switch name = strings.TrimPrefix(name, ":"); {
	case !given:
		if info, err := view.Lstat(path); err == nil && strings.HasSuffix(info.Target, "/usr/share/zoneinfo/"+c.Machine.Zone.Name) {
			return c.Machine.Zone.Location
		}
	case name == "" || name == "UTC" || name == "UTC0" || name == "Etc/UTC":
		return time.UTC
	case strings.HasPrefix(name, "/"):
		path = name
	default:
		path = "/usr/share/zoneinfo/" + name
	}
	if data, err := view.ReadFile(path); err == nil && len(data) <= maxZone {
		if zone, err := time.LoadLocationFromTZData(name, data); err == nil {
			return zone
		}
	}
	if given && posixRule.MatchString(name) {
		if zone, err := time.LoadLocationFromTZData(name, persona.Zone{Rule: name}.File()); err == nil {
			return zone
		}
	}
	return time.UTC
}
