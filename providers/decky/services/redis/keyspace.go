package redis

import (
	"maps"
	"slices"
	"time"
)

// Bounds of a decky's keyspace. What does not fit is refused with Redis' own
// out-of-memory error.
const (
	databases  = 16
	maxKeys    = 16384
	maxBytes   = 6 << 20
	perElement = 32 // what an element costs beside its bytes
)

// value is what a key holds: exactly one of its fields by kind.
type value struct {
	kind    string // "string", "list", "hash", "set", "zset"
	text    string
	list    []string
	hash    map[string]string
	order   []string // of hash, set
	set     map[string]bool
	scores  map[string]float64
	expires time.Time // zero: never
}

func newValue(kind string) *value {
	v := &value{kind: kind}
	switch kind {
	case "hash":
		v.hash = map[string]string{}
	case "set":
		v.set = map[string]bool{}
	case "zset":
		v.scores = map[string]float64{}
	}
	return v
}

// size is what v is charged.
func (v *value) size() int {
	n := perElement + len(v.text)
	for _, s := range v.list {
		n += len(s) + perElement
	}
	for k, s := range v.hash {
		n += len(k) + len(s) + perElement
	}
	for k := range v.set {
		n += len(k) + perElement
	}
	for k := range v.scores {
		n += len(k) + perElement
	}
	return n
}

func (v *value) empty() bool {
	return v.kind != "string" && len(v.list)+len(v.hash)+len(v.set)+len(v.scores) == 0
}

// keyspace is the databases of one server. It is guarded by the server's lock.
type keyspace struct {
	dbs   [databases]map[string]*value
	sizes [databases]map[string]int
	used  int
	keys  int
}

func (k *keyspace) full() bool { return k.used >= maxBytes || k.keys >= maxKeys }

// get is the live value of a key; nil where there is none.
func (k *keyspace) get(db int, key string, now time.Time) *value {
	v := k.dbs[db][key]
	if v != nil && !v.expires.IsZero() && !now.Before(v.expires) {
		k.remove(db, key)
		return nil
	}
	return v
}

// put stores v, or takes an emptied value away, and charges it.
func (k *keyspace) put(db int, key string, v *value) {
	if v.empty() {
		k.remove(db, key)
		return
	}
	if k.dbs[db] == nil {
		k.dbs[db], k.sizes[db] = map[string]*value{}, map[string]int{}
	}
	if _, known := k.dbs[db][key]; !known {
		k.keys++
	}
	k.used += v.size() + len(key) - k.sizes[db][key]
	k.sizes[db][key] = v.size() + len(key)
	k.dbs[db][key] = v
}

func (k *keyspace) remove(db int, key string) bool {
	if _, ok := k.dbs[db][key]; !ok {
		return false
	}
	k.used -= k.sizes[db][key]
	k.keys--
	delete(k.dbs[db], key)
	delete(k.sizes[db], key)
	return true
}

func (k *keyspace) flush(db int) {
	for key := range k.dbs[db] {
		k.remove(db, key)
	}
}

// names are the live keys of db, sorted.
func (k *keyspace) names(db int, now time.Time) []string {
	for _, key := range slices.Collect(maps.Keys(k.dbs[db])) {
		k.get(db, key, now)
	}
	return slices.Sorted(maps.Keys(k.dbs[db]))
}

// match is Redis' glob: * ? [a-z] [^a] and \ before a literal. steps bounds what
// a hostile pattern costs.
func match(pattern, s string) bool {
	steps := 100_000
	return glob(pattern, s, &steps)
}

func glob(p, s string, steps *int) bool {
	for len(p) > 0 {
		if *steps--; *steps < 0 {
			return false
		}
		switch p[0] {
		case '*':
			for len(p) > 1 && p[1] == '*' {
				p = p[1:]
			}
			if len(p) == 1 {
				return true
			}
			for i := 0; i <= len(s); i++ {
				if glob(p[1:], s[i:], steps) {
					return true
				}
				if *steps < 0 {
					return false
				}
			}
			return false
		case '[':
			if s == "" {
				return false
			}
			ok, rest := class(p[1:], s[0])
			if !ok {
				return false
			}
			p, s = rest, s[1:]
			continue
		case '\\':
			if len(p) > 1 {
				p = p[1:]
			}
			if s == "" || s[0] != p[0] {
				return false
			}
		case '?':
			if s == "" {
				return false
			}
		default:
			if s == "" || s[0] != p[0] {
				return false
			}
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}

// class matches c against the class that p begins with; rest is behind it.
func class(p string, c byte) (ok bool, rest string) {
	negate := p != "" && p[0] == '^'
	if negate {
		p = p[1:]
	}
	found := false
	for p != "" && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) >= 2:
			p = p[1:]
			found = found || p[0] == c
		case len(p) >= 3 && p[1] == '-':
			low, high := min(p[0], p[2]), max(p[0], p[2])
			found = found || c >= low && c <= high
			p = p[2:]
		default:
			found = found || p[0] == c
		}
		p = p[1:]
	}
	if p != "" {
		p = p[1:]
	}
	return found != negate, p
}
