package software

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
)

// apkHost is where Alpine's packages come from.
const apkHost = "dl-cdn.alpinelinux.org"

// apk is Alpine's package manager, version 2.14.
func apk(c *program.Call) int {
	var names, flags []string
	verb := ""
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "-t" || a == "--virtual" || a == "-X" || a == "--repository" || a == "-p" || a == "--root":
			i++
		case a == "-V" || a == "--version":
			c.Print("apk-tools 2.14.0, compiled for " + c.Machine.Release.Machine + ".\n")
			return 0
		case strings.HasPrefix(a, "-"):
			flags = append(flags, a)
		case verb == "":
			verb = a
		default:
			names = append(names, a)
		}
	}
	has := func(list ...string) bool {
		return slices.ContainsFunc(list, func(f string) bool { return slices.Contains(flags, f) })
	}
	if c.User.UID != 0 && slices.Contains([]string{"add", "del", "update", "upgrade", "fix", "cache"}, verb) {
		c.Err.Print("ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied\n")
		return 99
	}
	switch verb {
	case "add":
		return apkAdd(c, names)
	case "del":
		return apkDel(c, names)
	case "update":
		if apkIndex(c, true) != 0 {
			return 2
		}
		c.Printf("v3.19.7-46-g6d3b29a9a5c [https://%[1]s/alpine/v3.19/main]\nv3.19.7-47-ga1a54ff8a82 [https://%[1]s/alpine/v3.19/community]\nOK: 23026 distinct packages available\n", apkHost)
	case "upgrade", "fix":
		if apkIndex(c, false) != 0 {
			return 2
		}
		apkOK(c)
	case "info", "list", "search", "policy":
		return apkQuery(c, verb, names, has)
	case "version":
		c.Print("Installed:                                Available:\n")
	case "audit", "cache", "verify", "fetch", "stats", "dot", "manifest", "index", "convert":
	case "":
		c.Print("apk-tools 2.14.0, compiled for " + c.Machine.Release.Machine + ".\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n\nPackage installation and removal:\n  add        Add packages to WORLD and commit changes\n  del        Remove packages from WORLD and commit changes\n\nSystem maintenance:\n  fix        Fix, reinstall or upgrade packages without modifying WORLD\n  update     Update repository indexes\n  upgrade    Install upgrades available from repositories\n\nQuerying package information:\n  info       Give detailed information about packages or repositories\n  list       List packages matching a pattern or other criteria\n  search     Search for packages by name or description\n\nThis apk has coffee making abilities.\n")
		return 1
	default:
		c.Err.Print("apk: '" + verb + "' is not an apk command. See 'apk --help'.\n")
		return 1
	}
	return 0
}

// apkIndex fetches the indexes.
func apkIndex(c *program.Call, say bool) int {
	if _, failure := peer.Of(c.Machine).Lookup(apkHost); failure != peer.Found {
		for _, part := range []string{"main", "community"} {
			url := "https://" + apkHost + "/alpine/v3.19/" + part
			c.Print("fetch " + url + "/" + c.Machine.Release.Machine + "/APKINDEX.tar.gz\n")
			if !c.Resolving() {
				return 2
			}
			c.Err.Print("WARNING: updating and opening " + url + ": temporary error (try again later)\n")
		}
		return 2
	}
	if info, err := root(c).Stat("/var/cache/apk/APKINDEX.a5d0f8b2.tar.gz"); err == nil && !say && c.Now().Sub(info.MTime) < 4*time.Hour {
		return 0
	}
	for _, part := range []string{"main", "community"} {
		c.Print("fetch https://" + apkHost + "/alpine/v3.19/" + part + "/" + c.Machine.Release.Machine + "/APKINDEX.tar.gz\n")
		if !c.Wait(time.Duration(c.Machine.Number("apk/"+part, 150, 900)) * time.Millisecond) {
			return 2
		}
	}
	c.Kernel.Wanted("connect", "apk "+apkHost)
	if err := root(c).WriteFile("/var/cache/apk/APKINDEX.a5d0f8b2.tar.gz", nil, 0o644); err != nil {
		c.Err.Print("WARNING: /var/cache/apk: No space left on device\n")
	}
	return 0
}

// apkOK is the last line: what is installed.
func apkOK(c *program.Call) {
	have := installed(c)
	size := 0
	for _, p := range have {
		size += p.size
	}
	c.Printf("OK: %d MiB in %d packages\n", size/1024, len(have))
}

func apkAdd(c *program.Call, names []string) int {
	if apkIndex(c, false) != 0 {
		for _, n := range names {
			c.Err.Print("ERROR: unable to select packages:\n  " + n + " (no such package):\n    required by: world[" + n + "]\n")
		}
		return len(names)
	}
	have, archive := installed(c), known(c)
	var want []pack
	var missing []string
	for _, n := range names {
		bare := strings.FieldsFunc(n+"=", func(r rune) bool { return strings.ContainsRune("=<>~@", r) })
		if len(bare) == 0 {
			continue
		}
		if _, ok := find(have, bare[0]); ok {
			continue
		}
		p, ok := find(archive, bare[0])
		if !ok {
			missing = append(missing, n)
			continue
		}
		want = append(want, p)
	}
	if len(missing) > 0 {
		c.Err.Print("ERROR: unable to select packages:\n")
		for _, n := range missing {
			c.Err.Print("  " + n + " (no such package):\n    required by: world[" + n + "]\n")
		}
		return len(missing)
	}
	for i, p := range want {
		c.Printf("(%d/%d) Installing %s (%s)\n", i+1, len(want), p.name, p.version)
		if err := put(c, p); err != nil {
			c.Err.Print("ERROR: " + p.name + "-" + p.version + ": No space left on device\n")
			return 1
		}
		if err := appendTo(root(c), apkWorld, p.name+"\n"); err != nil || !c.Wait(time.Duration(40+p.fetch/20)*time.Millisecond) {
			return 1
		}
	}
	if p, ok := find(have, "busybox"); ok && len(want) > 0 {
		c.Print("Executing busybox-" + p.version + ".trigger\n")
	}
	apkOK(c)
	return 0
}

func apkDel(c *program.Call, names []string) int {
	have := installed(c)
	var gone []pack
	for _, n := range names {
		p, ok := find(have, n)
		if !ok {
			c.Err.Print("ERROR: No such package: " + n + "\n")
			return 1
		}
		gone = append(gone, p)
	}
	for i, p := range gone {
		c.Printf("(%d/%d) Purging %s (%s)\n", i+1, len(gone), p.name, p.version)
		if err := take(c, p); err != nil {
			return 1
		}
	}
	if p, ok := find(have, "busybox"); ok && len(gone) > 0 {
		c.Print("Executing busybox-" + p.version + ".trigger\n")
	}
	apkOK(c)
	return 0
}

func apkQuery(c *program.Call, verb string, names []string, has func(...string) bool) int {
	have := installed(c)
	status := 0
	switch verb {
	case "info":
		if len(names) == 0 {
			for _, p := range have {
				line := p.name
				if has("-v", "--verbose", "-vv") {
					line += "-" + p.version
				}
				if has("-vv", "-d") {
					line += " - " + p.summary
				}
				c.Print(line + "\n")
			}
			return 0
		}
		for _, n := range names {
			p, ok := find(have, n)
			switch {
			case has("-W", "--who-owns"):
				i := slices.IndexFunc(have, func(p pack) bool { return slices.Contains(filesOf(c, p), n) })
				if real, err := c.View().Resolve(n); i < 0 && err == nil && strings.HasSuffix(real, "/busybox") {
					if p, ok := find(have, "busybox"); ok {
						c.Print(n + " symlink target is owned by busybox-" + p.version + "\n")
						continue
					}
				}
				if i < 0 {
					c.Err.Print("ERROR: " + n + ": Could not find owner package\n")
					status = 1
					continue
				}
				c.Print(n + " is owned by " + have[i].name + "-" + have[i].version + "\n")
			case has("-e", "--installed"):
				if !ok {
					status++
					continue
				}
				c.Print(n + "\n")
			case !ok:
				status++
			case has("-L", "--contents"):
				c.Print(p.name + "-" + p.version + " contains:\n")
				for _, f := range filesOf(c, p) {
					c.Print(strings.TrimPrefix(f, "/") + "\n")
				}
				c.Print("\n")
			default:
				v := p.name + "-" + p.version
				c.Print(v + " description:\n" + p.summary + "\n\n" + v + " webpage:\nhttps://www.alpinelinux.org/\n\n" + v + " installed size:\n" + fmt.Sprintf("%d KiB\n\n", p.size))
			}
		}
	case "list":
		for _, p := range known(c) {
			q, there := find(have, p.name)
			if has("-I", "--installed", "-i") && !there || !like(p.name, names) {
				continue
			}
			state := ""
			if there {
				p.version, state = q.version, " [installed]"
			}
			c.Print(p.name + "-" + p.version + " " + c.Machine.Release.Machine + " {" + p.name + "} (MIT)" + state + "\n")
		}
	case "search":
		for _, p := range known(c) {
			if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(p.name, strings.Trim(n, "*")) }) {
				line := p.name + "-" + p.version
				if has("-v", "--verbose", "-d") {
					line += " - " + p.summary
				}
				c.Print(line + "\n")
			}
		}
	case "policy":
		for _, n := range names {
			if p, ok := find(known(c), n); ok {
				c.Print(n + " policy:\n  " + p.version + ":\n    https://" + apkHost + "/alpine/v3.19/main\n")
			}
		}
	}
	return status
}
