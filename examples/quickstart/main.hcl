# Five fake machines on one network segment, rules that name what attackers do
# to them, and a file that every event is written to.
#
#   decnet plan      what would be made
#   decnet apply     make it
#   decnet intel     catch, tag and report

decnet {
  name = "quickstart"
  seed = "harbour-lantern" # names, IPs and MACs are derived from it
}

variable "parent" {
  type        = string
  default     = "op0"
  description = "The interface of this host that the deckies appear on."
}

network "lab" {
  parent  = var.parent
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
  pool    = "10.77.0.100-10.77.0.199" # addresses that nothing else uses
}

# --- Deckies ---------------------------------------------------------------

decky "linux" {
  network   = network.lab
  archetype = "linux-server" # ssh and http

  service "ssh" {
    # decnet:ignore DN1050, DN1051: the demo logs in with it
    users = { root = "toor" }
  }
}

decky "web" {
  network   = network.lab
  archetype = "web-server" # http

  service "http" {
    title = "Intranet"
  }
}

decky "database" {
  network   = network.lab
  archetype = "database-server" # redis, open to everybody
}

decky "ssh" {
  count    = 2
  network  = network.lab
  hostname = format("jump-%02d", count.index + 1)

  service "ssh" {
    # decnet:ignore DN1050, DN1051: weak on purpose, to be guessed within minutes
    users = { root = "toor", admin = "admin123" }
  }
}

# --- Rules: ATT&CK techniques and what shows them --------------------------

rule "password_guessing" {
  technique = "T1110.001"
  when      = event.kind == "auth.attempt" && !event.success
  by        = event.source
  threshold = 3
  within    = "5m"
}

rule "valid_account" {
  technique = "T1078"
  when      = event.kind == "auth.attempt" && event.success
}

rule "system_discovery" {
  technique = "T1082"
  when      = event.kind == "command" && matches("\\b(uname|hostnamectl|lscpu|nproc)\\b|/etc/os-release|/proc/(version|cpuinfo)", event.command)
}

rule "user_discovery" {
  technique = "T1033"
  when      = event.kind == "command" && matches("(^|[;&|]\\s*)(id|whoami|who|w|last)\\b", event.command)
}

rule "tool_transfer" {
  technique = "T1105"
  when      = event.kind == "command" && matches("\\b(wget|curl|tftp|scp)\\b", event.command)
}

rule "redis_takeover" {
  technique = "T1190"
  when      = event.kind == "query" && contains(["CONFIG", "SLAVEOF", "REPLICAOF", "MODULE"], event.verb)
}

rule "web_scan" {
  technique = "T1595.003"
  when      = event.kind == "request" && event.status == 404
  by        = event.source
  distinct  = event.path
  threshold = 5
  within    = "1m"
}

# --- Where events and tags go ----------------------------------------------

sink "log" {
  type = "file"
  path = "events.log"
}

output "linux_ip" { value = decky.linux.ip }
output "web_ip" { value = decky.web.ip }
output "database_ip" { value = decky.database.ip }
output "ssh_ips" { value = decky.ssh[*].ip }
