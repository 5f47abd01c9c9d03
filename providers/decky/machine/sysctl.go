package machine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
)

// sysctls are the kernel's settings with what they are on a host that nobody
// tuned (Documentation/admin-guide/sysctl and ip-sysctl of the kernel); a name
// ends with a colon where it cannot be written.
const sysctls = `abi/vsyscall32=1 debug/exception-trace=1 dev/cdrom/autoclose=1 dev/cdrom/autoeject=0
fs/aio-max-nr=65536 fs/aio-nr:=0 fs/dentry-state:=32151\t18044\t45\t0\t6512\t0 fs/dir-notify-enable=1 fs/epoll/max_user_watches=451840 fs/file-max=9223372036854775807 fs/file-nr:=1120\t0\t9223372036854775807 fs/inode-nr:=29114\t512 fs/inotify/max_queued_events=16384 fs/inotify/max_user_instances=128 fs/inotify/max_user_watches=29182 fs/lease-break-time=45 fs/leases-enable=1 fs/mount-max=100000 fs/nr_open=1048576 fs/overflowgid=65534 fs/overflowuid=65534 fs/pipe-max-size=1048576 fs/protected_fifos=1 fs/protected_hardlinks=1 fs/protected_regular=2 fs/protected_symlinks=1 fs/suid_dumpable=0
kernel/acct=4\t2\t30 kernel/cap_last_cap:=40 kernel/core_pattern=core kernel/core_uses_pid=0 kernel/ctrl-alt-del=0 kernel/dmesg_restrict=1 kernel/hung_task_timeout_secs=120 kernel/kptr_restrict=0 kernel/modprobe=/sbin/modprobe kernel/modules_disabled=0 kernel/msgmax=8192 kernel/msgmnb=16384 kernel/msgmni=32000 kernel/ngroups_max:=65536 kernel/nmi_watchdog=0 kernel/panic=0 kernel/panic_on_oops=0 kernel/perf_event_paranoid=3 kernel/printk=4\t4\t1\t7 kernel/randomize_va_space=2 kernel/sched_autogroup_enabled=1 kernel/sem=32000\t1024000000\t500\t32000 kernel/shmall=18446744073692774399 kernel/shmmax=18446744073692774399 kernel/shmmni=4096 kernel/sysrq=438 kernel/tainted=0 kernel/threads-max=15477 kernel/unprivileged_bpf_disabled=2 kernel/yama/ptrace_scope=0 kernel/random/entropy_avail:=256 kernel/random/poolsize:=256
net/core/bpf_jit_enable=1 net/core/default_qdisc=fq_codel net/core/netdev_max_backlog=1000 net/core/optmem_max=20480 net/core/rmem_default=212992 net/core/rmem_max=212992 net/core/somaxconn=4096 net/core/wmem_default=212992 net/core/wmem_max=212992
net/ipv4/icmp_echo_ignore_all=0 net/ipv4/icmp_echo_ignore_broadcasts=1 net/ipv4/icmp_ratelimit=1000 net/ipv4/icmp_ratemask=6168 net/ipv4/ip_default_ttl=64 net/ipv4/ip_forward=0 net/ipv4/ip_local_port_range=32768\t60999 net/ipv4/ip_nonlocal_bind=0 net/ipv4/ip_no_pmtu_disc=0 net/ipv4/ip_unprivileged_port_start=1024 net/ipv4/ping_group_range=0\t2147483647 net/ipv4/tcp_available_congestion_control:=reno\scubic net/ipv4/tcp_congestion_control=cubic net/ipv4/tcp_ecn=2 net/ipv4/tcp_fastopen=1 net/ipv4/tcp_fin_timeout=60 net/ipv4/tcp_keepalive_intvl=75 net/ipv4/tcp_keepalive_probes=9 net/ipv4/tcp_keepalive_time=7200 net/ipv4/tcp_max_syn_backlog=128 net/ipv4/tcp_max_tw_buckets=8192 net/ipv4/tcp_mtu_probing=0 net/ipv4/tcp_rmem=4096\t131072\t6291456 net/ipv4/tcp_sack=1 net/ipv4/tcp_syn_retries=6 net/ipv4/tcp_synack_retries=5 net/ipv4/tcp_syncookies=1 net/ipv4/tcp_timestamps=1 net/ipv4/tcp_tw_reuse=2 net/ipv4/tcp_window_scaling=1 net/ipv4/tcp_wmem=4096\t16384\t4194304
net/ipv4/conf/all/accept_redirects=1 net/ipv4/conf/all/accept_source_route=0 net/ipv4/conf/all/arp_ignore=0 net/ipv4/conf/all/forwarding=0 net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/all/send_redirects=1 net/ipv4/conf/default/accept_redirects=1 net/ipv4/conf/default/accept_source_route=1 net/ipv4/conf/default/forwarding=0 net/ipv4/conf/default/rp_filter=0 net/ipv4/conf/default/send_redirects=1
net/ipv6/conf/all/disable_ipv6=1 net/ipv6/conf/default/disable_ipv6=1 net/netfilter/nf_conntrack_max=65536 net/nf_conntrack_max=65536
vm/admin_reserve_kbytes=8192 vm/dirty_background_ratio=10 vm/dirty_expire_centisecs=3000 vm/dirty_ratio=20 vm/dirty_writeback_centisecs=500 vm/drop_caches=0 vm/hugetlb_shm_group=0 vm/laptop_mode=0 vm/max_map_count=65530 vm/min_free_kbytes=45056 vm/mmap_min_addr=65536 vm/nr_hugepages=0 vm/overcommit_memory=0 vm/overcommit_ratio=50 vm/page-cluster=3 vm/panic_on_oom=0 vm/swappiness=60 vm/vfs_cache_pressure=100 vm/zone_reclaim_mode=0`

// setting is one of them.
type setting struct {
	value    string
	readOnly bool
}

var sysctlTable = func() map[string]setting {
	out := map[string]setting{}
	for _, word := range strings.Fields(sysctls) {
		name, value, _ := strings.Cut(word, "=")
		bare := strings.TrimSuffix(name, ":")
		out[bare] = setting{strings.NewReplacer(`\t`, "\t", `\s`, " ").Replace(value), bare != name}
	}
	return out
}()

// hostSettings are those that are the host's own.
func (m *Machine) hostSettings() map[string]setting {
	random := m.Persona.UUID(fmt.Sprint("random/", m.Now().UnixNano()))
	domain := m.Persona.Domain()
	if domain == "" || !strings.Contains(domain, ".") {
		domain = "(none)"
	}
	return map[string]setting{
		"kernel/hostname": {m.Persona.Hostname(), false}, "kernel/domainname": {domain, false}, "kernel/ostype": {m.Release.System, true}, "kernel/osrelease": {m.Release.Kernel, true}, "kernel/version": {m.Release.Build, true},
		"kernel/pid_max": {fmt.Sprint(m.MaxPID()), false}, "kernel/random/boot_id": {m.BootID(), true}, "kernel/random/uuid": {random, true},
	}
}

// BootID is the kernel's id of this start.
func (m *Machine) BootID() string { return m.Persona.UUID(fmt.Sprint("boot/", m.Boot.Unix())) }

// Sysctls are the names of the kernel's settings, sorted, with dots.
func (m *Machine) Sysctls() []string {
	var out []string
	for name := range maps.Keys(sysctlTable) {
		out = append(out, strings.ReplaceAll(name, "/", "."))
	}
	for name := range m.hostSettings() {
		out = append(out, strings.ReplaceAll(name, "/", "."))
	}
	slices.Sort(out)
	return out
}

// Sysctl is the value of a setting; name has dots or slashes.
func (m *Machine) Sysctl(name string) (string, bool) {
	name = strings.ReplaceAll(name, ".", "/")
	m.mu.Lock()
	value, ok := m.sysctl[name]
	m.mu.Unlock()
	if ok {
		return value, true
	}
	if s, ok := sysctlTable[name]; ok {
		return s.value, true
	}
	s, ok := m.hostSettings()[name]
	return s.value, ok
}

// SetSysctl changes a setting until the machine is made anew. Errors are the
// kernel's: ENOENT, EACCES, EINVAL.
func (m *Machine) SetSysctl(name, value string) error {
	name = strings.ReplaceAll(name, ".", "/")
	s, ok := sysctlTable[name]
	if !ok {
		s, ok = m.hostSettings()[name]
	}
	switch {
	case !ok:
		return syscall.ENOENT
	case s.readOnly:
		return syscall.EACCES
	}
	value = strings.TrimRight(value, "\n ")
	if numeric(s.value) && !numeric(value) || len(value) > 256 {
		return syscall.EINVAL
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sysctl == nil {
		m.sysctl = map[string]string{}
	}
	m.sysctl[name] = value
	return nil
}

// numeric tells numbers between blanks.
func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789 \t-") == ""
}

// procSys is /proc/sys.
func (m *Machine) procSys() *dir {
	root, made := m.liveDir(0o555), map[string]*dir{}
	put := func(name string, s setting) {
		root.path(name, func(d *dir, last string) {
			mode := uint32(0o644)
			if s.readOnly {
				mode = 0o444
			}
			d.special(last, mode, func() string { v, _ := m.Sysctl(name); return v + "\n" }, func(data []byte) error { return m.SetSysctl(name, string(data)) })
		}, made)
	}
	for name, s := range sysctlTable {
		put(name, s)
	}
	for name, s := range m.hostSettings() {
		put(name, s)
	}
	root.path("fs/binfmt_misc/status", func(d *dir, last string) {
		d.special(last, 0o644, func() string { return "enabled\n" }, func([]byte) error { return nil })
	}, made)
	root.path("fs/binfmt_misc/register", func(d *dir, last string) {
		d.special(last, 0o200, func() string { return "" }, func([]byte) error { return syscall.EINVAL })
	}, made)
	return root
}
