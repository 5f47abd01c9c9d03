# Alpine 3.19: main and community (pkgs.alpinelinux.org), kernel linux-lts.
distro "alpine" {
  title          = "Alpine Linux v3.19"
  hostname_style = "minimal"
  kernel         = "6.6.7-0-lts"
  build          = "#1-Alpine SMP PREEMPT_DYNAMIC Thu, 14 Dec 2023 08:45:40 +0000"
  machine        = "x86_64"

  packages = {
    nginx   = "1.24.0"
    openssh = "OpenSSH_9.6"
    redis   = "7.2.4"
  }
}
