decky "a" {
  ip = "10.0.0.1"

  # about the name
  hostname = "x"
  # at the end
}
# between

# before b
decky "b" {} // after b
