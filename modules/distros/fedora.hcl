# Fedora 40: kernel as released, the rest from updates (packages.fedoraproject.org).
distro "fedora" {
  title          = "Fedora Linux 40 (Server Edition)"
  hostname_style = "rhel"
  kernel         = "6.8.5-301.fc40.x86_64"
  build          = "#1 SMP PREEMPT_DYNAMIC Thu Apr 11 20:00:10 UTC 2024"
  machine        = "x86_64"

  packages = {
    nginx   = "1.26.2"
    openssh = "OpenSSH_9.6"
    redis   = "7.2.6"
  }
}
