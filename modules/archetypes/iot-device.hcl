# A camera, a recorder or a router of the kind that worms look for.
archetype "iot-device" {
  description = "Embedded device with a telnet login"
  os          = "embedded"
  distros     = ["alpine"]
  services    = ["telnet"]
}
