# Debian 12: packages linux-image-amd64, openssh-server, nginx and redis-server of bookworm
# and bookworm-security (packages.debian.org).
distro "debian" {
  title          = "Debian GNU/Linux 12 (bookworm)"
  hostname_style = "generic"
  kernel         = "6.1.0-28-amd64"
  build          = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"
  machine        = "x86_64"

  packages = {
    nginx   = "1.22.1"
    openssh = "OpenSSH_9.2p1 Debian-2+deb12u7"
    redis   = "7.0.15"
  }
}
