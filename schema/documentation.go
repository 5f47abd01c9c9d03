package schema

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/derive"
)

// blockText is what the documentation says of a block.
type blockText struct {
	doc       string
	example   string
	arguments map[string]Argument // without Name and Required, which the grammar has
}

// Types of arguments beyond those of services.
const (
	typeAny        = "any"
	typeReference  = "reference"
	typeReferences = "list(reference)"
	typeType       = "type"
	typeEvent      = "expression over event"
	typeString     = "string"
	typeNumber     = "number"
	typeBool       = "bool"
	typeList       = "list(string)"
	typeMap        = "map(string)"
)

// documentation is the text of the reference, by type of block; "decky.service"
// is the one that stands in a decky, where that differs.
var documentation = map[string]blockText{
	"decnet": {
		doc: "Settings of the whole configuration. They are read before variables are known, so every argument is a plain text.",
		example: `decnet {
  name             = "branch-office"
  seed             = "quiet-harbour"
  required_version = ">= 0.1"
}

network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}
`,
		arguments: map[string]Argument{
			"name":             {Type: typeString, Default: "the directory's name", Doc: "Name of the configuration: up to 32 lower case letters, digits and hyphens. Every engine-side name begins with it."},
			"required_version": {Type: typeString, Default: "any", Doc: "Versions of decnet that may read this configuration, such as \">= 1.2, < 2\"."},
			"runtime":          {Type: typeString, Default: "decided at the first apply", OneOf: Runtimes, Doc: "What deckies run on that do not say it themselves."},
			"secret":           {Type: typeString, Default: "a file beside the state", Doc: "Path of the file, mode 0600, with the secret that host keys and tokens are derived from. Never in git."},
			"seed":             {Type: typeString, Default: "made by the first apply and kept in state", Doc: "Public root of derived names, IPs and MACs: with it, every checkout plans the same fleet. Commit it."},
			"state":            {Type: typeString, Default: ".decnet/state.db", Doc: "Path of the state file, relative to the configuration."},
		},
	},
	"locals": {
		doc: "Names for values, so that an expression is written once. Every argument is a local; refer to it as `local.NAME`.",
		example: `variable "site" {
  default = "berlin"
}

locals {
  prefix = upper(substr(var.site, 0, 3))
  hosts  = [for n in range(3) : format("%s-%02d", local.prefix, n + 1)]
}

output "hosts" { value = local.hosts }
`,
	},
	"variable": {
		doc: "A value that whoever applies the configuration gives: with `--var`, in a file of values, or as `DECNET_VAR_name` in the environment. Refer to it as `var.NAME`.",
		example: `variable "users" {
  type        = map(string)
  description = "Accounts of the SSH decoys, with their passwords."
  sensitive   = true
  default     = { root = "toor" }

  validation {
    condition     = length(var.users) > 0
    error_message = "Without an account nobody can log in."
  }
}
`,
		arguments: map[string]Argument{
			"default":     {Type: typeAny, Default: "none: the value must be given", Doc: "Value where none is given; a plain value, without references."},
			"description": {Type: typeString, Doc: "What the value is for."},
			"sensitive":   {Type: typeBool, Default: "false", Doc: "Keeps the value, and whatever is made of it, out of plans, logs and listings."},
			"nullable":    {Type: typeBool, Default: "true", Doc: "Whether null is a value. false: null stands for the default."},
			"type":        {Type: typeType, Default: "any", Doc: "Type constraint: string, number, bool, list(...), set(...), map(...), tuple([...]), object({...}) with optional(...), or any."},
		},
	},
	"validation": {doc: "What must hold of a variable's value.", arguments: conditionArguments("the value is accepted")},
	"output": {
		doc: "A value that is shown after an apply and by `decnet output`.",
		example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "web" {
  network = network.office
}

output "web_ip" {
  value       = decky.web.ip
  description = "Where the web decoy answers."
}
`,
		arguments: map[string]Argument{
			"description": {Type: typeString, Doc: "What the value is."},
			"sensitive":   {Type: typeBool, Default: "false", Doc: "Shows the value in no plan; needed where it is made of something sensitive."},
			"depends_on":  dependsOn,
			"value":       {Type: typeAny, Doc: "The value."},
		},
	},
	"module": {
		doc: "Blocks of another folder, as often as they are called. Every other argument is an input: the value of a variable of the module. Refer to an output as `module.NAME.OUTPUT`, with `[0]` or `[\"key\"]` after the name where it has count or for_each. The module sees its own blocks and the catalogue only, and reads files of its own folder only, named with `${path.module}`.",
		example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

module "floor" {
  source       = "decnet/office"
  count        = 2
  network      = network.office
  workstations = 5
  prefix       = format("ws%d", count.index + 1)
  servers      = {}
}

output "second" { value = module.floor[1].workstations }
`,
		arguments: map[string]Argument{
			"count":      {Type: typeNumber, Default: "one, without a key", Doc: "How many instances there are; `count.index` tells them apart in the inputs."},
			"depends_on": {Type: typeReferences, Doc: "What every decky of the module waits for: decky.NAME, network.NAME or module.NAME."},
			"for_each":   {Type: typeAny, Doc: "A map or a set of texts with one instance for each; `each.key` and `each.value` stand in the inputs."},
			"source":     {Type: typeString, Doc: "Where the module is: `./FOLDER` or `../FOLDER` inside the configuration's repository (the nearest folder above it with a `.git`, else its own), `decnet/NAME` built in, or `git::URL//FOLDER?ref=NAME`, which `decnet get` fetches and locks."},
		},
	},
	"network": {
		doc: "A network segment that deckies stand in.",
		example: `network "office" {
  driver      = "macvlan"
  parent      = "eth0"
  subnet      = "192.168.1.0/24"
  gateway     = "192.168.1.1"
  pool        = "192.168.1.110-192.168.1.199"
  host_access = true
  host_ip     = "192.168.1.200"
}
`,
		arguments: map[string]Argument{
			"depends_on":  dependsOn,
			"driver":      {Type: typeString, Default: "macvlan", OneOf: drivers, Doc: "How deckies join the segment: macvlan gives each a MAC of its own on the parent, ipvlan shares the parent's, bridge is a segment of its own on this host."},
			"gateway":     {Type: typeString, Default: "that of the route through the parent", Doc: "Default gateway that deckies show and answer through."},
			"host_access": {Type: typeBool, Default: "false", Doc: "Makes a host-side interface, so that this host reaches the deckies too."},
			"host_ip":     {Type: typeString, Default: "derived", Doc: "IP of that interface."},
			"parent":      {Type: typeString, Default: "the interface of the default route", Doc: "Interface of the host that deckies appear on. A bridge has none."},
			"pool":        {Type: typeString, Default: "the subnet less network, broadcast, gateway and the host's addresses", Doc: "IPs that deckies may be given, \"first-last\" or a CIDR. Nothing else may use them."},
			"subnet":      {Type: typeString, Default: "that of the parent", Doc: "The segment's subnet as a CIDR."},
		},
	},
	"decky": {
		doc: "A decoy host. What it does not say is derived from the seed and its address, and stays as it is when others come and go.",
		example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "files" {
  count     = 3
  network   = network.office
  archetype = "linux-server"
  hostname  = format("files-%02d", count.index + 1)

  service "ssh" {
    users = { backup = "backup2019" }
  }
}
`,
		arguments: map[string]Argument{
			"archetype":  {Type: typeReference, Doc: "What kind of host it is: a slug of the catalogue or `archetype.NAME`. It brings an operating system, distros and services."},
			"count":      {Type: typeNumber, Default: "one, without an index", Doc: "How many of them; `count.index` tells them apart."},
			"depends_on": dependsOn,
			"distro":     {Type: typeReference, Default: "one of the archetype's", Doc: "Distribution that it claims to run: a slug of the catalogue or `distro.NAME`."},
			"domain":     {Type: typeString, Doc: "Domain that the hostname stands in."},
			"for_each":   {Type: "set(string) or map", Doc: "One decky for each element; `each.key` and `each.value` tell them apart."},
			"hostname":   {Type: typeString, Default: "derived, in the distro's style", Doc: "Hostname that its services show."},
			"ip":         {Type: typeString, Default: "one of the pool", Doc: "IP that it stands at."},
			"mac":        {Type: typeString, Default: "derived, of a vendor that fits", Doc: "Hardware address of its interface."},
			"network":    {Type: typeReference, Doc: "Network that it stands in: `network.NAME`."},
			"os":         {Type: typeString, Default: "the archetype's, else linux", OneOf: derive.Families(), Doc: "Family of its operating system: decides TCP/IP personality and vendor."},
			"persist":    {Type: typeString, Default: "decky", OneOf: Persists, Doc: "Whose what clients write is: every client's of the decky, or that source's alone which wrote it (of a decky the 256 sources that came last are kept)."},
			"runtime":    {Type: typeString, Default: "that of the configuration", OneOf: Runtimes, Doc: "What it runs on."},
			"services":   {Type: typeList, Doc: "Slugs of services with their defaults; a service block configures one."},
			"timezone":   {Type: typeString, Default: "Etc/UTC", Doc: "Time zone that its clock shows: a name of the tz database, such as `Europe/Berlin`."},
			"vendor":     {Type: typeString, Default: "one that fits the operating system", OneOf: derive.Vendors(), Doc: "Vendor of its network interface."},
		},
	},
	"service": {
		doc:       "A service that a decky or an archetype has. Beside an archetype it merges over the archetype's service of that slug. A label lets two of one slug coexist. The other arguments are the service's own.",
		arguments: serviceArguments,
	},
	"archetype": {
		doc: "A kind of host. The catalogue has some; your own stand beside them, and may build on one.",
		example: `archetype "jump-host" {
  description = "A jump host with an old password."
  extends     = "linux-server"
  distros     = ["debian", "ubuntu22"]

  service "ssh" {
    users = { admin = "admin123" }
  }
  service "http" {
    enabled = false
  }
}

network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "jump" {
  network   = network.office
  archetype = archetype.jump-host
}
`,
		arguments: map[string]Argument{
			"description": {Type: typeString, Doc: "What it is."},
			"distros":     {Type: "list(reference)", Default: "debian", Doc: "Distros that its deckies run: one of them each, by their address."},
			"extends":     {Type: typeReference, Doc: "Archetype that it builds on, by slug or reference: what is not said here is taken from there."},
			"os":          {Type: typeString, Default: "linux", OneOf: derive.Families(), Doc: "Family of the operating system."},
			"services":    {Type: typeList, Doc: "Slugs of services with their defaults."},
		},
	},
	"distro": {
		doc: "A distribution of an operating system, as a decky claims to run it.",
		example: `distro "appliance" {
  title          = "Debian GNU/Linux 12 (bookworm)"
  hostname_style = "minimal"
  kernel         = "6.1.0-21-amd64"
  build          = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)"
  packages       = { openssh = "9.2p1" }
}

network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "box" {
  network = network.office
  distro  = distro.appliance
}
`,
		arguments: map[string]Argument{
			"build":          {Type: typeString, Doc: "Build of the kernel, as `uname -v` prints it."},
			"hostname_style": {Type: typeString, OneOf: styles(), Doc: "How its administrators name hosts."},
			"kernel":         {Type: typeString, Doc: "Release of the kernel, as `uname -r` prints it."},
			"machine":        {Type: typeString, Default: "x86_64", Doc: "Machine, as `uname -m` prints it."},
			"packages":       {Type: typeMap, Doc: "Versions of software that services claim to be, by name: openssh, nginx, redis, ..."},
			"title":          {Type: typeString, Doc: "Its name, as /etc/os-release has it."},
		},
	},
	"rule": {
		doc: "A rule of detection: tags events with an ATT&CK technique. The reference of events lists the fields of `event` and the functions that a condition may use.",
		example: `rule "password_spray" {
  technique = "T1110.003"
  when      = event.kind == "auth.attempt" && !event.success
  by        = event.source
  distinct  = event.username
  threshold = 8
  within    = "10m"
}
`,
		arguments: map[string]Argument{
			"by":         {Type: typeEvent, Default: "event.source", Doc: "Key that events are counted by. The rule fires once per key and window."},
			"depends_on": dependsOn,
			"distinct":   {Type: typeEvent, Doc: "Counts distinct values of this instead of events."},
			"tactics":    {Type: typeList, OneOf: tactics, Doc: "Tactics that a hit shows."},
			"technique":  {Type: typeString, Doc: "Id of the ATT&CK technique, such as T1110.003."},
			"threshold":  {Type: typeNumber, Default: "1", Doc: "How many make a hit, from 1 to 1000000."},
			"when":       {Type: typeEvent, Doc: "Condition that an event must meet. A field that an event's kind lacks makes it false."},
			"within":     {Type: typeString, Doc: "Window of a threshold above 1, such as \"10m\"; it slides on the time of the events."},
		},
	},
	"sink":   sinkText,
	"assert": lifecycleConditions["assert"], "precondition": lifecycleConditions["precondition"],
	"postcondition": lifecycleConditions["postcondition"], "content": lifecycleConditions["content"],
	"removed.lifecycle": lifecycleConditions["removed.lifecycle"],
	"check":             checkText, "moved": movedText, "removed": removedText, "import": importText, "dynamic": dynamicText,
	"lifecycle": lifecycleText, "decky.lifecycle": deckyLifecycleText,
}

var dependsOn = Argument{Type: typeReferences, Doc: "Blocks that are made before this one, though nothing here refers to them."}

var serviceArguments = map[string]Argument{
	"depends_on": dependsOn,
	"enabled":    {Type: typeBool, Default: "true", Doc: "false takes a service of the archetype away."},
	"ports":      {Type: typeList, Default: "the service's own", Doc: "Ports that it listens on, such as [2222] or [\"161/udp\"]."},
}

func conditionArguments(holds string) map[string]Argument {
	return map[string]Argument{
		"condition":     {Type: typeBool, Doc: "True where " + holds + "."},
		"error_message": {Type: typeString, Doc: "What is said where it is false."},
	}
}

func styles() []string {
	out := make([]string, 0, len(derive.Styles))
	for _, s := range derive.Styles {
		out = append(out, string(s))
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
