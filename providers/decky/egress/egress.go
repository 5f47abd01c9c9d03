// Package egress owns the rules that keep a decky from speaking first: stateless
// nftables rules on the output of its namespace, so that an intruder inside
// reaches nobody. It refuses to track connections: what an attacker opened is
// answered, nothing else leaves. IPv6 is off by sysctl, not here. Nothing in the
// rules names decnet.
package egress

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ErrAltered says that the rules in the namespace are not the ones applied:
// gone, changed or added to.
var ErrAltered = errors.New("egress rules are not in place")

// Rules is what may leave.
type Rules struct {
	// UDPPorts may answer: datagrams from these source ports leave.
	UDPPorts []uint16
	// Only refuses every other table beside these rules: the namespace is ours
	// alone, and no engine's.
	Only bool
}

const (
	tableName = "filter"
	chainName = "output"
)

const (
	tcpFlagsOffset = 13 // RFC 9293, section 3.1
	tcpSYN         = 0x02
	tcpACK         = 0x10
	icmpEcho       = 8 // RFC 792
)

// Apply replaces the rules of the calling thread's network namespace in one
// transaction: there is no moment without them.
func Apply(rules Rules) error {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("apply egress rules: %w", err)
	}
	defer conn.CloseLasting()
	table, chain := shape()
	// Adding a table that is there changes nothing, so that deleting it never
	// fails; the third message makes it anew.
	conn.AddTable(table)
	conn.DelTable(table)
	if rules.Only {
		conn.FlushRuleset()
	}
	conn.AddTable(table)
	conn.AddChain(chain)
	for _, exprs := range rules.expressions() {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("apply egress rules: %w", err)
	}
	return nil
}

// Verify reads the rules of the calling thread's namespace back; ErrAltered if
// they are not exactly those of Apply.
func Verify(rules Rules) error {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("read egress rules: %w", err)
	}
	defer conn.CloseLasting()
	if rules.Only {
		tables, err := conn.ListTables()
		if err != nil {
			return fmt.Errorf("read egress rules: %w", err)
		}
		if len(tables) > 1 {
			return fmt.Errorf("%w: %d tables", ErrAltered, len(tables))
		}
	}
	table, chain := shape()
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("read egress rules: %w", err)
	}
	i := slices.IndexFunc(chains, func(c *nftables.Chain) bool { return c.Table.Name == tableName && c.Name == chainName })
	if i < 0 {
		return fmt.Errorf("%w: no chain", ErrAltered)
	}
	have := chains[i]
	if have.Policy == nil || *have.Policy != *chain.Policy || have.Hooknum == nil || *have.Hooknum != *chain.Hooknum || have.Type != chain.Type {
		return fmt.Errorf("%w: another hook or policy", ErrAltered)
	}
	found, err := conn.GetRules(table, have)
	if err != nil {
		return fmt.Errorf("read egress rules: %w", err)
	}
	want := rules.expressions()
	if len(found) != len(want) {
		return fmt.Errorf("%w: %d rules, want %d", ErrAltered, len(found), len(want))
	}
	for i := range want {
		if !slices.EqualFunc(want[i], found[i].Exprs, same) {
			return fmt.Errorf("%w: rule %d differs", ErrAltered, i+1)
		}
	}
	return nil
}

// same compares two expressions in their wire form.
func same(a, b expr.Any) bool {
	left, err := expr.Marshal(byte(nftables.TableFamilyIPv4), a)
	if err != nil {
		return false
	}
	right, err := expr.Marshal(byte(nftables.TableFamilyIPv4), b)
	return err == nil && bytes.Equal(left, right)
}

func shape() (*nftables.Table, *nftables.Chain) {
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	policy := nftables.ChainPolicyDrop
	return table, &nftables.Chain{
		Name: chainName, Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	}
}

// expressions spells the rules out; what none accepts is dropped.
func (r Rules) expressions() [][]expr.Any {
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	loopback := make([]byte, unix.IFNAMSIZ)
	copy(loopback, "lo\x00")
	rules := [][]expr.Any{
		{
			&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: loopback},
			accept,
		},
		// TCP, but not SYN without ACK: the first segment of a connection.
		append(protocol(unix.IPPROTO_TCP),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: tcpFlagsOffset, Len: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{tcpSYN | tcpACK}, Xor: []byte{0}},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{tcpSYN}},
			accept),
		append(protocol(unix.IPPROTO_ICMP),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{icmpEcho}},
			accept),
	}
	ports := slices.Clone(r.UDPPorts)
	slices.Sort(ports)
	for _, port := range slices.Compact(ports) {
		rules = append(rules, append(protocol(unix.IPPROTO_UDP),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
			accept))
	}
	return rules
}

func protocol(number byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}},
	}
}

// Describe writes down every table, chain and rule of the calling thread's
// namespace as they are, for the record.
func Describe() (string, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return "", fmt.Errorf("read rules: %w", err)
	}
	defer conn.CloseLasting()
	chains, err := conn.ListChains()
	if err != nil {
		return "", fmt.Errorf("read rules: %w", err)
	}
	tables, err := conn.ListTables()
	if err != nil {
		return "", fmt.Errorf("read rules: %w", err)
	}
	var text strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&text, "table family %d %q\n", table.Family, table.Name)
		for _, chain := range chains {
			if chain.Table.Name != table.Name || chain.Table.Family != table.Family {
				continue
			}
			fmt.Fprintf(&text, "  chain %q type %q", chain.Name, chain.Type)
			if chain.Hooknum != nil && chain.Policy != nil {
				fmt.Fprintf(&text, " hook %d policy %d", *chain.Hooknum, *chain.Policy)
			}
			text.WriteByte('\n')
			rules, err := conn.GetRules(table, chain)
			if err != nil {
				return text.String(), fmt.Errorf("read rules: %w", err)
			}
			for _, rule := range rules {
				text.WriteString("    rule")
				for _, e := range rule.Exprs {
					fmt.Fprintf(&text, " %s%+v", strings.TrimPrefix(fmt.Sprintf("%T", e), "*expr."), reflect.Indirect(reflect.ValueOf(e)).Interface())
				}
				text.WriteByte('\n')
			}
		}
	}
	return text.String(), nil
}
