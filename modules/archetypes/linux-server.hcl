# A general-purpose server that somebody administers over SSH.
archetype "linux-server" {
  description = "Linux server with a shell and a web page"
  os          = "linux"
  distros     = ["debian", "ubuntu22", "rocky9", "fedora"]
  services    = ["ssh", "http"]
}
