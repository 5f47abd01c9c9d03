package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/schema/derive"
)

// virtual are the prefixes that hypervisors and containers give: IEEE's MA-L
// registry (standards-oui.ieee.org), and the locally administered ones that
// QEMU (52:54:00) and Docker (02:42) document.
var virtual = map[string]string{
	"02:42": "Docker", "52:54:00": "QEMU", "08:00:27": "VirtualBox", "00:16:3e": "Xen", "00:1c:42": "Parallels",
	"00:05:69": "VMware", "00:0c:29": "VMware", "00:1c:14": "VMware", "00:50:56": "VMware", "00:15:5d": "Hyper-V",
}

// hardware are further prefixes of IEEE's MA-L registry, by what they are in.
var hardware = map[string]string{
	"f0:18:98": "apple", "a4:83:e7": "apple", "ac:bc:32": "apple", "3c:07:54": "apple", "00:03:93": "apple",
	"b8:27:eb": "raspberrypi", "dc:a6:32": "raspberrypi", "e4:5f:01": "raspberrypi", "28:cd:c1": "raspberrypi",
	"24:0a:c4": "espressif", "30:ae:a4": "espressif", "24:6f:28": "espressif", "00:11:32": "synology", "24:5e:be": "qnap",
	"00:15:6d": "ubiquiti", "00:27:22": "ubiquiti", "04:18:d6": "ubiquiti", "00:17:88": "philips-hue",
}

// fits are the OS families that a vendor's hardware runs; a vendor that is
// missing fits all but cisco.
var fits = map[string][]string{
	"apple": {}, "espressif": {"embedded"}, "raspberrypi": {"linux", "embedded", "bsd"}, "synology": {"linux", "embedded"}, "qnap": {"linux", "embedded"},
	"ubiquiti": {"linux", "embedded"}, "philips-hue": {"embedded"}, "cisco": {"cisco"}, "advantech": {"embedded", "linux", "windows"},
	"axis": {"embedded"}, "brother": {"embedded"}, "lantronix": {"embedded"}, "lexmark": {"embedded"}, "ricoh": {"embedded"},
	"siemens": {"embedded"}, "wago": {"embedded"}, "zebra": {"embedded"},
	"hp":   {"linux", "windows", "windows_server", "bsd", "embedded"},
	"dell": computers, "hpe": computers, "intel": computers, "supermicro": computers,
}

var computers = []string{"linux", "windows", "windows_server", "bsd"}

// vendorOf names who made an interface, "" where no table knows it.
func vendorOf(mac string) string {
	if len(mac) != 17 {
		return ""
	}
	if v := hardware[mac[:8]]; v != "" {
		return v
	}
	for _, v := range derive.Vendors() {
		if derive.MadeBy(mac, []string{v}) {
			return v
		}
	}
	return ""
}

// hypervisorOf names what gives out a MAC, or "".
func hypervisorOf(mac string) string {
	if len(mac) != 17 {
		return ""
	}
	if v := virtual[mac[:5]]; v != "" {
		return v
	}
	return virtual[mac[:8]]
}

const ouiSource = "standards-oui.ieee.org (MA-L)"

func macRules() []Rule {
	return []Rule{
		{
			ID: "DN1020", Name: "container-mac", Severity: Error, Summary: "A MAC is one that Docker gives to containers.", Check: containerMAC,
			Doc: Doc{
				Why:     "02:42 and the IP's four bytes is Docker's scheme on its bridges. Every arp -a shows it, and no host on a LAN has one.",
				Fix:     "Leave mac out, or name a vendor: vendor = \"dell\".",
				Sources: []string{"github.com/moby/moby: generateMacAddrOverride in libnetwork"},
			},
		},
		{
			ID: "DN1021", Name: "local-mac", Severity: Warning, Summary: "A MAC is locally administered: no maker has it.", Check: localMAC,
			Doc: Doc{
				Why:     "The second bit of the first byte says that software made the address up. Phones do so on wireless networks; servers and workstations carry a maker's prefix.",
				Fix:     "Leave mac out, or name a vendor.",
				Sources: []string{"IEEE 802-2014 section 8.2.2", ouiSource},
			},
		},
		{
			ID: "DN1022", Name: "vendor-of-another-os", Severity: Warning, Summary: "A MAC's maker builds nothing that runs the decky's OS.", Check: macOS,
			Doc: Doc{
				Why:     "nmap prints the maker beside the open ports: Windows on a Lexmark, or a router's personality on a Raspberry Pi, is read in one line.",
				Fix:     "Leave mac and vendor out: the maker is then one of the OS's own. vendor = ... chooses one.",
				Sources: []string{ouiSource},
			},
		},
		{
			ID: "DN1023", Name: "virtual-hardware", Severity: Warning, Summary: "A device that is always hardware has a virtual machine's MAC.", Check: virtualHardware,
			Doc: Doc{
				Why:     "Nobody runs a printer, a PLC, a phone system's terminal or a router as a guest of VMware. VirtualBox and Parallels belong to laptops, not to servers.",
				Fix:     "Name the device's vendor.",
				Sources: []string{ouiSource},
			},
		},
		{
			ID: "DN1024", Name: "one-vendor", Severity: Note, Summary: "All deckies have interfaces of one maker.", Check: oneVendor,
			Doc: Doc{
				Why: "An ARP scan of a real segment shows several makers. One maker for hosts that otherwise have nothing in common points to one source.",
				Fix: "Leave vendor out, so that each decky draws its own, or vary it.",
			},
		},
		{
			ID: "DN1025", Name: "consecutive-macs", Severity: Warning, Summary: "Three deckies or more have consecutive MACs.", Check: consecutiveMACs,
			Doc: Doc{
				Why: "Consecutive addresses are the ports of one card. Three hosts in a row were numbered by a program.",
				Fix: "Leave mac out: derived addresses are spread over the maker's range.",
			},
		},
		{
			ID: "DN1026", Name: "machine-of-another-vendor", Severity: Warning, Summary: "A decky's machine type is none that the MAC's maker builds.", Check: machineVendor,
			Doc: Doc{
				Why:     "A Raspberry Pi is an ARM computer; x86_64 in uname -a on its MAC cannot be.",
				Fix:     "Choose a distro whose machine is aarch64 or armv7l, or another vendor.",
				Sources: []string{"raspberrypi.com/documentation: processors"},
			},
		},
	}
}

func containerMAC(f *Fleet) []Finding {
	return each(f, "mac", func(d *Decky) string {
		if d.hypervisor == "Docker" {
			return "The MAC begins with 02:42, as Docker's containers have it."
		}
		return ""
	})
}

func localMAC(f *Fleet) []Finding {
	return each(f, "mac", func(d *Decky) string {
		if len(d.Host.MAC) < 2 || d.hypervisor != "" {
			return ""
		}
		if first, err := strconv.ParseUint(d.Host.MAC[:2], 16, 8); err != nil || first&2 == 0 {
			return ""
		}
		return "The MAC is locally administered: the second bit of its first byte is set."
	})
}

func macOS(f *Fleet) []Finding {
	return each(f, "mac", func(d *Decky) string {
		vendor := d.vendor
		families, known := fits[vendor]
		if !known || slices.Contains(families, d.Host.OS) || d.hypervisor != "" {
			return ""
		}
		return fmt.Sprintf("The MAC is of %s; the decky's os is %s.", vendor, d.Host.OS)
	})
}

// appliances are archetypes that are always hardware.
var appliances = []string{"printer", "iot-device", "industrial-control", "ip-camera", "router", "switch"}

func virtualHardware(f *Fleet) []Finding {
	return each(f, "mac", func(d *Decky) string {
		giver := d.hypervisor
		switch {
		case giver == "" || giver == "Docker":
			return ""
		case giver == "VirtualBox" || giver == "Parallels":
			return fmt.Sprintf("The MAC is %s's, which runs on laptops.", giver)
		case d.Host.OS == "embedded" || d.Host.OS == "cisco" || slices.Contains(appliances, d.Archetype):
			return fmt.Sprintf("The MAC is %s's; the decky is a device (os %s).", giver, d.Host.OS)
		default:
			return ""
		}
	})
}

// few is how many deckies a fleet has before what they share says something.
const few = 4

func oneVendor(f *Fleet) []Finding {
	if len(f.Deckies) < few {
		return nil
	}
	first := ""
	for _, d := range f.Deckies {
		vendor := d.vendor
		if vendor == "" {
			vendor = d.hypervisor
		}
		if vendor == "" || first != "" && vendor != first {
			return nil
		}
		first = vendor
	}
	return []Finding{among(fmt.Sprintf("All %d deckies have interfaces of %s.", len(f.Deckies), first), deckySubjects(f.Deckies, "vendor"))}
}

func consecutiveMACs(f *Fleet) []Finding {
	type numbered struct {
		n uint64
		d *Decky
	}
	all := make([]numbered, 0, len(f.Deckies))
	for _, d := range f.Deckies {
		if n, err := strconv.ParseUint(strings.ReplaceAll(d.Host.MAC, ":", ""), 16, 64); err == nil {
			all = append(all, numbered{n, d})
		}
	}
	slices.SortFunc(all, func(a, b numbered) int {
		if a.n < b.n {
			return -1
		}
		return 1
	})
	var out []Finding
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && all[end].n == all[end-1].n+1 {
			end++
		}
		if end-start >= 3 {
			var subjects []Subject
			for _, x := range all[start:end] {
				subjects = append(subjects, x.d.at("mac"))
			}
			f := among(fmt.Sprintf("%d deckies have consecutive MACs from %s.", end-start, all[start].d.Host.MAC), subjects)
			f.needs = 3
			out = append(out, f)
		}
		start = end
	}
	return out
}

func machineVendor(f *Fleet) []Finding {
	return each(f, "distro", func(d *Decky) string {
		if d.vendor == "raspberrypi" && strings.HasPrefix(d.Host.Machine, "x86") {
			return fmt.Sprintf("The MAC is of a Raspberry Pi, the machine is %s.", d.Host.Machine)
		}
		return ""
	})
}
