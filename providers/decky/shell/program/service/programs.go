// Package service holds what starts services and jobs: systemctl, crontab.
package service

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"crontab": crontab, "systemctl": systemctl, "service": systemctl,
	}
}
