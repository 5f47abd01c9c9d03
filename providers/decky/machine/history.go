package machine

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
)

// Record is an entry of wtmp or btmp (utmp(5)).
type Record struct {
	Type, PID      int
	TTY, ID        string
	User, From     string
	At             time.Time
	Address        netip.Addr
	Session        int
	Exit, Terminal int
}

// Types of a Record.
const (
	RunLevel = 1
	BootTime = 2
	Login1   = 6 // LOGIN_PROCESS
	UserIn   = 7
	UserOut  = 8 // DEAD_PROCESS
)

const recordSize = 384

// ParseRecords reads what utmp, wtmp and btmp hold; what is no whole record is
// left out.
func ParseRecords(data []byte) []Record {
	var out []Record
	for ; len(data) >= recordSize; data = data[recordSize:] {
		text := func(from, to int) string {
			s, _, _ := strings.Cut(string(data[from:to]), "\x00")
			return s
		}
		word := func(at int) int { return int(int32(binary.LittleEndian.Uint32(data[at:]))) }
		r := Record{
			Type: int(binary.LittleEndian.Uint16(data)), PID: word(4), TTY: text(8, 40), ID: text(40, 44), User: text(44, 76), From: text(76, 332),
			Terminal: int(binary.LittleEndian.Uint16(data[332:])), Exit: int(binary.LittleEndian.Uint16(data[334:])), Session: word(336),
			At: time.Unix(int64(word(340)), int64(word(344))*1000).UTC(),
		}
		if slices.ContainsFunc(data[352:364], func(c byte) bool { return c != 0 }) {
			r.Address = netip.AddrFrom16([16]byte(data[348:364]))
		} else {
			r.Address = netip.AddrFrom4([4]byte(data[348:352]))
		}
		out = append(out, r)
	}
	return out
}

// maxHistory bounds the sessions of clients that are remembered after their end.
const maxHistory = 64

// remember keeps a session that ends. The caller holds the lock.
func (m *Machine) remember(l *Login) {
	if len(m.past) >= maxHistory {
		m.past = slices.Delete(m.past, 0, 1)
	}
	m.past = append(m.past, image.Visit{User: l.User, TTY: l.TTY, From: l.From, In: l.Since, Out: m.Now(), PID: l.PID})
}

// Records are what wtmp tells: the file as it stands, and the sessions of
// clients since it was last written to, which are not in it.
func (m *Machine) Records() []Record {
	view := m.FS.As(0, 0)
	data, err := view.ReadFile("/var/log/wtmp")
	info, statErr := view.Stat("/var/log/wtmp")
	if err != nil || statErr != nil {
		return nil
	}
	out := ParseRecords(data)
	m.mu.Lock()
	past := slices.Clone(m.past)
	m.mu.Unlock()
	for _, l := range m.Logins() {
		past = append(past, image.Visit{User: l.User, TTY: l.TTY, From: l.From, In: l.Since, PID: l.PID})
	}
	changed := !view.Genuine("/var/log/wtmp")
	for _, v := range past {
		if changed && v.In.Before(info.MTime) {
			continue
		}
		out = append(out, Record{Type: UserIn, PID: v.PID, TTY: v.TTY, ID: "ts/" + strings.TrimPrefix(v.TTY, "pts/"), User: v.User, From: host(v.From), At: v.In, Address: v.From})
		if !v.Out.IsZero() {
			out = append(out, Record{Type: UserOut, PID: v.PID, TTY: v.TTY, At: v.Out})
		}
	}
	slices.SortStableFunc(out, func(a, b Record) int { return a.At.Compare(b.At) })
	return out
}

func host(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// LastSeen is the newest login of an account; ok is false where there was none.
func (m *Machine) LastSeen(user string) (r Record, ok bool) {
	for _, r := range slices.Backward(m.Records()) {
		if r.Type == UserIn && r.User == user {
			return r, true
		}
	}
	return Record{}, false
}

// Capabilities are those that the kernel knows, as setpriv and capsh name them
// without "cap_".
const Capabilities = "chown,dac_override,dac_read_search,fowner,fsetid,kill,setgid,setuid,setpcap,linux_immutable,net_bind_service,net_broadcast,net_admin,net_raw,ipc_lock,ipc_owner,sys_module,sys_rawio,sys_chroot,sys_ptrace,sys_pacct,sys_admin,sys_boot,sys_nice,sys_resource,sys_time,sys_tty_config,mknod,lease,audit_write,audit_control,setfcap,mac_override,mac_admin,syslog,wake_alarm,block_suspend,audit_read,perfmon,bpf,checkpoint_restore"
