package persona

import (
	"slices"
	"strconv"
	"strings"
)

// CPU is a host's processors, all alike.
type CPU struct {
	Vendor, Model             string // "GenuineIntel"; the name that /proc/cpuinfo gives
	Family, Number, Stepping  int
	Microcode                 string
	MHz                       float64 // nominal, as bogomips is made of it
	Flags                     []string
	Bugs                      string
	L1d, L1i, L2, L3          int // KiB; L1 and L2 of one core
	Sockets, Cores, Threads   int // cores of a socket, threads of a core
	PhysicalBits, VirtualBits int
	// Lines is cpuinfo's cache size in KiB.
	Cache int
}

// Count is how many processors Linux sees.
func (c CPU) Count() int { return c.Sockets * c.Cores * c.Threads }

// model is a processor as its maker sells it (ark.intel.com, amd.com).
type model struct {
	vendor, name             string
	family, number, stepping int
	microcode                string
	ghz                      float64
	cores, threads           int
	l1d, l1i, l2, l3         int
	march                    string
	physical                 int
	bugs                     string
}

const (
	bugsOld     = "cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs taa itlb_multihit mmio_stale_data"
	bugsCascade = "spectre_v1 spectre_v2 spec_store_bypass swapgs taa itlb_multihit mmio_stale_data retbleed"
	bugsAMD     = "sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed"
)

var models = map[string]model{
	"e5-2680v4":   {"GenuineIntel", "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 6, 79, 1, "0xb000040", 2.4, 14, 2, 32, 32, 256, 35840, "broadwell", 46, bugsOld},
	"e5-2650v3":   {"GenuineIntel", "Intel(R) Xeon(R) CPU E5-2650 v3 @ 2.30GHz", 6, 63, 2, "0x49", 2.3, 10, 2, 32, 32, 256, 25600, "haswell", 46, bugsOld},
	"gold-6130":   {"GenuineIntel", "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", 6, 85, 4, "0x2007006", 2.1, 16, 2, 32, 32, 1024, 22528, "skylake", 46, bugsOld},
	"silver-4114": {"GenuineIntel", "Intel(R) Xeon(R) Silver 4114 CPU @ 2.20GHz", 6, 85, 4, "0x2007006", 2.2, 10, 2, 32, 32, 1024, 14080, "skylake", 46, bugsOld},
	"silver-4210": {"GenuineIntel", "Intel(R) Xeon(R) Silver 4210 CPU @ 2.20GHz", 6, 85, 7, "0x5003604", 2.2, 10, 2, 32, 32, 1024, 14080, "cascade", 46, bugsCascade},
	"gold-6230":   {"GenuineIntel", "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", 6, 85, 7, "0x5003604", 2.1, 20, 2, 32, 32, 1024, 28160, "cascade", 46, bugsCascade},
	"e3-1230v5":   {"GenuineIntel", "Intel(R) Xeon(R) CPU E3-1230 v5 @ 3.40GHz", 6, 94, 3, "0xf0", 3.4, 4, 2, 32, 32, 256, 8192, "client", 39, bugsOld},
	"e3-1240v6":   {"GenuineIntel", "Intel(R) Xeon(R) CPU E3-1240 v6 @ 3.70GHz", 6, 158, 9, "0xf4", 3.7, 4, 2, 32, 32, 256, 8192, "client", 39, bugsOld},
	"i5-6500":     {"GenuineIntel", "Intel(R) Core(TM) i5-6500 CPU @ 3.20GHz", 6, 94, 3, "0xf0", 3.2, 4, 1, 32, 32, 256, 6144, "client", 39, bugsOld},
	"i5-7500":     {"GenuineIntel", "Intel(R) Core(TM) i5-7500 CPU @ 3.40GHz", 6, 158, 9, "0xf4", 3.4, 4, 1, 32, 32, 256, 6144, "client", 39, bugsOld},
	"epyc-7302":   {"AuthenticAMD", "AMD EPYC 7302 16-Core Processor", 23, 49, 0, "0x830107a", 3.0, 16, 2, 32, 32, 512, 131072, "zen2", 43, bugsAMD},
}

var (
	serverCPUs  = []string{"e5-2680v4", "e5-2650v3", "gold-6130", "silver-4114", "silver-4210", "gold-6230", "epyc-7302"}
	xeonECPUs   = []string{"e3-1230v5", "e3-1240v6"}
	desktopCPUs = []string{"i5-6500", "i5-7500"}
)

// Flags in the order of the kernel's feature words; those before a bar that are
// marked with m are shown by a real machine only, with v by a guest only.
const (
	intelFlags = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush m:dts m:acpi mmx fxsr sse sse2 ss m:ht m:tm m:pbe syscall nx pdpe1gb rdtscp lm constant_tsc m:art arch_perfmon m:pebs m:bts rep_good nopl xtopology nonstop_tsc cpuid m:aperfmperf v:tsc_known_freq pni pclmulqdq m:dtes64 m:monitor m:ds_cpl m:vmx m:smx m:est m:tm2 ssse3 m:sdbg fma cx16 m:xtpr m:pdcm pcid m:dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand v:hypervisor lahf_lm abm 3dnowprefetch cpuid_fault m:epb invpcid_single %pti% ssbd ibrs ibpb stibp m:tpr_shadow m:vnmi m:flexpriority m:ept m:vpid m:ept_ad fsgsbase tsc_adjust bmi1 %hle% avx2 smep bmi2 erms invpcid %rtm% m:cqm %512a% rdseed adx smap clflushopt %512b% m:intel_pt xsaveopt xsavec xgetbv1 m:xsaves m:cqm_llc m:cqm_occup_llc m:dtherm m:ida arat m:pln m:pts %vnni% md_clear flush_l1d arch_capabilities"
	amdFlags   = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm constant_tsc rep_good nopl nonstop_tsc cpuid extd_apicid m:aperfmperf v:tsc_known_freq pni pclmulqdq m:monitor ssse3 fma cx16 sse4_1 sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand v:hypervisor lahf_lm cmp_legacy m:svm m:extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw m:ibs m:skinit m:wdt m:tce topoext perfctr_core m:perfctr_nb m:bpext m:perfctr_llc m:mwaitx m:cpb ssbd ibrs ibpb stibp vmmcall fsgsbase bmi1 avx2 smep bmi2 m:cqm rdseed adx smap clflushopt clwb sha_ni xsaveopt xsavec xgetbv1 clzero irperf xsaveerptr wbnoinvd arat m:npt m:lbrv m:svm_lock m:nrip_save m:tsc_scale m:vmcb_clean m:flushbyasid m:decodeassists umip rdpid m:overflow_recov m:succor m:smca"
)

// marches replace the %names% of intelFlags; a generation lacks what it does not
// name, and those of clflushopt, xsavec and xgetbv1 before skylake.
var marches = map[string]map[string]string{
	"haswell":   {"pti": "pti", "hle": "", "rtm": ""},
	"broadwell": {"pti": "pti", "hle": "hle", "rtm": "rtm"},
	"client":    {"pti": "pti", "hle": "hle", "rtm": "rtm"},
	"skylake":   {"pti": "pti", "hle": "hle", "rtm": "rtm", "512a": "avx512f avx512dq", "512b": "clwb avx512cd avx512bw avx512vl"},
	"cascade":   {"pti": "", "512a": "avx512f avx512dq", "512b": "clwb avx512cd avx512bw avx512vl", "vnni": "pku ospke avx512_vnni"},
}

// flagsOf are the flags that a kernel shows of a processor.
func flagsOf(m model, guest bool, kernel [2]int) []string {
	text := intelFlags
	if m.vendor == "AuthenticAMD" {
		text = amdFlags
	}
	var out []string
	for _, f := range strings.Fields(text) {
		kind, name, marked := strings.Cut(f, ":")
		if !marked {
			name = f
		}
		if marked && (kind == "m") == guest {
			continue
		}
		if strings.HasPrefix(name, "%") {
			out = append(out, strings.Fields(marches[m.march][strings.Trim(name, "%")])...)
			continue
		}
		if (m.march == "haswell" || m.march == "broadwell") && slices.Contains([]string{"clflushopt", "xsavec", "xgetbv1", "xsaves"}, name) {
			continue
		}
		if m.march == "haswell" && slices.Contains([]string{"rdseed", "adx", "smap", "intel_pt"}, name) {
			continue
		}
		out = append(out, name)
	}
	if kernel[0] < 4 { // 4.12 has cpuid in its words; 3.10 shows eagerfpu after nonstop_tsc
		for i, name := range out {
			if name == "cpuid" {
				out[i] = "eagerfpu"
			}
		}
		out = slices.DeleteFunc(out, func(s string) bool { return s == "cpuid_fault" || s == "tsc_known_freq" || s == "pti" })
	}
	return out
}

// kernelOf is major and minor of a release: 6, 1 of "6.1.0-28-amd64".
func kernelOf(release string) [2]int {
	var v [2]int
	for i, part := range strings.SplitN(release, ".", 3) {
		if i < 2 {
			v[i], _ = strconv.Atoi(part)
		}
	}
	return v
}

// cpu is what the host's platform has for processors.
func (p *Persona) cpu(f platform, release Release) CPU {
	m := models[f.cpus[p.Number("hardware/cpu", 0, int64(len(f.cpus)-1))]]
	guest := f.hypervisor != ""
	c := CPU{
		Vendor: m.vendor, Model: m.name, Family: m.family, Number: m.number, Stepping: m.stepping, Microcode: m.microcode, Bugs: m.bugs,
		L1d: m.l1d, L1i: m.l1i, L2: m.l2, L3: m.l3, Cache: m.l3, PhysicalBits: m.physical, VirtualBits: 48,
		Flags: flagsOf(m, guest, kernelOf(release.Kernel)), Sockets: 1, Cores: m.cores, Threads: m.threads,
	}
	if m.vendor == "AuthenticAMD" {
		c.Cache, c.L3 = m.l2, 16384
	}
	// The clock that the kernel calibrated: a few kHz beside the nominal one.
	c.MHz = m.ghz*1000 + float64(p.Number("hardware/mhz", -4500, 90))/1000
	if guest {
		c.Cores, c.Threads = 1, 1
		c.Sockets = []int{1, 2, 2, 2, 4, 4, 8}[p.Number("hardware/vcpus", 0, 6)]
		if f.hypervisor == "VMware" || f.hypervisor == "Microsoft" {
			c.Cores, c.Sockets = c.Sockets, 1
			c.PhysicalBits = 43
		}
		if f.hypervisor == "KVM" {
			c.Microcode = "0x1"
		}
	}
	return c
}
