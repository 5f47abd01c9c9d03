package machine

import (
	"slices"
	"strings"
)

// weakness is a line of /sys/devices/system/cpu/vulnerabilities: what the kernel
// calls it there and among the bugs of /proc/cpuinfo, what it does about it, and
// whether older kernels know it (Documentation/admin-guide/hw-vuln).
type weakness struct {
	name, bug, mitigation string
	old                   bool
}

var weaknesses = []weakness{
	{"gather_data_sampling", "gds", "Mitigation: Microcode", false},
	{"itlb_multihit", "itlb_multihit", "KVM: Mitigation: VMX disabled", true},
	{"l1tf", "l1tf", "Mitigation: PTE Inversion; VMX conditional cache flushes, SMT vulnerable", true},
	{"mds", "mds", "Mitigation: Clear CPU buffers; SMT vulnerable", true},
	{"meltdown", "cpu_meltdown", "Mitigation: PTI", true},
	{"mmio_stale_data", "mmio_stale_data", "Mitigation: Clear CPU buffers; SMT vulnerable", true},
	{"reg_file_data_sampling", "rfds", "Mitigation: Clear Register File", false},
	{"retbleed", "retbleed", "Mitigation: IBRS", true},
	{"spec_rstack_overflow", "srso", "Mitigation: Safe RET", false},
	{"spec_store_bypass", "spec_store_bypass", "Mitigation: Speculative Store Bypass disabled via prctl", true},
	{"spectre_v1", "spectre_v1", "Mitigation: usercopy/swapgs barriers and __user pointer sanitization", true},
	{"spectre_v2", "spectre_v2", "Mitigation: IBRS; IBPB: conditional; STIBP: conditional; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected", true},
	{"srbds", "srbds", "Mitigation: Microcode", true},
	{"tsx_async_abort", "taa", "Mitigation: TSX disabled", true},
}

// vulnerabilities are the files of that directory.
func (m *Machine) vulnerabilities() map[string]string {
	all := map[string]string{}
	bugs := strings.Fields(m.Hardware.CPU.Bugs)
	for _, w := range weaknesses {
		if !w.old && !strings.HasPrefix(m.Release.Kernel, "6.") {
			continue
		}
		all[w.name] = "Not affected"
		for _, b := range bugs {
			if b != w.bug {
				continue
			}
			all[w.name] = w.mitigation
			switch amd := m.Hardware.CPU.Vendor == "AuthenticAMD"; {
			case w.name != "spectre_v2":
			case amd:
				all[w.name] = "Mitigation: Retpolines; IBPB: conditional; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected"
			case !slices.Contains(bugs, "retbleed"):
				all[w.name] = "Mitigation: Retpolines; IBPB: conditional; IBRS_FW; STIBP: conditional; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected"
			}
			if w.name == "retbleed" && m.Hardware.CPU.Vendor == "AuthenticAMD" {
				all[w.name] = "Mitigation: untrained return thunk; SMT enabled with STIBP protection"
			}
		}
	}
	return all
}
