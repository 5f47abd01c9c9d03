// Package version knows which build this is.
package version

import "runtime/debug"

// Version is stamped by the linker; a plain go build leaves it empty.
var Version string

// String is the version, or the revision the toolchain recorded, or "dev".
func String() string {
	if Version != "" {
		return Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "dev"
}
