# A data store that should not be reachable, and is.
archetype "database-server" {
  description = "Database server"
  os          = "linux"
  distros     = ["debian", "ubuntu22"]
  services    = ["redis"]
}
