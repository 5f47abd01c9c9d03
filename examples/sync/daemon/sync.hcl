# What stands on the machine, in /etc/decnet/sync.hcl: no commit can change it.
sync "berlin" {
  repository  = "https://git.example.com/net/decoys.git"
  branch      = "main"
  interval    = "1m"
  policy      = "manual"
  max_destroy = "50%"

  verify {
    mode = "none" # for this trial; name your signers instead
  }
}

metrics {
  listen = "127.0.0.1:9444"
}
