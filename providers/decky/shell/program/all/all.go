// Package all joins the programs of the packages beside it into one table. It
// holds no program of its own.
package all

import (
	"maps"
	"slices"
	"sync"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/account"
	"github.com/decnet/decnet/providers/decky/shell/program/archive"
	"github.com/decnet/decnet/providers/decky/shell/program/awk"
	"github.com/decnet/decnet/providers/decky/shell/program/busybox"
	"github.com/decnet/decnet/providers/decky/shell/program/clock"
	"github.com/decnet/decnet/providers/decky/shell/program/compare"
	"github.com/decnet/decnet/providers/decky/shell/program/editor"
	"github.com/decnet/decnet/providers/decky/shell/program/encode"
	"github.com/decnet/decnet/providers/decky/shell/program/fetch"
	"github.com/decnet/decnet/providers/decky/shell/program/file"
	"github.com/decnet/decnet/providers/decky/shell/program/find"
	"github.com/decnet/decnet/providers/decky/shell/program/firewall"
	"github.com/decnet/decnet/providers/decky/shell/program/format"
	"github.com/decnet/decnet/providers/decky/shell/program/layout"
	"github.com/decnet/decnet/providers/decky/shell/program/minor"
	"github.com/decnet/decnet/providers/decky/shell/program/network"
	"github.com/decnet/decnet/providers/decky/shell/program/pager"
	"github.com/decnet/decnet/providers/decky/shell/program/process"
	"github.com/decnet/decnet/providers/decky/shell/program/remote"
	"github.com/decnet/decnet/providers/decky/shell/program/script"
	"github.com/decnet/decnet/providers/decky/shell/program/secret"
	"github.com/decnet/decnet/providers/decky/shell/program/sed"
	"github.com/decnet/decnet/providers/decky/shell/program/service"
	"github.com/decnet/decnet/providers/decky/shell/program/software"
	"github.com/decnet/decnet/providers/decky/shell/program/system"
	"github.com/decnet/decnet/providers/decky/shell/program/text"
	"github.com/decnet/decnet/providers/decky/shell/program/web"
)

// table is made once and shared by all shells.
var table = sync.OnceValue(func() map[string]program.Func {
	all := map[string]program.Func{}
	for _, programs := range []func() map[string]program.Func{
		minor.Programs, // gives way to the others
		editor.Programs, pager.Programs, script.Programs, secret.Programs,
		account.Programs, archive.Programs, awk.Programs, busybox.Programs, clock.Programs, layout.Programs, compare.Programs, encode.Programs, fetch.Programs, file.Programs, find.Programs, firewall.Programs, format.Programs,
		network.Programs, process.Programs, remote.Programs, sed.Programs, service.Programs, software.Programs, system.Programs, text.Programs, web.Programs,
	} {
		for name, f := range programs() {
			all[name] = answering(f)
		}
	}
	return all
})

// answering is a program whose --help and --version end it well.
func answering(f program.Func) program.Func {
	return func(c *program.Call) int {
		status := f(c)
		if c.Answered {
			return 0
		}
		return status
	}
}

// Find is the program of a name.
func Find(name string) (program.Func, bool) {
	f, ok := table()[name]
	return f, ok
}

// Names are the names of all programs, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table())) }
