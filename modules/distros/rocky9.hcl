# Rocky Linux 9.5: BaseOS and AppStream (download.rockylinux.org). OpenSSH's banner has no
# comment on this family.
distro "rocky9" {
  title          = "Rocky Linux 9.5 (Blue Onyx)"
  hostname_style = "rhel"
  kernel         = "5.14.0-503.14.1.el9_5.x86_64"
  build          = "#1 SMP PREEMPT_DYNAMIC Fri Nov 15 12:04:32 UTC 2024"
  machine        = "x86_64"

  packages = {
    nginx   = "1.20.1"
    openssh = "OpenSSH_8.7"
    redis   = "6.2.7"
  }
}
