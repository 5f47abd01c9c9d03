# Arch Linux, core and extra of the end of November 2024 (archive.archlinux.org).
distro "arch" {
  title          = "Arch Linux"
  hostname_style = "rolling"
  kernel         = "6.12.1-arch1-1"
  build          = "#1 SMP PREEMPT_DYNAMIC Fri, 22 Nov 2024 16:04:27 +0000"
  machine        = "x86_64"

  packages = {
    nginx   = "1.26.2"
    openssh = "OpenSSH_9.9"
    redis   = "7.2.6"
  }
}
