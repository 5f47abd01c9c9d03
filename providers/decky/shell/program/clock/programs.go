// Package clock holds the programs that tell and take time: date, sleep.
package clock

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"date": date, "sleep": sleep,
	}
}
