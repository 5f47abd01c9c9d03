package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// switches are the settings of Linux that forbid user namespaces to users, with
// the value that does and what to do about it.
var switches = []struct{ file, forbids, remedy string }{
	{"kernel/unprivileged_userns_clone", "0", "allow it with: sysctl -w kernel.unprivileged_userns_clone=1 (Debian's switch)"},
	{
		"kernel/apparmor_restrict_unprivileged_userns", "1",
		"allow it with: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu's switch), or give decnet an AppArmor profile with the rule userns",
	},
	{"user/max_user_namespaces", "0", "allow it with: sysctl -w user.max_user_namespaces=15000"},
	{"user/max_net_namespaces", "0", "allow it with: sysctl -w user.max_net_namespaces=15000"},
}

// remedy says which switch below sys (/proc/sys) is the reason, or what else
// can be.
func remedy(sys string) string {
	for _, s := range switches {
		data, err := os.ReadFile(filepath.Join(sys, s.file))
		if err == nil && strings.TrimSpace(string(data)) == s.forbids {
			return s.remedy
		}
	}
	return "in a container, start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined; elsewhere, run it as root"
}
