package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// dmi are the strings of dmidecode -s.
func dmi(m *machine.Machine) map[string]string {
	d, cpu := m.Hardware.DMI, m.Hardware.CPU
	or := func(s string) string {
		if s == "" {
			return "Not Specified"
		}
		return s
	}
	return map[string]string{
		"bios-vendor": d.BIOSVendor, "bios-version": d.BIOSVersion, "bios-release-date": d.BIOSDate, "bios-revision": d.BIOSRelease, "system-manufacturer": d.SystemVendor, "system-product-name": d.ProductName, "system-version": or(d.ProductVersion), "system-serial-number": or(d.ProductSerial), "system-uuid": d.ProductUUID, "system-sku-number": or(d.ProductSKU), "system-family": or(d.ProductFamily),
		"baseboard-manufacturer": d.BoardVendor, "baseboard-product-name": d.BoardName, "baseboard-version": d.BoardVersion, "baseboard-serial-number": d.BoardSerial, "baseboard-asset-tag": d.BoardTag, "chassis-manufacturer": or(d.ChassisVendor), "chassis-type": chassis(d.ChassisType), "chassis-version": or(d.ChassisVersion), "chassis-serial-number": or(d.ChassisSerial), "chassis-asset-tag": "Not Specified",
		"processor-family": "Xeon", "processor-manufacturer": map[bool]string{true: "AMD", false: "Intel"}[cpu.Vendor == "AuthenticAMD"], "processor-version": cpu.Model, "processor-frequency": fmt.Sprintf("%d MHz", int(cpu.MHz)), "firmware-revision": "",
	}
}

// chassis is the name of a type (SMBIOS 7.4.1).
func chassis(n int) string {
	return map[int]string{1: "Other", 2: "Unknown", 3: "Desktop", 4: "Low Profile Desktop", 7: "Tower", 17: "Main Server Chassis", 23: "Rack Mount Chassis", 25: "Multi-system"}[n]
}

// dmidecode shows what the firmware tells.
func dmidecode(c *program.Call) int {
	f, _, ok := c.Parse("d:hqs:t:uH:V", "dev-mem=:d help=h quiet=q string=:s type=:t handle=:H dump=u version=V no-sysfs=1 oem-string=:2 list-strings=3 list-types=4")
	m := c.Machine
	d := m.Hardware.DMI
	version := map[string]string{"centos7": "3.2", "ubuntu20": "3.2", "ubuntu22": "3.3"}[m.Release.Slug]
	if version == "" {
		version = "3.4"
	}
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print(version + "\n")
		return 0
	case c.User.UID != 0 && f.Has("s"):
		c.Err.Print("/sys/firmware/dmi/tables/smbios_entry_point: Permission denied\nScanning /dev/mem for entry point.\n/dev/mem: Permission denied\n")
		return 1
	case c.User.UID != 0:
		c.Print("# dmidecode " + version + "\n")
		c.Err.Print("/sys/firmware/dmi/tables/smbios_entry_point: Permission denied\nScanning /dev/mem for entry point.\n/dev/mem: Permission denied\n")
		return 1
	}
	if f.Has("s") {
		value, known := dmi(m)[f.Value["s"]]
		if !known {
			c.Err.Print("Invalid string keyword: " + f.Value["s"] + "\nValid string keywords are:\n")
			for _, name := range sortedKeys(dmi(m)) {
				c.Err.Print("  " + name + "\n")
			}
			return 2
		}
		c.Print(value + "\n")
		return 0
	}
	if !f.Has("q") {
		c.Printf("# dmidecode %s\nGetting SMBIOS data from sysfs.\nSMBIOS 2.8 present.\n\n", version)
	}
	if d.SystemVendor == "" {
		c.Print("# No SMBIOS nor DMI entry point found, sorry.\n")
		return 0
	}
	wanted := map[string][]int{"bios": {0, 13}, "system": {1, 12, 15, 23, 32}, "baseboard": {2, 10, 41}, "chassis": {3}, "processor": {4}, "memory": {5, 6, 16, 17}, "cache": {7}, "connector": {8}, "slot": {9}}
	types := wanted[f.Value["t"]]
	if f.Has("t") && types == nil {
		for part := range strings.SplitSeq(f.Value["t"], ",") {
			n, err := strconv.Atoi(part)
			if err != nil {
				c.Err.Print("Invalid type keyword: " + f.Value["t"] + "\n")
				return 2
			}
			types = append(types, n)
		}
	}
	for _, t := range dmiTables(m) {
		if len(types) > 0 && !slices.Contains(types, t.kind) {
			continue
		}
		if !f.Has("q") {
			c.Printf("Handle 0x%04X, DMI type %d, %d bytes\n", t.handle, t.kind, t.size)
		}
		c.Print(t.title + "\n" + t.body + "\n")
	}
	return 0
}

func sortedKeys(all map[string]string) []string {
	var out []string
	for k := range all {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// dmiTable is one structure of SMBIOS.
type dmiTable struct {
	handle, kind, size int
	title, body        string
}

func dmiTables(m *machine.Machine) []dmiTable {
	d, cpu, s := m.Hardware.DMI, m.Hardware.CPU, dmi(m)
	var out []dmiTable
	lines := func(rows ...string) string {
		var b strings.Builder
		for i := 0; i+1 < len(rows); i += 2 {
			if rows[i+1] != "" {
				b.WriteString("\t" + rows[i] + ": " + rows[i+1] + "\n")
			}
		}
		return b.String()
	}
	out = append(out, dmiTable{0, 0, 24, "BIOS Information", lines("Vendor", d.BIOSVendor, "Version", d.BIOSVersion, "Release Date", d.BIOSDate, "Address", "0xE8000", "Runtime Size", "96 kB", "ROM Size", "64 kB", "BIOS Revision", d.BIOSRelease)})
	out = append(out, dmiTable{0x100, 1, 27, "System Information", lines("Manufacturer", d.SystemVendor, "Product Name", d.ProductName, "Version", s["system-version"], "Serial Number", s["system-serial-number"], "UUID", d.ProductUUID, "Wake-up Type", "Power Switch", "SKU Number", s["system-sku-number"], "Family", s["system-family"])})
	if d.BoardVendor != "" {
		out = append(out, dmiTable{0x200, 2, 15, "Base Board Information", lines("Manufacturer", d.BoardVendor, "Product Name", d.BoardName, "Version", d.BoardVersion, "Serial Number", d.BoardSerial, "Asset Tag", d.BoardTag, "Type", "Motherboard")})
	}
	out = append(out, dmiTable{0x300, 3, 22, "Chassis Information", lines("Manufacturer", s["chassis-manufacturer"], "Type", s["chassis-type"], "Lock", "Not Present", "Version", s["chassis-version"], "Serial Number", s["chassis-serial-number"], "Asset Tag", "Not Specified", "Boot-up State", "Safe", "Power Supply State", "Safe", "Thermal State", "Safe", "Security Status", "Unknown")})
	for i := range cpu.Sockets {
		out = append(out, dmiTable{0x400 + i, 4, 42, "Processor Information", lines("Socket Designation", fmt.Sprintf("CPU %d", i), "Type", "Central Processor", "Manufacturer", s["processor-manufacturer"], "Version", cpu.Model, "Current Speed", s["processor-frequency"], "Status", "Populated, Enabled", "Core Count", strconv.Itoa(cpu.Cores), "Core Enabled", strconv.Itoa(cpu.Cores), "Thread Count", strconv.Itoa(cpu.Cores*cpu.Threads))})
	}
	size := fmt.Sprintf("%d GB", m.Hardware.Memory/1024)
	if m.Hardware.Memory < 1024 {
		size = fmt.Sprintf("%d MB", m.Hardware.Memory)
	}
	out = append(out, dmiTable{0x1000, 16, 23, "Physical Memory Array", lines("Location", "Other", "Use", "System Memory", "Error Correction Type", "Multi-bit ECC", "Maximum Capacity", size, "Error Information Handle", "Not Provided", "Number Of Devices", "1")})
	out = append(out, dmiTable{0x1100, 17, 40, "Memory Device", lines("Array Handle", "0x1000", "Error Information Handle", "Not Provided", "Total Width", "Unknown", "Data Width", "Unknown", "Size", size, "Form Factor", "DIMM", "Set", "None", "Locator", "DIMM 0", "Type", "RAM", "Type Detail", "Other", "Speed", "Unknown")})
	return append(out, dmiTable{0x2000, 32, 11, "System Boot Information", lines("Status", "No errors detected")}, dmiTable{0x7F00, 127, 4, "End Of Table", ""})
}

// device is one on the PCI bus: address, class, name, their numbers, module.
type device struct{ at, class, name, numbers, module string }

// pci are the devices of the host's platform, with its own network card.
func pci(m *machine.Machine) []device {
	card := map[string]device{
		"virtio_net": {"", "Ethernet controller", "Red Hat, Inc. Virtio network device", "[0200]: 1af4:1000", "virtio-pci"}, "vmxnet3": {"", "Ethernet controller", "VMware VMXNET3 Ethernet Controller (rev 01)", "[0200]: 15ad:07b0", "vmxnet3"},
		"e1000": {"", "Ethernet controller", "Intel Corporation 82540EM Gigabit Ethernet Controller (rev 02)", "[0200]: 8086:100e", "e1000"}, "igb": {"", "Ethernet controller", "Intel Corporation I350 Gigabit Network Connection (rev 01)", "[0200]: 8086:1521", "igb"},
		"tg3": {"", "Ethernet controller", "Broadcom Inc. and subsidiaries NetXtreme BCM5720 Gigabit Ethernet PCIe", "[0200]: 14e4:165f", "tg3"}, "ixgbe": {"", "Ethernet controller", "Intel Corporation 82599ES 10-Gigabit SFI/SFP+ Network Connection (rev 01)", "[0200]: 8086:10fb", "ixgbe"},
		"e1000e": {"", "Ethernet controller", "Intel Corporation Ethernet Connection I217-LM (rev 05)", "[0200]: 8086:153a", "e1000e"}, "i40e": {"", "Ethernet controller", "Intel Corporation Ethernet Controller X710 for 10GbE SFP+ (rev 02)", "[0200]: 8086:1572", "i40e"},
	}[m.Hardware.NIC.Driver]
	fx := []device{
		{"00:00.0", "Host bridge", "Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)", "[0600]: 8086:1237", ""}, {"00:01.0", "ISA bridge", "Intel Corporation 82371SB PIIX3 ISA [Natoma/Triton II]", "[0601]: 8086:7000", ""},
		{"00:01.1", "IDE interface", "Intel Corporation 82371SB PIIX3 IDE [Natoma/Triton II]", "[0101]: 8086:7010", "ata_piix"}, {"00:01.3", "Bridge", "Intel Corporation 82371AB/EB/MB PIIX4 ACPI (rev 03)", "[0680]: 8086:7113", "piix4_smbus"},
	}
	var list []device
	put := func(at string, d device) {
		d.at = at
		list = append(list, d)
	}
	switch h := m.Hardware; {
	case h.Hypervisor == "VMware":
		list = []device{{"00:00.0", "Host bridge", "Intel Corporation 440BX/ZX/DX - 82443BX/ZX/DX Host bridge (rev 01)", "[0600]: 8086:7190", ""}, {"00:01.0", "PCI bridge", "Intel Corporation 440BX/ZX/DX - 82443BX/ZX/DX AGP bridge (rev 01)", "[0604]: 8086:7191", ""}, {"00:07.0", "ISA bridge", "Intel Corporation 82371AB/EB/MB PIIX4 ISA (rev 08)", "[0601]: 8086:7110", ""}, {"00:07.1", "IDE interface", "Intel Corporation 82371AB/EB/MB PIIX4 IDE (rev 01)", "[0101]: 8086:7111", "ata_piix"}, {"00:07.3", "Bridge", "Intel Corporation 82371AB/EB/MB PIIX4 ACPI (rev 08)", "[0680]: 8086:7113", "piix4_smbus"}, {"00:07.7", "System peripheral", "VMware Virtual Machine Communication Interface (rev 10)", "[0880]: 15ad:0740", "vmw_vmci"}, {"00:0f.0", "VGA compatible controller", "VMware SVGA II Adapter", "[0300]: 15ad:0405", "vmwgfx"}, {"03:00.0", "Serial Attached SCSI controller", "VMware PVSCSI SCSI Controller (rev 02)", "[0107]: 15ad:07c0", "vmw_pvscsi"}}
		put("0b:00.0", card)
	case h.Hypervisor == "Microsoft":
		return []device{{"00:00.0", "Host bridge", "Intel Corporation 440BX/ZX/DX - 82443BX/ZX/DX Host bridge (AGP disabled) (rev 03)", "[0600]: 8086:7192", ""}, {"00:07.0", "ISA bridge", "Intel Corporation 82371AB/EB/MB PIIX4 ISA (rev 01)", "[0601]: 8086:7110", ""}, {"00:07.1", "IDE interface", "Intel Corporation 82371AB/EB/MB PIIX4 IDE (rev 01)", "[0101]: 8086:7111", "ata_piix"}, {"00:08.0", "VGA compatible controller", "Microsoft Corporation Hyper-V virtual VGA", "[0300]: 1414:5353", ""}}
	case h.Platform == "virtualbox":
		list = append(slices.Clone(fx[:3]), device{"00:02.0", "VGA compatible controller", "VMware SVGA II Adapter", "[0300]: 15ad:0405", "vmwgfx"})
		put("00:03.0", card)
		list = append(list, device{"00:04.0", "System peripheral", "InnoTek Systemberatung GmbH VirtualBox Guest Service", "[0880]: 80ee:cafe", ""}, device{"00:0d.0", "SATA controller", "Intel Corporation 82801HM/HEM (ICH8M/ICH8M-E) SATA Controller [AHCI mode] (rev 02)", "[0106]: 8086:2829", "ahci"})
	case h.Hypervisor != "" && strings.Contains(h.DMI.ProductName, "Q35"):
		list = []device{{"00:00.0", "Host bridge", "Intel Corporation 82G33/G31/P35/P31 Express DRAM Controller", "[0600]: 8086:29c0", ""}, {"00:01.0", "VGA compatible controller", "Red Hat, Inc. Virtio 1.0 GPU (rev 01)", "[0300]: 1af4:1050", "virtio-pci"}, {"00:02.0", "PCI bridge", "Red Hat, Inc. QEMU PCIe Root port", "[0604]: 1b36:000c", "pcieport"}, {"00:1f.0", "ISA bridge", "Intel Corporation 82801IB (ICH9) LPC Interface Controller (rev 02)", "[0601]: 8086:2918", "lpc_ich"}, {"00:1f.2", "SATA controller", "Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode] (rev 02)", "[0106]: 8086:2922", "ahci"}, {"00:1f.3", "SMBus", "Intel Corporation 82801I (ICH9 Family) SMBus Controller (rev 02)", "[0c05]: 8086:2930", "i801_smbus"}}
		put("01:00.0", device{"", "Ethernet controller", "Red Hat, Inc. Virtio 1.0 network device (rev 01)", "[0200]: 1af4:1041", "virtio-pci"})
		put("04:00.0", device{"", "SCSI storage controller", "Red Hat, Inc. Virtio 1.0 block device (rev 01)", "[0100]: 1af4:1042", "virtio-pci"})
	case h.Hypervisor != "":
		list = append(slices.Clone(fx), device{"00:02.0", "VGA compatible controller", "Device 1234:1111 (rev 02)", "[0300]: 1234:1111", "bochs-drm"})
		put("00:03.0", card)
		list = append(list, device{"00:05.0", "SCSI storage controller", "Red Hat, Inc. Virtio SCSI", "[0100]: 1af4:1004", "virtio-pci"}, device{"00:06.0", "Unclassified device [00ff]", "Red Hat, Inc. Virtio memory balloon", "[00ff]: 1af4:1002", "virtio-pci"})
	default:
		list = []device{{"00:00.0", "Host bridge", "Intel Corporation Xeon E7 v4/Xeon E5 v4/Xeon E3 v4/Xeon D DMI2 (rev 01)", "[0600]: 8086:6f00", ""}, {"00:1c.0", "PCI bridge", "Intel Corporation C610/X99 series chipset PCI Express Root Port #1 (rev d5)", "[0604]: 8086:8d10", "pcieport"}, {"00:1f.0", "ISA bridge", "Intel Corporation C610/X99 series chipset LPC Controller (rev 05)", "[0601]: 8086:8d44", "lpc_ich"}, {"00:1f.2", "SATA controller", "Intel Corporation C610/X99 series chipset 6-Port SATA Controller [AHCI mode] (rev 05)", "[0106]: 8086:8d02", "ahci"}}
		put("01:00.0", card)
		list = append(list, device{"03:00.0", "VGA compatible controller", "Matrox Electronics Systems Ltd. G200eR2 (rev 01)", "[0300]: 102b:0534", "mgag200"})
	}
	return slices.DeleteFunc(list, func(d device) bool { return d.name == "" })
}

// lspci lists the devices of the bus.
func lspci(c *program.Call) int {
	f, _, ok := c.Parse("vxbDd:F:GhH:i:kmMnpqQPs:tA:O:", "version=V help=h")
	switch {
	case f.Has("V") || len(c.Args) == 1 && c.Args[0] == "--version":
		c.Answered = true
		c.Print("lspci version 3.9.0\n")
		return 0
	case !ok:
		return 1
	}
	for _, d := range pci(c.Machine) {
		if f.Has("s") && !strings.Contains(d.at, strings.TrimPrefix(f.Value["s"], "0000:")) || f.Has("d") && !strings.Contains(d.numbers, strings.TrimSuffix(f.Value["d"], ":")) {
			continue
		}
		class, ids, _ := strings.Cut(d.numbers, ": ")
		name, rev, revised := strings.Cut(d.name, " (rev ")
		if revised {
			rev = " (rev " + rev
		}
		at := d.at
		if f.Has("D") {
			at = "0000:" + at
		}
		switch {
		case f.Count["n"] > 1:
			c.Printf("%s %s %s: %s [%s]%s\n", at, d.class, class, name, ids, rev)
		case f.Has("n"):
			c.Printf("%s %s: %s%s\n", at, strings.Trim(class, "[]"), ids, rev)
		case f.Has("m"):
			maker, model, _ := strings.Cut(name, " ")
			c.Printf("%s %q %q %q -r00 \"\" \"\"\n", at, d.class, maker, model)
		default:
			c.Printf("%s %s: %s%s\n", at, d.class, name, rev)
		}
		if f.Has("v") {
			c.Print("\tFlags: bus master, fast devsel, latency 0\n")
		}
		if (f.Has("k") || f.Has("v")) && d.module != "" {
			c.Printf("\tKernel driver in use: %s\n", d.module)
			if !strings.HasPrefix(d.module, "virtio") {
				c.Printf("\tKernel modules: %s\n", d.module)
			}
		}
		if f.Has("v") {
			c.Print("\n")
		}
	}
	return 0
}

// lsusb lists what hangs on the bus: next to nothing in a virtual machine.
func lsusb(c *program.Call) int {
	f, _, ok := c.Parse("vs:d:D:tVh", "verbose=v tree=t version=V help=h")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Print("lsusb (usbutils) 014\n")
		return 0
	}
	rows := []string{"Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub"}
	switch c.Machine.Hardware.Hypervisor {
	case "VMware":
		rows = []string{"Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub", "Bus 002 Device 003: ID 0e0f:0002 VMware, Inc. Virtual USB Hub", "Bus 002 Device 002: ID 0e0f:0003 VMware, Inc. Virtual Mouse", "Bus 002 Device 001: ID 1d6b:0001 Linux Foundation 1.1 root hub"}
	case "KVM":
		rows = []string{"Bus 001 Device 002: ID 0627:0001 Adomax Technology Co., Ltd QEMU Tablet", "Bus 001 Device 001: ID 1d6b:0001 Linux Foundation 1.1 root hub"}
	case "Microsoft":
		return 1
	}
	if f.Has("t") {
		c.Print("/:  Bus 01.Port 1: Dev 1, Class=root_hub, Driver=uhci_hcd/2p, 12M\n")
		return 0
	}
	c.Print(strings.Join(rows, "\n") + "\n")
	return 0
}

// dmesg shows what the kernel said when the host was started.
func dmesg(c *program.Call) int {
	f, rest, ok := c.Parse("CcDdEeF:f:HhJkL::l:n:PprSs:TtuVwWx", "clear=C read-clear=c console-off=D show-delta=d console-on=E reltime=e file=:F facility=:f human=H help=h json=J kernel=k color=::L level=:l console-level=:n nopager=P force-prefix=p raw=r syslog=S buffer-size=:s ctime=T notime=t time-format=:1 since=:2 until=:3 userspace=u follow=w follow-new=W decode=x version=V")
	m := c.Machine
	restricted, _ := m.Sysctl("kernel.dmesg_restrict")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case len(rest) > 0:
		c.Err.Print("dmesg: bad usage\nTry 'dmesg --help' for more information.\n")
		return 1
	case c.User.UID != 0 && (restricted == "1" && m.Release.Family != "rhel" || f.Has("C") || f.Has("c")):
		if f.Has("C") || f.Has("c") {
			return c.Complain("clear kernel buffer failed: Operation not permitted")
		}
		return c.Complain("read kernel buffer failed: Operation not permitted")
	case f.Has("C"):
		return 0
	}
	for _, l := range kernelLines(m) {
		if c.Busy() {
			return 1
		}
		if f.Has("l") && !slices.Contains(strings.Split(f.Value["l"], ","), "info") && !slices.Contains(strings.Split(f.Value["l"], ","), "notice") {
			continue
		}
		prefix := fmt.Sprintf("[%12.6f] ", l.at)
		switch {
		case f.Has("t"):
			prefix = ""
		case f.Has("T"):
			prefix = "[" + local(c, m.Boot.Add(time.Duration(l.at*float64(time.Second)))).Format("Mon Jan _2 15:04:05 2006") + "] "
		case f.Has("H"), f.Has("e"):
			prefix = fmt.Sprintf("[%9s] ", fmt.Sprintf("+%.6f", l.at))
		case f.Has("r"):
			prefix = "<6>" + prefix
		}
		if f.Has("x") {
			prefix = "kern  :info  : " + prefix
		}
		c.Print(prefix + l.text + "\n")
	}
	for (f.Has("w") || f.Has("W")) && !c.Busy() && c.Wait(time.Second) {
	}
	return 0
}

// kernelLine is one of the kernel's messages, seconds after the start.
type kernelLine struct {
	at   float64
	text string
}

// kernelLines are what a kernel says while the host starts, as the persona has
// it.
func kernelLines(m *machine.Machine) []kernelLine {
	h, r := m.Hardware, m.Release
	d, cpu := h.DMI, h.CPU
	var out []kernelLine
	at := 0.0
	say := func(step float64, format string, args ...any) {
		at += step
		out = append(out, kernelLine{at, fmt.Sprintf(format, args...)})
	}
	say(0, "Linux version %s %s %s", r.Kernel, r.Builder, r.Build)
	say(0, "Command line: %s", m.CommandLine())
	say(0, "BIOS-provided physical RAM map:")
	say(0, "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable")
	say(0, "BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved")
	say(0, "BIOS-e820: [mem 0x0000000000100000-0x%016x] usable", h.Memory<<20-1)
	say(0, "NX (Execute Disable) protection: active")
	if d.SystemVendor != "" {
		say(0, "SMBIOS 2.8 present.")
		say(0, "DMI: %s %s, BIOS %s %s", d.SystemVendor, d.ProductName, d.BIOSVersion, d.BIOSDate)
	}
	if h.Hypervisor != "" {
		say(0, "Hypervisor detected: %s", map[string]string{"Microsoft": "Microsoft Hyper-V"}[h.Hypervisor]+map[bool]string{true: h.Hypervisor}[h.Hypervisor != "Microsoft"])
	}
	say(0.000011, "tsc: Detected %.3f MHz processor", cpu.MHz)
	say(0.000842, "last_pfn = 0x%x max_arch_pfn = 0x400000000", h.Memory<<20>>12)
	say(0.011, "RAMDISK: [mem 0x3434c000-0x3609cfff]")
	say(0.002, "ACPI: Early table checksum verification disabled")
	say(0.021, "smpboot: Allowing %d CPUs, 0 hotplug CPUs", cpu.Count())
	say(0.004, "Kernel command line: %s", m.CommandLine())
	say(0.012, "Memory: %dK/%dK available (14342K kernel code, 2335K rwdata, 9072K rodata, 2796K init, 17404K bss, %dK reserved, 0K cma-reserved)", h.MemTotal, h.Memory*1024, h.Memory*1024-h.MemTotal)
	say(0.031, "rcu: Hierarchical RCU implementation.")
	say(0.074, "smpboot: CPU0: %s (family: 0x%x, model: 0x%x, stepping: 0x%x)", cpu.Model, cpu.Family, cpu.Number, cpu.Stepping)
	say(0.042, "smp: Brought up 1 node, %d CPU%s", cpu.Count(), map[bool]string{true: "s"}[cpu.Count() > 1])
	say(0.001, "smpboot: Total of %d processors activated (%.2f BogoMIPS)", cpu.Count(), cpu.MHz*2*float64(cpu.Count()))
	say(0.113, "NET: Registered PF_NETLINK/PF_ROUTE protocol family")
	say(0.201, "clocksource: Switched to clocksource %s", map[string]string{"KVM": "kvm-clock", "Microsoft": "hyperv_clocksource_tsc_page"}[h.Hypervisor]+map[bool]string{true: "tsc"}[h.Hypervisor != "KVM" && h.Hypervisor != "Microsoft"])
	say(0.402, "Freeing unused kernel image (initmem) memory: 2796K")
	say(0.003, "Run /init as init process")
	say(0.331, "%s: registered", h.NIC.Driver)
	for _, b := range h.Blocks {
		if b.Kind == "disk" {
			say(0.211, "%s", greeted(b))
		}
	}
	for _, b := range h.Blocks {
		if b.Mount == "/" && b.FS == "ext4" {
			say(0.52, "EXT4-fs (%s): mounted filesystem with ordered data mode. Quota mode: none.", b.Name)
		}
		if b.Mount == "/" && b.FS == "xfs" {
			say(0.52, "XFS (%s): Ending clean mount", b.Name)
		}
	}
	if r.Init == "systemd" {
		say(0.61, "systemd[1]: Inserted module 'autofs4'")
		say(0.08, "systemd[1]: Hostname set to <%s>.", m.Persona.ShortName())
	}
	if h.Swap > 0 {
		say(1.2, "Adding %dk swap on %s.  Priority:-2 extents:1 across:%dk FS", h.Swap, swapName(h), h.Swap)
	}
	say(0.9, "%s: link up, %s", h.NIC.Name, map[bool]string{true: "1000 Mbps, full duplex", false: "10000 Mbps"}[h.NIC.Speed <= 1000])
	return out
}

// greeted is how the kernel greets a disk.
func greeted(b persona.Block) string {
	size := fmt.Sprintf("%d 512-byte logical blocks: (%.1f GB/%.1f GiB)", b.Sectors, float64(b.Sectors)*512/1e9, float64(b.Sectors)*512/(1<<30))
	if strings.HasPrefix(b.Name, "vd") {
		return "virtio_blk virtio2: [" + b.Name + "] " + size
	}
	return "sd 0:0:0:0: [" + b.Name + "] " + size
}

func swapName(h persona.Hardware) string {
	for _, b := range h.Blocks {
		if b.FS == "swap" {
			return b.Path
		}
	}
	return "/swap.img"
}
