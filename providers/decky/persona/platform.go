package persona

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// DMI is what the firmware tells (SMBIOS 3.x types 0 to 3); the zero value where
// a machine has none.
type DMI struct {
	BIOSVendor, BIOSVersion, BIOSDate, BIOSRelease              string
	SystemVendor, ProductName, ProductVersion, ProductSerial    string
	ProductSKU, ProductFamily, ProductUUID                      string
	BoardVendor, BoardName, BoardVersion, BoardSerial, BoardTag string
	ChassisVendor, ChassisVersion, ChassisSerial                string
	ChassisType                                                 int // SMBIOS 7.4.1
}

// platform is a kind of machine: what firmware, processors, disks and network
// cards it has.
type platform struct {
	hypervisor string // as lscpu names it; "" for a real machine
	dmi        []DMI  // one is drawn; serials are made
	cpus       []string
	nics       []string // names that udev gives the first card
	driver     string   // of the card
	speed      int      // Mbit/s
	disk       [2]string
	virtio     bool // disks are vda
	serial     func(p *Persona) string
}

const oui4 = len("00:50:56")

// makersOf are the prefixes of hardware addresses (IEEE MA-L) by the platform
// that bears them.
var makersOf = map[string]string{
	"00:0c:29": "vmware", "00:50:56": "vmware", "00:05:69": "vmware", "00:1c:14": "vmware",
	"00:15:5d": "hyperv", "52:54:00": "kvm", "bc:24:11": "proxmox", "00:16:3e": "kvm", "08:00:27": "virtualbox",
	"00:14:22": "dell", "18:66:da": "dell", "34:48:ed": "dell", "8c:ec:4b": "dell", "a4:bb:6d": "dell", "b8:ca:3a": "dell", "d4:be:d9": "dell", "f8:bc:12": "dell",
	"48:df:37": "hpe", "9c:dc:71": "hpe", "ec:9b:8b": "hpe", "f4:03:43": "hpe", "00:1a:4b": "hp", "00:23:7d": "hp", "3c:d9:2b": "hp", "94:57:a5": "hp",
	"00:25:90": "supermicro", "00:30:48": "supermicro", "0c:c4:7a": "supermicro", "ac:1f:6b": "supermicro", "3c:ec:ef": "supermicro",
	"00:1b:21": "intel", "00:1e:67": "intel", "3c:fd:fe": "intel", "90:e2:ba": "intel", "a0:36:9f": "intel", "a4:bf:01": "intel",
}

// platforms hold strings that these products' firmware gives, as dmidecode
// shows them in the field.
var platforms = map[string]platform{
	"vmware": {
		hypervisor: "VMware", cpus: serverCPUs, nics: []string{"ens192", "ens33", "ens160"}, driver: "vmxnet3", speed: 10000, disk: [2]string{"VMware", "Virtual disk"}, serial: vmwareSerial,
		dmi: []DMI{
			{BIOSVendor: "Phoenix Technologies LTD", BIOSVersion: "6.00", BIOSDate: "11/12/2020", BIOSRelease: "4.6", SystemVendor: "VMware, Inc.", ProductName: "VMware Virtual Platform", ProductVersion: "None", BoardVendor: "Intel Corporation", BoardName: "440BX Desktop Reference Platform", BoardVersion: "None", BoardSerial: "None", ChassisVendor: "No Enclosure", ChassisVersion: "N/A", ChassisSerial: "None", ChassisType: 1},
			{BIOSVendor: "VMware, Inc.", BIOSVersion: "VMW71.00V.18227214.B64.2106252220", BIOSDate: "06/25/2021", BIOSRelease: "0.1", SystemVendor: "VMware, Inc.", ProductName: "VMware7,1", ProductVersion: "None", BoardVendor: "Intel Corporation", BoardName: "440BX Desktop Reference Platform", BoardVersion: "None", BoardSerial: "None", ChassisVendor: "No Enclosure", ChassisVersion: "N/A", ChassisSerial: "None", ChassisType: 1},
		},
	},
	"kvm": {
		hypervisor: "KVM", cpus: serverCPUs, nics: []string{"enp1s0", "ens3"}, driver: "virtio_net", speed: -1, disk: [2]string{"", ""}, virtio: true, serial: none,
		dmi: []DMI{
			{BIOSVendor: "SeaBIOS", BIOSVersion: "1.16.2-1.fc38", BIOSDate: "04/01/2014", BIOSRelease: "0.0", SystemVendor: "QEMU", ProductName: "Standard PC (Q35 + ICH9, 2009)", ProductVersion: "pc-q35-7.2", ChassisVendor: "QEMU", ChassisVersion: "pc-q35-7.2", ChassisType: 1},
			{BIOSVendor: "SeaBIOS", BIOSVersion: "1.16.0-1", BIOSDate: "04/01/2014", BIOSRelease: "0.0", SystemVendor: "QEMU", ProductName: "Standard PC (i440FX + PIIX, 1996)", ProductVersion: "pc-i440fx-6.2", ChassisVendor: "QEMU", ChassisVersion: "pc-i440fx-6.2", ChassisType: 1},
		},
	},
	"proxmox": {
		hypervisor: "KVM", cpus: serverCPUs, nics: []string{"ens18"}, driver: "virtio_net", speed: -1, disk: [2]string{"QEMU", "QEMU HARDDISK"}, serial: none,
		dmi: []DMI{{BIOSVendor: "SeaBIOS", BIOSVersion: "rel-1.16.2-0-gea1b7a073390-prebuilt.qemu.org", BIOSDate: "04/01/2014", BIOSRelease: "0.0", SystemVendor: "QEMU", ProductName: "Standard PC (i440FX + PIIX, 1996)", ProductVersion: "pc-i440fx-8.1", ChassisVendor: "QEMU", ChassisVersion: "pc-i440fx-8.1", ChassisType: 1}},
	},
	"virtualbox": {
		hypervisor: "KVM", cpus: desktopCPUs, nics: []string{"enp0s3"}, driver: "e1000", speed: 1000, disk: [2]string{"ATA", "VBOX HARDDISK"}, serial: zero,
		dmi: []DMI{{BIOSVendor: "innotek GmbH", BIOSVersion: "VirtualBox", BIOSDate: "12/01/2006", SystemVendor: "innotek GmbH", ProductName: "VirtualBox", ProductVersion: "1.2", ProductFamily: "Virtual Machine", BoardVendor: "Oracle Corporation", BoardName: "VirtualBox", BoardVersion: "1.2", BoardSerial: "0", ChassisVendor: "Oracle Corporation", ChassisType: 1}},
	},
	"hyperv": {
		hypervisor: "Microsoft", cpus: serverCPUs, nics: []string{"eth0"}, driver: "hv_netvsc", speed: 10000, disk: [2]string{"Msft", "Virtual Disk"}, serial: hypervSerial,
		dmi: []DMI{{BIOSVendor: "American Megatrends Inc.", BIOSVersion: "090008", BIOSDate: "12/07/2018", BIOSRelease: "8.0", SystemVendor: "Microsoft Corporation", ProductName: "Virtual Machine", ProductVersion: "7.0", BoardVendor: "Microsoft Corporation", BoardName: "Virtual Machine", BoardVersion: "7.0", ChassisVendor: "Microsoft Corporation", ChassisVersion: "7.0", ChassisType: 3}},
	},
	"dell": {
		cpus: serverCPUs, nics: []string{"eno1", "em1"}, driver: "tg3", speed: 1000, disk: [2]string{"DELL", "PERC H730P Mini"}, serial: letters(7, "BCDFGHJKLMNPQRSTVWXYZ0123456789"),
		dmi: []DMI{
			{BIOSVendor: "Dell Inc.", BIOSVersion: "2.19.1", BIOSDate: "06/04/2023", BIOSRelease: "2.19", SystemVendor: "Dell Inc.", ProductName: "PowerEdge R640", ProductSKU: "SKU=NotProvided;ModelName=PowerEdge R640", ProductFamily: "PowerEdge", BoardVendor: "Dell Inc.", BoardName: "0H28RR", BoardVersion: "A05", ChassisVendor: "Dell Inc.", ChassisType: 23},
			{BIOSVendor: "Dell Inc.", BIOSVersion: "2.17.1", BIOSDate: "11/15/2022", BIOSRelease: "2.17", SystemVendor: "Dell Inc.", ProductName: "PowerEdge R440", ProductSKU: "SKU=NotProvided;ModelName=PowerEdge R440", ProductFamily: "PowerEdge", BoardVendor: "Dell Inc.", BoardName: "04JN2K", BoardVersion: "A07", ChassisVendor: "Dell Inc.", ChassisType: 23},
		},
	},
	"hpe": {
		cpus: serverCPUs, nics: []string{"eno1"}, driver: "tg3", speed: 1000, disk: [2]string{"HPE", "LOGICAL VOLUME"}, serial: func(p *Persona) string { return "CZ" + letters(8, "0123456789BCDFGHJKLMNPQRSTVWXYZ")(p) },
		dmi: []DMI{
			{BIOSVendor: "HPE", BIOSVersion: "U32", BIOSDate: "02/09/2023", BIOSRelease: "2.76", SystemVendor: "HPE", ProductName: "ProLiant DL360 Gen10", ProductSKU: "867959-B21", ProductFamily: "ProLiant", BoardVendor: "HPE", BoardName: "ProLiant DL360 Gen10", ChassisVendor: "HPE", ChassisType: 23},
			{BIOSVendor: "HPE", BIOSVersion: "U30", BIOSDate: "07/20/2023", BIOSRelease: "2.80", SystemVendor: "HPE", ProductName: "ProLiant DL380 Gen10", ProductSKU: "868703-B21", ProductFamily: "ProLiant", BoardVendor: "HPE", BoardName: "ProLiant DL380 Gen10", ChassisVendor: "HPE", ChassisType: 23},
		},
	},
	"hp": {
		cpus: desktopCPUs, nics: []string{"eno1", "enp0s31f6"}, driver: "e1000e", speed: 1000, disk: [2]string{"ATA", "SAMSUNG MZ7LN256"}, serial: func(p *Persona) string { return "CZC" + letters(7, "0123456789BCDFGHJKLMNPQRSTVWXYZ")(p) },
		dmi: []DMI{{BIOSVendor: "HP", BIOSVersion: "P21 Ver. 02.38", BIOSDate: "03/30/2021", BIOSRelease: "2.38", SystemVendor: "HP", ProductName: "HP EliteDesk 800 G3 SFF", ProductSKU: "1HK28EA#ABD", ProductFamily: "103C_53307F HP EliteDesk", BoardVendor: "HP", BoardName: "8299", BoardVersion: "KBC Version 06.23", ChassisVendor: "HP", ChassisType: 4}},
	},
	"supermicro": {
		cpus: xeonECPUs, nics: []string{"eno1", "enp1s0f0"}, driver: "igb", speed: 1000, disk: [2]string{"ATA", "INTEL SSDSC2KB48"}, serial: func(p *Persona) string { return "S" + letters(13, "0123456789")(p) },
		dmi: []DMI{{BIOSVendor: "American Megatrends Inc.", BIOSVersion: "2.6", BIOSDate: "11/13/2020", BIOSRelease: "5.11", SystemVendor: "Supermicro", ProductName: "SYS-5019S-M", ProductVersion: "0123456789", ProductSKU: "To be filled by O.E.M.", ProductFamily: "To be filled by O.E.M.", BoardVendor: "Supermicro", BoardName: "X11SSH-F", BoardVersion: "1.01", ChassisVendor: "Supermicro", ChassisVersion: "0123456789", ChassisType: 1}},
	},
	"intel": {
		cpus: serverCPUs, nics: []string{"eno1", "ens1f0"}, driver: "igb", speed: 1000, disk: [2]string{"ATA", "INTEL SSDSC2KG96"}, serial: func(p *Persona) string { return "BQWL" + letters(8, "0123456789")(p) },
		dmi: []DMI{{BIOSVendor: "Intel Corporation", BIOSVersion: "SE5C620.86B.02.01.0013.121520200651", BIOSDate: "12/15/2020", SystemVendor: "Intel Corporation", ProductName: "S2600WFT", ProductVersion: "....................", BoardVendor: "Intel Corporation", BoardName: "S2600WFT", BoardVersion: "H48104-850", ChassisVendor: "Intel Corporation", ChassisType: 23}},
	},
}

func none(*Persona) string { return "" }
func zero(*Persona) string { return "0" }

func letters(n int, alphabet string) func(p *Persona) string {
	return func(p *Persona) string {
		var b strings.Builder
		for _, c := range p.Derive("hardware/serial")[:n] {
			b.WriteByte(alphabet[int(c)%len(alphabet)])
		}
		return b.String()
	}
}

// vmwareSerial is made of the machine's UUID, as its firmware does it.
func vmwareSerial(p *Persona) string {
	id, err := hex.DecodeString(p.UUID4Hex("dmi"))
	if err != nil { // 32 digits always decode
		return ""
	}
	return fmt.Sprintf("VMware-% x-% x", id[:8], id[8:])
}

func hypervSerial(p *Persona) string {
	d := p.Derive("hardware/serial")
	var b strings.Builder
	for i, n := range []int{4, 4, 4, 4, 4, 4, 2} {
		if i > 0 {
			b.WriteByte('-')
		}
		for j := range n {
			b.WriteByte('0' + d[i*4+j]%10)
		}
	}
	return b.String()
}

// platformName is the kind of machine that the host's hardware address belongs
// to; a KVM guest where it is nobody's.
func (p *Persona) platformName() string {
	if mac := p.MAC(); len(mac) > oui4 {
		if name, ok := makersOf[mac[:oui4]]; ok {
			return name
		}
	}
	return "kvm"
}

// MAC is the hardware address of the host's network card, in lower case.
func (p *Persona) MAC() string {
	if p.host.MAC != "" {
		return strings.ToLower(p.host.MAC)
	}
	d := p.Derive("hardware/mac")
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", d[0], d[1], d[2])
}

// dmi is the firmware of the platform with the host's own serials.
func (p *Persona) dmi(name string, f platform) DMI {
	d := f.dmi[p.Number("hardware/dmi", 0, int64(len(f.dmi)-1))]
	d.ProductUUID, d.ProductSerial = p.UUID("dmi"), f.serial(p)
	switch name {
	case "dell":
		d.ChassisSerial = d.ProductSerial
		d.BoardSerial = fmt.Sprintf(".%s.CNFCP%07dX.", d.ProductSerial, p.Number("hardware/board", 1000000, 9999999))
	case "hpe", "hp":
		d.ChassisSerial, d.BoardSerial = d.ProductSerial, "PVZ"+strings.ToUpper(hex.EncodeToString(p.Derive("hardware/board")[:5]))
	case "supermicro":
		d.BoardSerial = fmt.Sprintf("ZM17%08d", p.Number("hardware/board", 10000000, 99999999))
		d.ChassisSerial = fmt.Sprintf("C813LAH%08d", p.Number("hardware/chassis", 10000000, 99999999))
	case "intel":
		d.BoardSerial, d.ChassisSerial = fmt.Sprintf("BQWM%08d", p.Number("hardware/board", 10000000, 99999999)), ".................."
	case "hyperv":
		d.ChassisSerial, d.BoardSerial = d.ProductSerial, d.ProductSerial
	}
	return d
}
