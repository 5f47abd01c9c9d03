package redis

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxElements bounds one list, hash, set or sorted set: every command over one
// costs a bounded amount.
const maxElements = 8192

const errFull = "-OOM command not allowed when used memory > 'maxmemory'."

// collection is the value of a key for writing: the one there, or a new one of
// kind. ok is false where the key holds another kind or more elements would not
// fit, which was then answered.
func (s *server) collection(c *session, out *reply, key []byte, kind string, more int) (v *value, ok bool) {
	v, ok = s.lookup(c, out, key, kind)
	if !ok {
		return nil, false
	}
	if v == nil {
		v = newValue(kind)
	}
	if len(v.list)+len(v.hash)+len(v.set)+len(v.scores)+more > maxElements {
		out.fail(errFull)
		return nil, false
	}
	return v, true
}

// pushList serves LPUSH, RPUSH, LPUSHX and RPUSHX.
func pushList(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.collection(c, out, args[1], "list", len(args)-2)
	if !ok {
		return
	}
	name := strings.ToLower(string(args[0]))
	if strings.HasSuffix(name, "x") && v.empty() {
		out.integer(0)
		return
	}
	for _, a := range args[2:] {
		if name[0] == 'l' {
			v.list = slices.Insert(v.list, 0, string(a))
		} else {
			v.list = append(v.list, string(a))
		}
	}
	s.put(c, args[1], v)
	out.integer(int64(len(v.list)))
}

// popList serves LPOP and RPOP.
func popList(s *server, c *session, out *reply, args [][]byte) {
	count := int64(1)
	if len(args) > 3 {
		out.fail("wrong number of arguments for '" + strings.ToLower(string(args[0])) + "' command")
		return
	}
	if len(args) == 3 {
		var ok bool
		if count, ok = parseInt(args[2]); !ok || count < 0 {
			out.fail("value is out of range, must be positive")
			return
		}
	}
	v, ok := s.lookup(c, out, args[1], "list")
	if !ok {
		return
	}
	if v == nil {
		if len(args) == 3 {
			out.nullArray()
			return
		}
		out.null()
		return
	}
	var taken []string
	for n := min(count, int64(len(v.list))); n > 0; n-- {
		at := 0
		if strings.EqualFold(string(args[0]), "rpop") {
			at = len(v.list) - 1
		}
		taken = append(taken, v.list[at])
		v.list = slices.Delete(v.list, at, at+1)
	}
	s.put(c, args[1], v)
	if len(args) == 3 {
		out.bulks(taken)
		return
	}
	out.bulk(taken[0])
}

func lrange(s *server, c *session, out *reply, args [][]byte) {
	from, ok1 := parseInt(args[2])
	to, ok2 := parseInt(args[3])
	if !ok1 || !ok2 {
		out.fail(errNotInteger)
		return
	}
	v, ok := s.lookup(c, out, args[1], "list")
	if !ok {
		return
	}
	if v == nil {
		out.array(0)
		return
	}
	low, high := bounds(from, to, len(v.list))
	out.bulks(v.list[low:high])
}

// count serves LLEN, HLEN, SCARD and ZCARD.
func count(kind string) run {
	return func(s *server, c *session, out *reply, args [][]byte) {
		v, ok := s.lookup(c, out, args[1], kind)
		switch {
		case ok && v == nil:
			out.integer(0)
		case ok:
			out.integer(int64(len(v.list) + len(v.hash) + len(v.set) + len(v.scores)))
		}
	}
}

// hset serves HSET and HMSET.
func hset(s *server, c *session, out *reply, args [][]byte) {
	name := strings.ToLower(string(args[0]))
	if len(args)%2 != 0 {
		out.fail("wrong number of arguments for '" + name + "' command")
		return
	}
	v, ok := s.collection(c, out, args[1], "hash", len(args)/2-1)
	if !ok {
		return
	}
	added := int64(0)
	for i := 2; i < len(args); i += 2 {
		if _, known := v.hash[string(args[i])]; !known {
			added++
			v.order = append(v.order, string(args[i]))
		}
		v.hash[string(args[i])] = string(args[i+1])
	}
	s.put(c, args[1], v)
	if name == "hmset" {
		out.ok()
		return
	}
	out.integer(added)
}

func hget(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "hash")
	if !ok {
		return
	}
	if v != nil {
		if field, known := v.hash[string(args[2])]; known {
			out.bulk(field)
			return
		}
	}
	out.null()
}

// hgetall serves HGETALL, HKEYS and HVALS.
func hgetall(s *server, c *session, out *reply, args [][]byte) {
	name := strings.ToLower(string(args[0]))
	v, ok := s.lookup(c, out, args[1], "hash")
	if !ok {
		return
	}
	if v == nil {
		v = newValue("hash")
	}
	if name == "hgetall" {
		out.mapping(len(v.hash))
	} else {
		out.array(len(v.hash))
	}
	for _, field := range v.order {
		if name != "hvals" {
			out.bulk(field)
		}
		if name != "hkeys" {
			out.bulk(v.hash[field])
		}
	}
}

func hexists(s *server, c *session, out *reply, args [][]byte) {
	if v, ok := s.lookup(c, out, args[1], "hash"); ok {
		known := false
		if v != nil {
			_, known = v.hash[string(args[2])]
		}
		out.flag(known)
	}
}

func (r *reply) flag(v bool) {
	if v {
		r.integer(1)
		return
	}
	r.integer(0)
}

// removeMembers serves HDEL, SREM and ZREM.
func removeMembers(kind string) run {
	return func(s *server, c *session, out *reply, args [][]byte) {
		v, ok := s.lookup(c, out, args[1], kind)
		if !ok {
			return
		}
		if v == nil {
			out.integer(0)
			return
		}
		before := len(v.hash) + len(v.set) + len(v.scores)
		for _, a := range args[2:] {
			delete(v.hash, string(a))
			delete(v.set, string(a))
			delete(v.scores, string(a))
		}
		v.order = slices.DeleteFunc(v.order, func(m string) bool { _, known := v.hash[m]; return !known && !v.set[m] })
		removed := before - len(v.hash) - len(v.set) - len(v.scores)
		if removed > 0 {
			s.put(c, args[1], v)
		}
		out.integer(int64(removed))
	}
}

func sadd(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.collection(c, out, args[1], "set", len(args)-2)
	if !ok {
		return
	}
	added := int64(0)
	for _, a := range args[2:] {
		if !v.set[string(a)] {
			v.set[string(a)] = true
			v.order = append(v.order, string(a))
			added++
		}
	}
	s.put(c, args[1], v)
	out.integer(added)
}

func smembers(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "set")
	if !ok {
		return
	}
	if v == nil {
		v = newValue("set")
	}
	out.set(len(v.order))
	for _, m := range v.order {
		out.bulk(m)
	}
}

func sismember(s *server, c *session, out *reply, args [][]byte) {
	if v, ok := s.lookup(c, out, args[1], "set"); ok {
		out.flag(v != nil && v.set[string(args[2])])
	}
}

func zadd(s *server, c *session, out *reply, args [][]byte) {
	if len(args)%2 != 0 {
		out.fail(errSyntax)
		return
	}
	scores := make([]float64, 0, len(args)/2)
	for i := 2; i < len(args); i += 2 {
		f, err := strconv.ParseFloat(string(args[i]), 64)
		if err != nil || f != f {
			out.fail(errNotFloat)
			return
		}
		scores = append(scores, f)
	}
	v, ok := s.collection(c, out, args[1], "zset", len(scores))
	if !ok {
		return
	}
	added := int64(0)
	for i, f := range scores {
		member := string(args[3+2*i])
		if _, known := v.scores[member]; !known {
			added++
		}
		v.scores[member] = f
	}
	s.put(c, args[1], v)
	out.integer(added)
}

func zscore(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "zset")
	if !ok {
		return
	}
	if v != nil {
		if f, known := v.scores[string(args[2])]; known {
			out.double(f)
			return
		}
	}
	out.null()
}

func zrange(s *server, c *session, out *reply, args [][]byte) {
	from, ok1 := parseInt(args[2])
	to, ok2 := parseInt(args[3])
	withScores := len(args) == 5 && strings.EqualFold(string(args[4]), "withscores")
	switch {
	case !ok1 || !ok2:
		out.fail(errNotInteger)
		return
	case len(args) > 4 && !withScores:
		out.fail(errSyntax)
		return
	}
	v, ok := s.lookup(c, out, args[1], "zset")
	if !ok {
		return
	}
	if v == nil {
		out.array(0)
		return
	}
	members := slices.SortedFunc(maps.Keys(v.scores), func(a, b string) int {
		return cmp.Or(cmp.Compare(v.scores[a], v.scores[b]), strings.Compare(a, b))
	})
	low, high := bounds(from, to, len(members))
	members = members[low:high]
	if !withScores {
		out.bulks(members)
		return
	}
	if out.proto < 3 {
		out.array(2 * len(members))
	} else {
		out.array(len(members))
	}
	for _, m := range members {
		if out.proto >= 3 {
			out.array(2)
		}
		out.bulk(m)
		out.double(v.scores[m])
	}
}
