//go:build live

package egress_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/link/lab"
)

func up(t *testing.T) *lab.Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root: run the live tests with sudo")
	}
	l, err := lab.Up(t.Context(), "eg"+strconv.Itoa(os.Getpid()), lab.Options{Root: filepath.Join(t.TempDir(), "labs")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// in runs fn on a side and reports its error; the attacker's side plays the
// decky here.
func in(t *testing.T, l *lab.Lab, side lab.Side, fn func() error) {
	t.Helper()
	if err := l.Do(side, fn); err != nil {
		t.Fatal(err)
	}
}

func listenTCP(t *testing.T, l *lab.Lab, side lab.Side, address string) net.Listener {
	t.Helper()
	var ln net.Listener
	in(t, l, side, func() (err error) { ln, err = net.Listen("tcp4", address); return err })
	t.Cleanup(func() { ln.Close() })
	return ln
}

func listenUDP(t *testing.T, l *lab.Lab, side lab.Side, address string) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	in(t, l, side, func() (err error) { conn, err = net.ListenPacket("udp4", address); return err })
	t.Cleanup(func() { conn.Close() })
	return conn
}

const patience = 300 * time.Millisecond

func dial(l *lab.Lab, side lab.Side, address string) error {
	return l.Do(side, func() error {
		conn, err := net.DialTimeout("tcp4", address, patience)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// crosses tells whether a datagram from one socket reaches another.
func crosses(t *testing.T, from, to net.PacketConn) bool {
	t.Helper()
	if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err != nil && !errors.Is(err, unix.EPERM) {
		t.Fatal(err)
	}
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, _, err := to.ReadFrom(make([]byte, 8))
	return err == nil
}

// echo sends an ICMP echo request and tells whether it left.
func echo(l *lab.Lab, side lab.Side, to [4]byte) error {
	return l.Do(side, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request := []byte{8, 0, 0xf7, 0xfe, 0, 1, 0, 0}
		return unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: to})
	})
}

// Every refusal has its control: the same act before the rules stand.
func TestADeckyAnswersAndNeverSpeaksFirst(t *testing.T) {
	l := up(t)
	const inside = lab.Attacker
	outsideAddr, insideAddr := lab.OperatorIP+":8000", lab.AttackerIP+":22"
	listenTCP(t, l, lab.Operator, outsideAddr)
	listenTCP(t, l, inside, insideAddr)
	listenTCP(t, l, inside, "127.0.0.1:9000")
	outsideUDP := listenUDP(t, l, lab.Operator, lab.OperatorIP+":5000")
	served := listenUDP(t, l, inside, lab.AttackerIP+":161")
	unserved := listenUDP(t, l, inside, lab.AttackerIP+":40000")
	wire := [4]byte{10, 77, 0, 1}

	acts := map[string]func() bool{
		"connect outward":    func() bool { return dial(l, inside, outsideAddr) == nil },
		"datagram outward":   func() bool { return crosses(t, unserved, outsideUDP) },
		"echo request":       func() bool { return echo(l, inside, wire) == nil },
		"answer a client":    func() bool { return dial(l, lab.Operator, insideAddr) == nil },
		"connect to itself":  func() bool { return dial(l, inside, "127.0.0.1:9000") == nil },
		"refuse a client":    func() bool { return errors.Is(dial(l, lab.Operator, lab.AttackerIP+":23"), unix.ECONNREFUSED) },
		"answer by datagram": func() bool { return crosses(t, served, outsideUDP) },
	}
	for name, act := range acts {
		if !act() {
			t.Fatalf("control: %s does not work without rules", name)
		}
	}
	rules := egress.Rules{UDPPorts: []uint16{161}}
	in(t, l, inside, func() error { return egress.Apply(rules) })
	in(t, l, inside, func() error { return egress.Verify(rules) })
	allowed := map[string]bool{"answer a client": true, "connect to itself": true, "refuse a client": true, "answer by datagram": true}
	for name, act := range acts {
		if got := act(); got != allowed[name] {
			t.Errorf("%s: possible is %v, want %v", name, got, allowed[name])
		}
	}
}

func TestVerifySeesEveryChange(t *testing.T) {
	l := up(t)
	rules := egress.Rules{UDPPorts: []uint16{69, 161}, Only: true}
	change := func(fn func(*nftables.Conn, *nftables.Table) error) func() error {
		return func() error {
			conn, err := nftables.New()
			if err != nil {
				return err
			}
			if err := fn(conn, &nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4}); err != nil {
				return err
			}
			return conn.Flush()
		}
	}
	output := func(table *nftables.Table) *nftables.Chain { return &nftables.Chain{Name: "output", Table: table} }
	for name, damage := range map[string]func() error{
		"never applied": func() error { return nil },
		"table gone":    change(func(c *nftables.Conn, table *nftables.Table) error { c.DelTable(table); return nil }),
		"flushed":       change(func(c *nftables.Conn, table *nftables.Table) error { c.FlushChain(output(table)); return nil }),
		"everything added": change(func(c *nftables.Conn, table *nftables.Table) error {
			c.AddRule(&nftables.Rule{Table: table, Chain: output(table)})
			return nil
		}),
		"one rule gone": change(func(c *nftables.Conn, table *nftables.Table) error {
			found, err := c.GetRules(table, output(table))
			if err != nil {
				return err
			}
			return c.DelRule(found[1])
		}),
		"other ports": func() error { return egress.Apply(egress.Rules{UDPPorts: []uint16{69, 162}}) },
		"another table": change(func(c *nftables.Conn, _ *nftables.Table) error {
			c.AddTable(&nftables.Table{Name: "other", Family: nftables.TableFamilyINet})
			return nil
		}),
		"policy accept": change(func(c *nftables.Conn, table *nftables.Table) error {
			policy := nftables.ChainPolicyAccept
			c.AddChain(&nftables.Chain{Name: "output", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter, Policy: &policy})
			return nil
		}),
	} {
		in(t, l, lab.Attacker, func() error {
			if name != "never applied" {
				if err := egress.Apply(rules); err != nil {
					return err
				}
				if err := egress.Verify(rules); err != nil {
					t.Errorf("before %s: %v", name, err)
				}
			}
			if err := damage(); err != nil {
				return err
			}
			if err := egress.Verify(rules); !errors.Is(err, egress.ErrAltered) {
				t.Errorf("%s: Verify = %v, want ErrAltered", name, err)
			}
			return nil
		})
	}
}
