package machine

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func parseIP(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// sys is /sys: what the firmware, the cards and the disks say.
func (m *Machine) sys(vfs.View) vfs.Live {
	root := m.liveDir(0o555)
	class := m.liveDir(0o755)
	class.lazy("net", 0o755, m.sysNet)
	class.lazy("dmi", 0o755, func() *dir { d := m.liveDir(0o755); d.lazy("id", 0o755, m.sysDMI); return d })
	class.lazy("block", 0o755, m.sysBlock)
	for _, name := range []string{"input", "mem", "misc", "tty", "thermal", "hwmon", "power_supply", "pci_bus", "rtc", "scsi_host", "vc"} {
		class.lazy(name, 0o755, func() *dir { return m.liveDir(0o755) })
	}
	root.dir("class", class)
	root.lazy("block", 0o755, m.sysBlock)
	devices := m.liveDir(0o755)
	devices.lazy("virtual", 0o755, func() *dir {
		d := m.liveDir(0o755)
		d.lazy("dmi", 0o755, func() *dir { x := m.liveDir(0o755); x.lazy("id", 0o755, m.sysDMI); return x })
		return d
	})
	devices.lazy("system", 0o755, func() *dir {
		d := m.liveDir(0o755)
		d.lazy("cpu", 0o755, m.sysCPU)
		return d
	})
	root.dir("devices", devices)
	root.lazy("module", 0o755, func() *dir {
		d := m.liveDir(0o755)
		for line := range strings.Lines(m.modules()) {
			name, _, _ := strings.Cut(line, " ")
			d.lazy(name, 0o755, func() *dir { return m.liveDir(0o755) })
		}
		return d
	})
	root.lazy("kernel", 0o755, func() *dir {
		d := m.liveDir(0o755)
		d.lazy("debug", 0o700, func() *dir { return m.liveDir(0o700) })
		for _, name := range []string{"security", "config"} {
			d.lazy(name, 0o755, func() *dir { return m.liveDir(0o755) })
		}
		d.lazy("tracing", 0o700, func() *dir { return m.liveDir(0o700) })
		d.text("uevent_seqnum", fmt.Sprintln(m.Number("uevents", 1800, 4200)))
		d.lazy("mm", 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.lazy("transparent_hugepage", 0o755, func() *dir {
				y := m.liveDir(0o755)
				y.special("enabled", 0o644, func() string { return "always [madvise] never\n" }, nil)
				return y
			})
			return x
		})
		return d
	})
	root.lazy("fs", 0o755, func() *dir {
		d := m.liveDir(0o755)
		d.lazy("cgroup", 0o555, func() *dir {
			x := m.liveDir(0o555)
			x.text("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n")
			for _, s := range []string{"system.slice", "user.slice", "init.scope"} {
				x.lazy(s, 0o755, func() *dir { return m.liveDir(0o755) })
			}
			return x
		})
		d.lazy("bpf", 0o700, func() *dir { return m.liveDir(0o700) })
		d.lazy("pstore", 0o750, func() *dir { return m.liveDir(0o750) })
		d.lazy("fuse", 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.lazy("connections", 0o755, func() *dir { return m.liveDir(0o755) })
			return x
		})
		d.lazy(m.root().FS, 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.lazy(m.root().Name, 0o755, func() *dir { return m.liveDir(0o755) })
			return x
		})
		return d
	})
	for _, name := range []string{"bus", "dev", "firmware", "hypervisor", "power"} {
		root.lazy(name, 0o755, func() *dir { return m.liveDir(0o755) })
	}
	if m.Hardware.Hypervisor != "" {
		delete(root.files, "hypervisor") // it is Xen's
	}
	return root.live()
}

// sysNet is /sys/class/net.
func (m *Machine) sysNet() *dir {
	d := m.liveDir(0o755)
	nic := func(name, mac string, index, mtu, kind int, state string, speed int) {
		d.lazy(name, 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.text("address", mac+"\n")
			x.text("broadcast", map[bool]string{true: "ff:ff:ff:ff:ff:ff\n", false: "00:00:00:00:00:00\n"}[name != "lo"])
			x.text("operstate", state+"\n")
			x.text("ifindex", fmt.Sprintln(index))
			x.text("iflink", fmt.Sprintln(index))
			x.text("type", fmt.Sprintln(kind))
			x.special("mtu", 0o644, func() string { return fmt.Sprintln(mtu) }, nil)
			x.special("tx_queue_len", 0o644, func() string { return "1000\n" }, nil)
			x.text("carrier", "1\n")
			x.text("flags", map[bool]string{true: "0x1003\n", false: "0x9\n"}[name != "lo"])
			x.text("addr_len", "6\n")
			x.text("dormant", "0\n")
			if speed != 0 {
				x.text("speed", fmt.Sprintln(speed))
				x.text("duplex", "full\n")
			}
			x.lazy("statistics", 0o755, func() *dir {
				s := m.liveDir(0o755)
				counter := func(file string, n func() int64) { s.file(file, func() string { return fmt.Sprintln(n()) }) }
				lo := m.Number("net/lo", 300, 1900)
				counter("rx_bytes", func() int64 {
					if name == "lo" {
						return lo * 98
					}
					n, _, _, _ := m.Traffic()
					return n
				})
				counter("rx_packets", func() int64 {
					if name == "lo" {
						return lo
					}
					_, n, _, _ := m.Traffic()
					return n
				})
				counter("tx_bytes", func() int64 {
					if name == "lo" {
						return lo * 98
					}
					_, _, n, _ := m.Traffic()
					return n
				})
				counter("tx_packets", func() int64 {
					if name == "lo" {
						return lo
					}
					_, _, _, n := m.Traffic()
					return n
				})
				for _, f := range []string{"rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "collisions", "multicast"} {
					counter(f, func() int64 { return 0 })
				}
				return s
			})
			return x
		})
	}
	nic("lo", "00:00:00:00:00:00", 1, 65536, 772, "unknown", 0)
	nic(m.NIC(), m.MAC(), 2, 1500, 1, "up", m.Hardware.NIC.Speed)
	return d
}

// sysDMI is /sys/class/dmi/id; serials are root's.
func (m *Machine) sysDMI() *dir {
	d, x := m.liveDir(0o755), m.Hardware.DMI
	for name, value := range map[string]string{
		"bios_vendor": x.BIOSVendor, "bios_version": x.BIOSVersion, "bios_date": x.BIOSDate, "bios_release": x.BIOSRelease, "sys_vendor": x.SystemVendor, "product_name": x.ProductName, "product_version": x.ProductVersion, "product_sku": x.ProductSKU, "product_family": x.ProductFamily,
		"board_vendor": x.BoardVendor, "board_name": x.BoardName, "board_version": x.BoardVersion, "board_asset_tag": x.BoardTag, "chassis_vendor": x.ChassisVendor, "chassis_version": x.ChassisVersion, "chassis_asset_tag": "",
	} {
		if x.SystemVendor != "" {
			d.text(name, value+"\n")
		}
	}
	if x.SystemVendor == "" {
		return d
	}
	for name, value := range map[string]string{"product_serial": x.ProductSerial, "product_uuid": x.ProductUUID, "board_serial": x.BoardSerial, "chassis_serial": x.ChassisSerial} {
		d.special(name, 0o400, func() string { return value + "\n" }, nil)
	}
	d.text("chassis_type", fmt.Sprintln(x.ChassisType))
	d.text("modalias", fmt.Sprintf("dmi:bvn%s:bvr%s:bd%s:svn%s:pn%s:pvr%s:\n", squeeze(x.BIOSVendor), squeeze(x.BIOSVersion), x.BIOSDate, squeeze(x.SystemVendor), squeeze(x.ProductName), squeeze(x.ProductVersion)))
	return d
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

// sysBlock is /sys/block.
func (m *Machine) sysBlock() *dir {
	d := m.liveDir(0o755)
	for _, b := range m.Hardware.Blocks {
		if b.Kind == "part" {
			continue
		}
		d.lazy(b.Name, 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.text("size", fmt.Sprintln(b.Sectors))
			x.text("dev", fmt.Sprintf("%d:%d\n", b.Major, b.Minor))
			x.text("removable", fmt.Sprintln(map[bool]int{true: 1}[b.Removable]))
			x.text("ro", fmt.Sprintln(map[bool]int{true: 1}[b.ReadOnly]))
			x.lazy("queue", 0o755, func() *dir {
				q := m.liveDir(0o755)
				q.text("rotational", fmt.Sprintln(map[bool]int{true: 1}[b.Rotational]))
				q.text("logical_block_size", "512\n")
				q.text("physical_block_size", "512\n")
				q.special("scheduler", 0o644, func() string { return "[mq-deadline] none\n" }, nil)
				return q
			})
			if b.Kind == "disk" || b.Kind == "rom" {
				x.lazy("device", 0o755, func() *dir {
					v := m.liveDir(0o755)
					v.text("vendor", fmt.Sprintf("%-8s\n", b.Vendor))
					v.text("model", fmt.Sprintf("%-16s\n", b.Model))
					return v
				})
			}
			for _, p := range m.Hardware.Blocks {
				if p.Kind == "part" && p.Parent == b.Name {
					x.lazy(p.Name, 0o755, func() *dir {
						y := m.liveDir(0o755)
						y.text("size", fmt.Sprintln(p.Sectors))
						y.text("start", fmt.Sprintln(p.Start))
						y.text("dev", fmt.Sprintf("%d:%d\n", p.Major, p.Minor))
						y.text("partition", fmt.Sprintln(p.Minor))
						return y
					})
				}
			}
			return x
		})
	}
	return d
}

// sysCPU is /sys/devices/system/cpu.
func (m *Machine) sysCPU() *dir {
	d := m.liveDir(0o755)
	n := m.Hardware.CPU.Count()
	span := "0\n"
	if n > 1 {
		span = fmt.Sprintf("0-%d\n", n-1)
	}
	for _, name := range []string{"online", "present", "possible"} {
		d.text(name, span)
	}
	d.text("offline", "\n")
	d.text("kernel_max", "8191\n")
	for i := range n {
		d.lazy(fmt.Sprintf("cpu%d", i), 0o755, func() *dir {
			x := m.liveDir(0o755)
			x.lazy("topology", 0o755, func() *dir {
				t := m.liveDir(0o755)
				c := m.Hardware.CPU
				t.text("core_id", fmt.Sprintln(i%c.Cores))
				t.text("physical_package_id", fmt.Sprintln(i/(c.Cores*c.Threads)))
				return t
			})
			return x
		})
	}
	d.lazy("vulnerabilities", 0o755, func() *dir {
		x := m.liveDir(0o755)
		for name, status := range m.vulnerabilities() {
			x.text(name, status+"\n")
		}
		return x
	})
	return d
}
