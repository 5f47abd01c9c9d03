package link

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Problem is what is wrong with a parent interface.
type Problem struct {
	Fatal  bool // children cannot be made, or nobody will reach them
	What   string
	Remedy string
}

// CheckParent tells what stands in the way of children of that driver on an
// interface. It changes nothing and needs no privilege.
func (h *Handle) CheckParent(name, driver string) ([]Problem, error) {
	links, err := h.Dump()
	if err != nil {
		return nil, err
	}
	return checkParent(links, name, driver, "/sys/class/net"), nil
}

func checkParent(links []Info, name, driver, sysfs string) []Problem {
	var parent *Info
	var names []string
	for i, l := range links {
		if l.Name == name {
			parent = &links[i]
		}
		if usable(l) {
			names = append(names, l.Name)
		}
	}
	if parent == nil {
		return []Problem{{Fatal: true, What: fmt.Sprintf("parent interface %s does not exist", name), Remedy: "set parent to one of: " + strings.Join(names, ", ")}}
	}
	var problems []Problem
	if !parent.Up {
		problems = append(problems, Problem{Fatal: true, What: fmt.Sprintf("parent interface %s is down", name), Remedy: "bring it up: ip link set " + name + " up"})
	}
	if parent.Name == "lo" || parent.Kind == "macvlan" && driver == DriverIPvlan || parent.Kind == "ipvlan" {
		problems = append(problems, Problem{Fatal: true, What: fmt.Sprintf("parent interface %s (%s) cannot have %s children", name, parent.Kind, driver), Remedy: "choose a physical interface, a bridge or a veth"})
	}
	dir := filepath.Join(sysfs, name)
	if index, err := os.ReadFile(filepath.Join(dir, "ifindex")); err != nil || strings.TrimSpace(string(index)) != strconv.Itoa(parent.Index) {
		return problems // sysfs shows another network namespace
	}
	if _, err := os.Stat(filepath.Join(dir, "wireless")); err == nil && driver == DriverMacvlan {
		problems = append(problems, Problem{Fatal: true, What: fmt.Sprintf("parent interface %s is Wi-Fi: an access point refuses frames with other MAC addresses", name), Remedy: `use driver = "ipvlan", or a wired interface`})
	}
	if to, err := os.Readlink(filepath.Join(dir, "device", "driver")); err == nil && filepath.Base(to) == "vmxnet3" && driver == DriverMacvlan {
		problems = append(problems, Problem{What: fmt.Sprintf("parent interface %s is VMware's: its switch drops foreign MAC addresses by default", name), Remedy: "allow promiscuous mode, MAC address changes and forged transmits on the port group"})
	}
	return problems
}

// usable tells whether an interface may be somebody's parent.
func usable(l Info) bool {
	return l.Name != "lo" && l.Alias == "" && l.Kind != "macvlan" && l.Kind != "ipvlan"
}

// DefaultParent is the up interface of the IPv4 default route, "" where there
// is none.
func (h *Handle) DefaultParent() (string, error) {
	links, err := h.Dump()
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if !l.Up {
			continue
		}
		routes, err := h.Routes(l.Name)
		if err != nil {
			return "", err
		}
		for _, r := range routes {
			if strings.HasPrefix(r, "default") {
				return l.Name, nil
			}
		}
	}
	return "", nil
}

// BridgeName is the interface name of a lineage's bridge network: names have 15
// bytes, so it is a digest.
func BridgeName(lineage, network string) string { return "dnbr" + short(lineage, network) }

// VethName is the interface name of the host's side of a decky's veth.
func VethName(lineage, decky string) string { return "dnve" + short(lineage, decky) }

func short(lineage, name string) string {
	sum := sha256.Sum256([]byte(lineage + "\x00" + name))
	return hex.EncodeToString(sum[:5])
}
