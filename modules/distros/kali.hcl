# Kali 2024.4 (pkg.kali.org).
distro "kali" {
  title          = "Kali GNU/Linux Rolling"
  hostname_style = "rolling"
  kernel         = "6.11.2-amd64"
  build          = "#1 SMP PREEMPT_DYNAMIC Kali 6.11.2-1kali1 (2024-10-15)"
  machine        = "x86_64"

  packages = {
    nginx   = "1.26.0"
    openssh = "OpenSSH_9.9p1 Debian-3"
    redis   = "7.0.15"
  }
}
