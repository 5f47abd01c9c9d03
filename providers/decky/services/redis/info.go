package redis

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// sections are INFO's, in its order; plain are those that INFO shows unasked.
var (
	sections = []string{"server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules", "commandstats", "errorstats", "latencystats", "cluster", "keyspace"}
	plain    = []string{"server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules", "errorstats", "cluster", "keyspace"}
)

func info(s *server, _ *session, out *reply, args [][]byte) {
	wanted := map[string]bool{}
	if len(args) == 1 {
		args = [][]byte{nil, []byte("default")}
	}
	for _, a := range args[1:] {
		names := []string{strings.ToLower(string(a))}
		switch names[0] {
		case "default":
			names = plain
		case "all", "everything":
			names = sections
		}
		for _, name := range names {
			wanted[name] = true
		}
	}
	var parts []string
	for _, name := range sections {
		if wanted[name] && (s.major >= 7 || name != "latencystats") {
			parts = append(parts, "# "+sectionTitles[name]+"\r\n"+s.section(name))
		}
	}
	out.text(strings.Join(parts, "\r\n"))
}

var sectionTitles = map[string]string{
	"server": "Server", "clients": "Clients", "memory": "Memory", "persistence": "Persistence", "stats": "Stats", "replication": "Replication", "cpu": "CPU",
	"modules": "Modules", "commandstats": "Commandstats", "errorstats": "Errorstats", "latencystats": "Latencystats", "cluster": "Cluster", "keyspace": "Keyspace",
}

// fields is "name:value" lines of alternating names and values.
func fields(pairs ...any) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%v:%v\r\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// fixed is "name:value" lines that never change, given as one text.
func fixed(text string) string {
	return strings.Join(strings.Fields(text), "\r\n") + "\r\n"
}

func (s *server) section(name string) string {
	switch name {
	case "server":
		return s.infoServer()
	case "clients":
		return s.infoClients()
	case "memory":
		return s.infoMemory()
	case "persistence":
		return s.infoPersistence()
	case "stats":
		return s.infoStats()
	case "replication":
		return s.infoReplication()
	case "cpu":
		return s.infoCPU()
	case "commandstats":
		return s.infoCommands()
	case "errorstats":
		return s.infoErrors()
	case "cluster":
		return "cluster_enabled:0\r\n"
	case "keyspace":
		return s.infoKeyspace()
	default:
		return ""
	}
}

// id is 40 hexadecimal digits for label that are new after every restart of the
// host, as Redis' run ids are.
func (s *server) id(label string) string {
	sum := s.persona.Derive(fmt.Sprintf("redis/%s/%s/%d", s.env.Name, label, s.started.Unix()))
	more := s.persona.Derive("redis-more/" + label)
	return hex.EncodeToString(append(sum, more...))[:40]
}

func (s *server) uptime() time.Duration { return max(s.env.Now().Sub(s.started), 0) }

func (s *server) infoServer() string {
	now, host := s.env.Now(), s.env.Host
	seconds := int64(s.uptime().Seconds())
	port := s.config["port"]
	if len(s.clients) > 0 {
		port = fmt.Sprint(s.sessions()[0].port)
	}
	return fields("redis_version", s.version, "redis_git_sha1", "00000000", "redis_git_dirty", 0, "redis_build_id", s.build(), "redis_mode", "standalone",
		"os", "Linux "+host.Kernel+" "+host.Machine, "arch_bits", 64, "monotonic_clock", "POSIX clock_gettime", "multiplexing_api", "epoll",
		"atomicvar_api", "c11-builtin", "gcc_version", "12.2.0", "process_id", s.pid, "process_supervised", "systemd", "run_id", s.id("run"), "tcp_port", port,
		"server_time_usec", now.UnixMicro(), "uptime_in_seconds", seconds, "uptime_in_days", seconds/86400, "hz", 10, "configured_hz", 10,
		"lru_clock", now.Unix()&(1<<24-1), "executable", "/usr/bin/redis-server", "config_file", "/etc/redis/redis.conf", "io_threads_active", 0)
}

// build is the id of Debian 12's build, which all its machines share; other
// versions get one of their own.
func (s *server) build() string {
	if s.version == DefaultVersion {
		return "ae4d7c971a948f0"
	}
	return hex.EncodeToString(s.persona.Derive("redis/build/" + s.version))[:16]
}

func (s *server) infoClients() string {
	return fields("connected_clients", len(s.clients), "cluster_connections", 0, "maxclients", s.config["maxclients"], "client_recent_max_input_buffer", 20480,
		"client_recent_max_output_buffer", 0, "blocked_clients", 0, "tracking_clients", 0, "clients_in_timeout_table", 0)
}

// human is bytes as Redis abbreviates them.
func human(n int64) string {
	f := float64(n)
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%dB", n)
	case n < 1<<20:
		return fmt.Sprintf("%.2fK", f/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.2fM", f/(1<<20))
	default:
		return fmt.Sprintf("%.2fG", f/(1<<30))
	}
}

func (s *server) infoMemory() string {
	const startup = 876080
	used := startup + int64(s.keys.used) + int64(len(s.clients))*22298
	peak := used + s.persona.Number("redis/peak", 30_000, 400_000)
	rss := 12_000_000 + s.persona.Number("redis/rss", 0, 2_000_000) + int64(s.keys.used)
	system := []int64{2_062_266_368, 4_105_310_208, 8_322_572_288}[s.persona.Number("memory", 0, 2)]
	overhead := startup + int64(len(s.clients))*22298 + int64(s.keys.keys)*72
	return fields("used_memory", used, "used_memory_human", human(used), "used_memory_rss", rss, "used_memory_rss_human", human(rss),
		"used_memory_peak", peak, "used_memory_peak_human", human(peak), "used_memory_peak_perc", fmt.Sprintf("%.2f%%", 100*float64(used)/float64(peak)),
		"used_memory_overhead", overhead, "used_memory_startup", startup, "used_memory_dataset", used-overhead,
		"used_memory_dataset_perc", fmt.Sprintf("%.2f%%", 100*float64(used-overhead)/float64(max(used-startup, 1))),
		"allocator_allocated", used+774_560, "allocator_active", used+910_528, "allocator_resident", used+3_581_120,
		"total_system_memory", system, "total_system_memory_human", human(system), "used_memory_lua", 31744, "used_memory_vm_eval", 31744,
		"used_memory_lua_human", "31.00K", "used_memory_scripts_eval", 0, "number_of_cached_scripts", len(s.scripts), "number_of_functions", 0,
		"number_of_libraries", 0, "used_memory_vm_functions", 32768, "used_memory_vm_total", 64512, "used_memory_vm_total_human", "63.00K",
		"used_memory_functions", 200, "used_memory_scripts", 200, "used_memory_scripts_human", "200B", "maxmemory", s.config["maxmemory"],
		"maxmemory_human", "0B", "maxmemory_policy", s.config["maxmemory-policy"], "allocator_frag_ratio", "1.08", "allocator_frag_bytes", 135968,
		"allocator_rss_ratio", "2.46", "allocator_rss_bytes", 2670592, "rss_overhead_ratio", fmt.Sprintf("%.2f", float64(rss)/float64(used+3_581_120)),
		"rss_overhead_bytes", rss-used-3_581_120, "mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(rss)/float64(used)), "mem_fragmentation_bytes", rss-used) +
		fixed("mem_not_counted_for_evict:0 mem_replication_backlog:0 mem_total_replication_buffers:0 mem_clients_slaves:0 mem_clients_normal:22298 mem_cluster_links:0 mem_aof_buffer:0 mem_allocator:jemalloc-5.3.0 active_defrag_running:0 lazyfree_pending_objects:0 lazyfreed_objects:0")
}

func (s *server) infoPersistence() string {
	return fixed("loading:0 async_loading:0 current_cow_peak:0 current_cow_size:0 current_cow_size_age:0 current_fork_perc:0.00 current_save_keys_processed:0 current_save_keys_total:0") +
		fields("rdb_changes_since_last_save", s.changes, "rdb_bgsave_in_progress", 0, "rdb_last_save_time", s.saved.Unix(), "rdb_last_bgsave_status", "ok") +
		fixed("rdb_last_bgsave_time_sec:-1 rdb_current_bgsave_time_sec:-1 rdb_saves:0 rdb_last_cow_size:0 rdb_last_load_keys_expired:0 rdb_last_load_keys_loaded:0 aof_enabled:0 aof_rewrite_in_progress:0 aof_rewrite_scheduled:0 aof_last_rewrite_time_sec:-1 aof_current_rewrite_time_sec:-1 aof_last_bgrewrite_status:ok aof_rewrites:0 aof_rewrites_consecutive_failures:0 aof_last_write_status:ok aof_last_cow_size:0 module_fork_in_progress:0 module_fork_last_cow_size:0")
}

func (s *server) infoStats() string {
	k := &s.counters
	return fields("total_connections_received", k.connections, "total_commands_processed", k.commands, "instantaneous_ops_per_sec", 0,
		"total_net_input_bytes", k.commands*31, "total_net_output_bytes", k.commands*117) +
		fixed("total_net_repl_input_bytes:0 total_net_repl_output_bytes:0 instantaneous_input_kbps:0.00 instantaneous_output_kbps:0.00 instantaneous_input_repl_kbps:0.00 instantaneous_output_repl_kbps:0.00 rejected_connections:0 sync_full:0 sync_partial_ok:0 sync_partial_err:0 expired_keys:0 expired_stale_perc:0.00 expired_time_cap_reached_count:0") +
		fields("expire_cycle_cpu_milliseconds", int64(s.uptime().Seconds())/41) +
		fixed("evicted_keys:0 evicted_clients:0 total_eviction_exceeded_time:0 current_eviction_exceeded_time:0") +
		fields("keyspace_hits", k.hits, "keyspace_misses", k.misses) +
		fixed("pubsub_channels:0 pubsub_patterns:0 pubsubshard_channels:0 latest_fork_usec:0 total_forks:0 migrate_cached_sockets:0 slave_expires_tracked_keys:0 active_defrag_hits:0 active_defrag_misses:0 active_defrag_key_hits:0 active_defrag_key_misses:0 total_active_defrag_time:0 current_active_defrag_time:0 tracking_total_keys:0 tracking_total_items:0 tracking_total_prefixes:0 unexpected_error_replies:0") +
		fields("total_error_replies", k.errors, "dump_payload_sanitizations", 0, "total_reads_processed", k.commands+k.connections, "total_writes_processed", k.commands) +
		fixed("io_threaded_reads_processed:0 io_threaded_writes_processed:0 reply_buffer_shrinks:0 reply_buffer_expands:0")
}

func (s *server) infoReplication() string {
	tail := fields("connected_slaves", 0, "master_failover_state", "no-failover", "master_replid", s.id("replid"), "master_replid2", strings.Repeat("0", 40), "master_repl_offset", 0) +
		fixed("second_repl_offset:-1 repl_backlog_active:0 repl_backlog_size:1048576 repl_backlog_first_byte_offset:0 repl_backlog_histlen:0")
	if s.master == "" {
		return "role:master\r\n" + tail
	}
	host, port, _ := strings.Cut(s.master, " ")
	return fields("role", "slave", "master_host", host, "master_port", port) +
		fixed("master_link_status:down master_last_io_seconds_ago:-1 master_sync_in_progress:0 slave_read_repl_offset:0 slave_repl_offset:0 master_link_down_since_seconds:-1 slave_priority:100 slave_read_only:1 replica_announced:1") + tail
}

func (s *server) infoCPU() string {
	seconds := s.uptime().Seconds()
	sys, user := seconds*0.00061, seconds*0.00072
	return fmt.Sprintf("used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\nused_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\nused_cpu_sys_main_thread:%.6f\r\nused_cpu_user_main_thread:%.6f\r\n",
		sys, user, sys*0.998, user*0.998)
}

func (s *server) infoCommands() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.counters.calls)) {
		calls := s.counters.calls[name]
		usec := calls * (1 + int64(len(name))%7)
		fmt.Fprintf(&b, "cmdstat_%s:calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=0,failed_calls=0\r\n", name, calls, usec, float64(usec)/float64(calls))
	}
	return b.String()
}

func (s *server) infoErrors() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.counters.failed)) {
		fmt.Fprintf(&b, "errorstat_%s:count=%d\r\n", name, s.counters.failed[name])
	}
	return b.String()
}

func (s *server) infoKeyspace() string {
	var b strings.Builder
	for db := range databases {
		names := s.keys.names(db, s.env.Now())
		if len(names) == 0 {
			continue
		}
		expires, left := 0, time.Duration(0)
		for _, name := range names {
			if v := s.keys.dbs[db][name]; !v.expires.IsZero() {
				expires++
				left += v.expires.Sub(s.env.Now())
			}
		}
		fmt.Fprintf(&b, "db%d:keys=%d,expires=%d,avg_ttl=%d\r\n", db, len(names), expires, left.Milliseconds()/int64(max(expires, 1)))
	}
	return b.String()
}
