# Fedora 39 as released (packages.fedoraproject.org).
distro "fedora" {
  title          = "Fedora Linux 39 (Server Edition)"
  hostname_style = "rhel"
  kernel         = "6.5.6-300.fc39.x86_64"
  build          = "#1 SMP PREEMPT_DYNAMIC Fri Oct  6 19:57:21 UTC 2023"
  machine        = "x86_64"

  packages = {
    nginx   = "1.24.0"
    openssh = "OpenSSH_9.3"
    redis   = "7.2.1"
  }
}
