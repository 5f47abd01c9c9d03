# What stands in the repository: two servers on the wire of a lab.
decnet {
  name    = "berlin"
  seed    = "quiet-harbour"
  runtime = "native"
}

network "office" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
}

decky "files" {
  count   = 2
  network = network.office
  service "ssh" {}
}
