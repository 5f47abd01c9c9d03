package system

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// human is a number as df -h has it: 0 is 0, not 0B.
func human(n int64) string { return program.Human(n) }

// lscpu shows the machine's processors.
func lscpu(c *program.Call) int {
	h := c.Machine.Hardware
	cpu := h.CPU
	n := cpu.Count()
	span := "0"
	if n > 1 {
		span = fmt.Sprintf("0-%d", n-1)
	}
	var rows [][2]string
	row := func(name, value string) { rows = append(rows, [2]string{name + ":", value}) }
	size := func(kib, instances int) string {
		total := kib * instances
		unit, text := "KiB", fmt.Sprint(total)
		if total >= 1024 {
			unit, text = "MiB", strings.TrimSuffix(fmt.Sprintf("%.1f", float64(total)/1024), ".0")
		}
		plural := "s"
		if instances == 1 {
			plural = ""
		}
		return fmt.Sprintf("%s %s (%d instance%s)", text, unit, instances, plural)
	}
	row("Architecture", c.Machine.Release.Machine)
	row("CPU op-mode(s)", "32-bit, 64-bit")
	row("Address sizes", fmt.Sprintf("%d bits physical, %d bits virtual", cpu.PhysicalBits, cpu.VirtualBits))
	row("Byte Order", "Little Endian")
	row("CPU(s)", fmt.Sprint(n))
	row("On-line CPU(s) list", span)
	row("Vendor ID", cpu.Vendor)
	row("Model name", cpu.Model)
	row("CPU family", fmt.Sprint(cpu.Family))
	row("Model", fmt.Sprint(cpu.Number))
	row("Thread(s) per core", fmt.Sprint(cpu.Threads))
	row("Core(s) per socket", fmt.Sprint(cpu.Cores))
	row("Socket(s)", fmt.Sprint(cpu.Sockets))
	row("Stepping", fmt.Sprint(cpu.Stepping))
	row("BogoMIPS", fmt.Sprintf("%.2f", cpu.MHz*2))
	row("Flags", strings.Join(cpu.Flags, " "))
	if h.Hypervisor != "" {
		row("Hypervisor vendor", h.Hypervisor)
		row("Virtualization type", "full")
	} else if cpu.Vendor == "AuthenticAMD" {
		row("Virtualization", "AMD-V")
	} else {
		row("Virtualization", "VT-x")
	}
	cores := cpu.Sockets * cpu.Cores
	row("L1d cache", size(cpu.L1d, cores))
	row("L1i cache", size(cpu.L1i, cores))
	row("L2 cache", size(cpu.L2, cores))
	row("L3 cache", size(cpu.L3, cpu.Sockets))
	row("NUMA node(s)", "1")
	row("NUMA node0 CPU(s)", span)
	const known = "/sys/devices/system/cpu/vulnerabilities"
	list, _ := c.View().ReadDir(known)
	for _, info := range list {
		name := strings.ReplaceAll(info.Name, "_", " ")
		if data, err := c.View().ReadFile(known + "/" + info.Name); err == nil && name != "" {
			row("Vulnerability "+strings.ToUpper(name[:1])+name[1:], strings.TrimRight(string(data), "\n"))
		}
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0])+1)
	}
	for _, r := range rows {
		c.Printf("%-*s%s\n", width, r[0], r[1])
	}
	return 0
}

func nproc(c *program.Call) int {
	_, rest, ok := c.Parse("", "all=a ignore=:i")
	switch {
	case !ok:
		return 1
	case len(rest) > 0:
		c.Usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	c.Printf("%d\n", c.Machine.Hardware.CPU.Count())
	return 0
}
