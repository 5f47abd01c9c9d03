// Package firewall holds iptables and its kin. It keeps rules and shows them; it
// filters nothing.
package firewall

import "github.com/decnet/decnet/providers/decky/shell/program"

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	all := map[string]program.Func{"nft": nft}
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, build := range []string{"", "-nft", "-legacy"} {
			all[family+build] = iptables
			all[family+build+"-save"] = save
			all[family+build+"-restore"] = restore
		}
		all[family+"-translate"] = translate
	}
	return all
}
