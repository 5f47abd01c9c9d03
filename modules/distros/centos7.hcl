# CentOS 7.9: os and updates (vault.centos.org), nginx and redis from EPEL 7.
distro "centos7" {
  title          = "CentOS Linux 7 (Core)"
  hostname_style = "rhel"
  kernel         = "3.10.0-1160.119.1.el7.x86_64"
  build          = "#1 SMP Tue Jun 4 14:43:51 UTC 2024"
  machine        = "x86_64"

  packages = {
    nginx   = "1.20.1"
    openssh = "OpenSSH_7.4"
    redis   = "3.2.12"
  }
}
