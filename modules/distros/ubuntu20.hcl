# Ubuntu 20.04: focal, focal-updates and focal-security (packages.ubuntu.com). Its nginx
# names the distribution.
distro "ubuntu20" {
  title          = "Ubuntu 20.04.6 LTS"
  hostname_style = "generic"
  kernel         = "5.4.0-204-generic"
  build          = "#224-Ubuntu SMP Thu Dec 5 13:38:28 UTC 2024"
  machine        = "x86_64"

  packages = {
    nginx   = "1.18.0 (Ubuntu)"
    openssh = "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11"
    redis   = "5.0.7"
  }
}
