// Package clock holds the programs that tell and take time: date, sleep,
// hwclock, cal. All read the machine's clock in the zone of its files.
package clock

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"date": date, "sleep": sleep, "hwclock": hwclock, "cal": calendar, "ntpdate": ntpdate, "chronyc": chronyc,
	}
}
