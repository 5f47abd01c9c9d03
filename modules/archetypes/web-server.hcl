# A machine that only serves web pages.
archetype "web-server" {
  description = "Web server"
  os          = "linux"
  distros     = ["debian", "ubuntu22", "ubuntu20"]
  services    = ["http"]
}
