# Ubuntu 22.04: jammy, jammy-updates and jammy-security (packages.ubuntu.com). Its nginx
# names the distribution.
distro "ubuntu22" {
  title          = "Ubuntu 22.04.5 LTS"
  hostname_style = "generic"
  kernel         = "5.15.0-130-generic"
  build          = "#140-Ubuntu SMP Wed Dec 18 17:59:53 UTC 2024"
  machine        = "x86_64"

  packages = {
    nginx   = "1.18.0 (Ubuntu)"
    openssh = "OpenSSH_8.9p1 Ubuntu-3ubuntu0.10"
    redis   = "6.0.16"
  }
}
