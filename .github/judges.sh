#!/bin/sh
# Installs the real clients and servers that judge decnet, from Debian, without
# starting any of them: a server that starts would listen on real interfaces.
# Usage: judges.sh demo|test
set -eu

case "${1:-}" in
demo) want="openssh-client redis-tools curl" ;;
test) want="openssh-client redis-tools curl nmap docker.io openssh-server redis-server nginx-light iproute2 nftables gcc libc6-dev uidmap git gnupg jq mawk bash dash busybox-static coreutils sed grep findutils bsdextrautils xxd util-linux systemd apache2 lighttpd inetutils-telnetd inetutils-inetd telnet dropbear-bin putty-tools sshpass hydra ncrack medusa python3-paramiko wget net-tools chromium" ;;
*) echo "usage: judges.sh demo|test" >&2; exit 2 ;;
esac
[ "${DECNET_RUNTIME:-}" != docker ] || want="$want docker.io"

missing=""
for package in $want; do
	# Any nginx serves as the judge.
	if [ "$package" = nginx-light ] && command -v nginx >/dev/null 2>&1; then continue; fi
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "judges.sh: run as root, or install:$missing" >&2
	exit 1
fi

# policy-rc.d answers 101 ("action forbidden") while packages are configured.
policy=/usr/sbin/policy-rc.d
saved=""
if [ -e "$policy" ]; then
	saved=$(mktemp)
	cp -p "$policy" "$saved"
fi
restore() {
	if [ -n "$saved" ]; then cp -p "$saved" "$policy"; rm -f "$saved"; else rm -f "$policy"; fi
}
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
