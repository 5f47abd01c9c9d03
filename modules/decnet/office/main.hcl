# An office: workstations that somebody administers over SSH, and a few servers
# beside them, on a network that is passed in.
variable "network" {
  description = "The network they stand in: network.NAME."
}

variable "workstations" {
  type        = number
  default     = 10
  description = "How many workstations there are."

  validation {
    condition     = var.workstations >= 0 && var.workstations <= 2000 && floor(var.workstations) == var.workstations
    error_message = "An office has 0 to 2000 workstations."
  }
}

variable "servers" {
  type = map(string)
  default = {
    "intranet" = "web-server"
    "crm-db"   = "database-server"
  }
  description = "The servers: hostname and archetype."
}

variable "workstation" {
  type        = string
  default     = "linux-workstation"
  description = "Archetype of the workstations."
}

variable "prefix" {
  type        = string
  default     = "ws"
  description = "What the workstations' hostnames begin with."
}

variable "first" {
  type        = number
  default     = 101
  description = "Number of the first workstation; nobody's numbers begin at 0."
}

variable "domain" {
  type        = string
  default     = null
  description = "DNS domain of all."
}

archetype "linux-workstation" {
  description = "Desktop that is administered over SSH"
  os          = "linux"
  distros     = ["ubuntu22", "fedora", "debian"]
  services    = ["ssh"]
}

decky "workstation" {
  count     = var.workstations
  network   = var.network
  archetype = var.workstation
  hostname  = format("%s-%04d", var.prefix, var.first + count.index)
  domain    = var.domain
}

decky "server" {
  for_each  = var.servers
  network   = var.network
  archetype = each.value
  hostname  = each.key
  domain    = var.domain
}

output "workstations" {
  description = "Hostname and IP of each workstation."
  value       = { for d in decky.workstation : d.hostname => d.ip }
}

output "servers" {
  description = "Hostname and IP of each server."
  value       = { for d in decky.server : d.hostname => d.ip }
}
