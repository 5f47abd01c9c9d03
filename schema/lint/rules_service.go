package lint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func serviceRules() []Rule {
	return []Rule{
		{
			ID: "DN1030", Name: "many-ports", Severity: Warning, Summary: "A decky offers more ports than a host of its kind has.", Check: manyPorts,
			Doc: Doc{
				Why:     "A dozen unrelated open ports is the first thing that detectors count. A workstation has two to five, a server a handful, a domain controller about a dozen.",
				Fix:     "Spread the services over several deckies, as a site would.",
				Sources: []string{"shodan.io: Honeyscore"},
			},
		},
		{
			ID: "DN1031", Name: "silent-decky", Severity: Note, Summary: "A decky has no service at all.", Check: silentDecky,
			Doc: Doc{
				Why: "It answers pings and refuses every port: it costs an address, attracts nobody and looks like a switched-off lure.",
				Fix: "Give it an archetype or a service, or take it away.",
			},
		},
		{
			ID: "DN1032", Name: "odd-port", Severity: Note, Summary: "A service listens on a port where it is seldom found, and not on its own.", Check: oddPort,
			Doc: Doc{
				Why: "Administrators move SSH to 2222 or a web server to 8080; elsewhere a scanner's service detection wonders, and most intruders never look.",
				Fix: "Use the usual port, or let the decky have it beside the odd one.",
			},
		},
		{
			ID: "DN1033", Name: "same-services", Severity: Warning, Summary: "Every decky offers exactly the same ports.", Check: sameServices,
			Doc: Doc{
				Why: "A segment where every host has the same ports and nothing else is a farm. Real ones have workstations, servers and printers side by side.",
				Fix: "Mix archetypes: two web servers, a file server, some workstations.",
			},
		},
		{
			ID: "DN1034", Name: "lonely-database", Severity: Note, Summary: "A host has a database and a web server that shows only the page of its installation.", Check: lonelyDatabase,
			Doc: Doc{
				Why: "Where web server and database share a host there is an application that uses both. The page of a fresh nginx beside an open Redis invites to think about who put them there.",
				Fix: "Give the web server a title or a page of its own, or move the database to another decky.",
			},
		},
		{
			ID: "DN1035", Name: "open-databases", Severity: Warning, Summary: "No database of the fleet asks for a password.", Check: openDatabases,
			Doc: Doc{
				Why: "One open Redis is a mistake that happens. When each of them is open, none was set up by somebody who stores data in it.",
				Fix: "Give all but one requirepass; a guessable one is a lure as well.",
			},
		},
		{
			ID: "DN1036", Name: "nothing-to-find", Severity: Note, Summary: "No decky has a port that scanners look at first.", Check: nothingToFind,
			Doc: Doc{
				Why:     "Sweeps begin with a handful of ports (22, 80, 443, 445, 3389, 21, 23 ...). A fleet without any of them is not found before the real hosts are.",
				Fix:     "Let a few deckies offer ssh, http or smb.",
				Sources: []string{"nmap.org/book/port-scanning.html: most popular ports"},
			},
		},
		{
			ID: "DN1037", Name: "service-of-another-archetype", Severity: Note, Summary: "A decky has a service that hosts of its archetype do not have.", Check: archetypeService,
			Doc: Doc{
				Why: "A printer with a mail server, or a workstation with Redis, is looked at twice.",
				Fix: "Choose another archetype, or put the service on a decky of its own.",
			},
		},
		{
			ID: "DN1038", Name: "uncommon-together", Severity: Warning, Summary: "A decky has ports of systems that exclude each other.", Check: excludingPorts,
			Doc: Doc{
				Why: "RDP and MSRPC are Windows', NFS and the X font server are Unix'; industrial controllers have no mail. A host that has both kinds is several hosts, or none.",
				Fix: "Split the decky.",
			},
		},
	}
}

// manyPortsLimit is how many ports a decky may have, by archetype; others have
// defaultPorts.
var manyPortsLimit = map[string]int{"domain-controller": 14, "mail-server": 10, "windows-server": 10, "printer": 6, "iot-device": 5, "windows-workstation": 6}

const defaultPorts = 8

func manyPorts(f *Fleet) []Finding {
	return each(f, "", func(d *Decky) string {
		ports := 0
		for _, s := range d.Services {
			ports += len(s.Ports)
		}
		limit := defaultPorts
		if n, known := manyPortsLimit[d.Archetype]; known {
			limit = n
		}
		if ports <= limit {
			return ""
		}
		return fmt.Sprintf("The decky offers %d ports, more than %d.", ports, limit)
	})
}

func silentDecky(f *Fleet) []Finding {
	return each(f, "", func(d *Decky) string {
		if len(d.Services) == 0 {
			return "The decky has no service."
		}
		return ""
	})
}

// usual are ports where a service is found, its own first (IANA's registry and
// what administrators move to).
var usual = map[string][]uint16{
	"ssh": {22, 2222, 22222, 222}, "telnet": {23, 2323}, "ftp": {21, 2121}, "smtp": {25, 465, 587, 2525}, "rdp": {3389, 3388}, "vnc": {5900, 5901, 5902},
	"http": {80, 81, 88, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8090, 8888, 9000, 9090}, "https": {443, 4443, 8443, 9443, 10443},
	"redis": {6379, 6380}, "mysql": {3306, 3307}, "postgres": {5432, 5433}, "mssql": {1433, 14330}, "mongodb": {27017, 27018}, "smb": {445, 139},
}

func oddPort(f *Fleet) []Finding {
	return eachService(f, "ports", func(s *Service) string {
		common := usual[s.Slug]
		if len(common) == 0 || len(s.Ports) == 0 {
			return ""
		}
		for _, p := range s.Ports {
			if slices.Contains(common, p.Number) {
				return ""
			}
		}
		return fmt.Sprintf("%s listens on port %d; usual is %d.", s.Slug, s.Ports[0].Number, common[0])
	})
}

// offer is what a port scan shows of a decky.
func offer(d *Decky) string {
	var ports []string
	for _, s := range d.Services {
		for _, p := range s.Ports {
			ports = append(ports, strconv.Itoa(int(p.Number))+"/"+p.Transport)
		}
	}
	slices.Sort(ports)
	return strings.Join(ports, " ")
}

func sameServices(f *Fleet) []Finding {
	if len(f.Deckies) < few {
		return nil
	}
	first := offer(f.Deckies[0])
	for _, d := range f.Deckies[1:] {
		if offer(d) != first {
			return nil
		}
	}
	if first == "" {
		return nil // silent-decky says it
	}
	return []Finding{among(fmt.Sprintf("All %d deckies offer %s and nothing else.", len(f.Deckies), first), deckySubjects(f.Deckies, ""))}
}

var databases = []string{"redis", "mysql", "postgres", "mssql", "mongodb", "elasticsearch"}

func lonelyDatabase(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		web := d.service("http")
		if web == nil || web.Arguments.Text("title")+web.Arguments.Text("index")+web.Arguments.Text("fake_app") != "" {
			continue
		}
		for _, s := range d.Services {
			if slices.Contains(databases, s.Slug) {
				out = append(out, about(fmt.Sprintf("%s stands beside a web server without an application.", s.Slug), s.at("")))
			}
		}
	}
	return out
}

func openDatabases(f *Fleet) []Finding {
	all := f.services("redis")
	if hosts(all) < 2 {
		return nil
	}
	for _, s := range all {
		if s.Arguments.Text("requirepass") != "" || len(s.Arguments.Map("users")) > 0 {
			return nil
		}
	}
	return []Finding{among(fmt.Sprintf("None of %d Redis servers has a password.", len(all)), subjectsOf(all, ""))}
}

// swept are the ports that sweeps begin with.
var swept = []uint16{21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 443, 445, 993, 995, 1433, 1723, 3306, 3389, 5432, 5900, 6379, 8080, 8443}

func nothingToFind(f *Fleet) []Finding {
	any := false
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			for _, p := range s.Ports {
				if any = true; slices.Contains(swept, p.Number) {
					return nil
				}
			}
		}
	}
	if !any {
		return nil
	}
	return whole("No decky offers a port that scanners try first, such as 22, 80 or 445.")
}

// belongs are the services of an archetype's hosts; archetypes that are missing
// may have any.
var belongs = map[string][]string{
	"printer":             {"snmp", "ftp", "http", "https", "telnet", "smb", "ipp", "lpd", "jetdirect"},
	"iot-device":          {"mqtt", "snmp", "telnet", "http", "https", "ssh", "rtsp"},
	"industrial-control":  {"conpot", "snmp", "http", "https", "telnet", "ftp", "modbus", "s7", "tftp"},
	"windows-workstation": {"smb", "rdp", "llmnr", "vnc", "http"},
	"domain-controller":   {"ldap", "smb", "rdp", "llmnr", "dns", "http", "https"},
	"voip-server":         {"sip", "http", "https", "ssh", "tftp", "snmp"},
}

func archetypeService(f *Fleet) []Finding {
	return eachService(f, "", func(s *Service) string {
		if list, known := belongs[s.Decky.Archetype]; known && !slices.Contains(list, s.Slug) {
			return fmt.Sprintf("%s on a decky of the archetype %s.", s.Slug, s.Decky.Archetype)
		}
		return ""
	})
}

// kinds are services that only one kind of host has.
var kinds = map[string]string{
	"rdp": "Windows", "llmnr": "Windows", "mssql": "Windows", "conpot": "an industrial controller", "docker_api": "a Linux container host", "k8s": "a Linux container host",
	"telnet": "an appliance or an old Unix",
}

func excludingPorts(f *Fleet) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		found := map[string]bool{}
		var subjects []Subject
		for _, s := range d.Services {
			if kind := kinds[s.Slug]; kind != "" && !found[kind] {
				found[kind] = true
				subjects = append(subjects, s.at(""))
			}
		}
		if len(found) > 1 {
			out = append(out, among("The decky has services of "+strings.Join(slices.Sorted(maps.Keys(found)), " and of ")+".", subjects))
		}
	}
	return out
}
