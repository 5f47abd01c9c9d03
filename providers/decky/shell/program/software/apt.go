package software

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func apt(c *program.Call) int {
	verb := ""
	var packages []string
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		default:
			packages = append(packages, a)
		}
	}
	root := c.User.UID == 0
	switch verb {
	case "":
		c.Print("apt 2.6.1 (amd64)\nUsage: apt [options] command\n")
		return 0
	case "update", "upgrade", "install", "remove", "purge", "dist-upgrade", "full-upgrade", "autoremove":
		if !root {
			c.Err.Print("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
			return 100
		}
	}
	switch verb {
	case "update":
		for i, suite := range []string{"debian bookworm", "debian-security bookworm-security", "debian bookworm-updates"} {
			if !c.Resolving() {
				return 100
			}
			c.Printf("Ign:%d http://deb.debian.org/%s InRelease\n", i+1, suite)
		}
		c.Print("Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'\nReading package lists... Done\n")
		c.Err.Print("W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'\nW: Some index files failed to download. They have been ignored, or old ones used instead.\n")
	case "install":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		status := 0
		for _, p := range packages {
			if _, err := c.Find(p); err == nil {
				c.Printf("%s is already the newest version.\n", p)
				continue
			}
			c.Err.Print("E: Unable to locate package " + p + "\n")
			status = 100
		}
		if status == 0 {
			c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		}
		return status
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\nCalculating upgrade... Done\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "remove", "purge":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		for _, p := range packages {
			c.Printf("Package '%s' is not installed, so not removed\n", p)
		}
		c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "list", "search", "show", "clean", "autoclean":
	default:
		c.Err.Print("E: Invalid operation " + verb + "\n")
		return 100
	}
	return 0
}
