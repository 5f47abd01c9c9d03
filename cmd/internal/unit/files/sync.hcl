# What decnet reconcile follows. This file belongs to root alone (mode 0600), and
# so do the files with secrets that it names. After a change:
#
#     systemctl reload decnet-reconcile
#
# Every argument is described by: decnet docs sync

# sync "prod" {
#   repository = "https://git.example.com/net/decoys.git"
#   path       = "sites/berlin"      # where the configuration stands in it
#   branch     = "main"              # or tag, semver, commit
#   interval   = "1m"
#
#   # auto applies commits, manual waits for: decnet sync approve prod,
#   # observe plans and reports, and touches nothing.
#   policy      = "manual"
#   max_destroy = "25%"              # more must be approved
#   rollback    = true               # to the last good commit when an apply fails
#
#   auth {
#     token_file = "/etc/decnet/git-token"
#   }
#
#   # Sinks in the repository may name files of this directory and no other,
#   # and its modules come from its own host and from these.
#   secrets      = "/etc/decnet/secrets/prod"
#   module_hosts = ["modules.example.com"]
#
#   # Only commits that one of these has signed are looked at.
#   verify {
#     signer "operations" {
#       ssh_key_files = ["/etc/decnet/signers/operations.pub"]
#     }
#   }
#
#   window "nights" {
#     days     = ["mon", "tue", "wed", "thu"]
#     from     = "22:00"
#     to       = "05:00"
#     timezone = "Europe/Berlin"
#   }
# }

# A hosting service may say that something was pushed: the syncs then look at
# once. Put a proxy with TLS before it.
#
# webhook {
#   listen      = "127.0.0.1:9443"
#   provider    = "github"
#   secret_file = "/etc/decnet/hook-secret"
# }

# sink "operators" {
#   type = "webhook"
#   url  = "https://chat.example.com/hook"
# }

# /livez, /readyz and /metrics, for whoever watches this machine.
metrics {
  listen = "127.0.0.1:9444"
}
