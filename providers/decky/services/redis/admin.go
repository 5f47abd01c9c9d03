package redis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

func configGet(s *server, _ *session, out *reply, args [][]byte) {
	found := map[string]bool{}
	for _, a := range args[2:] {
		pattern := strings.ToLower(string(a))
		for _, p := range parameters() {
			if match(pattern, p.name) {
				found[p.name] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(found))
	out.mapping(len(names))
	for _, name := range names {
		out.bulk(name)
		out.bulk(s.config[name])
	}
}

func configSet(s *server, _ *session, out *reply, args [][]byte) {
	if len(args)%2 != 0 {
		out.fail("wrong number of arguments for 'config|set' command")
		return
	}
	changed := map[string]string{}
	for i := 2; i < len(args); i += 2 {
		name := strings.ToLower(string(args[i]))
		known := parameters()
		at := slices.IndexFunc(known, func(p parameter) bool { return p.name == name })
		if at < 0 {
			if s.major < 7 {
				out.fail("Unsupported CONFIG parameter: " + string(args[i]))
				return
			}
			out.fail(fmt.Sprintf("Unknown option or number of arguments for CONFIG SET - '%s'", args[i]))
			return
		}
		value, refusal := known[at].parse(string(args[i+1]), s.major)
		if refusal != "" && s.major < 7 {
			out.fail(fmt.Sprintf("Invalid argument '%s' for CONFIG SET '%s' - %s", args[i+1], name, refusal))
			return
		}
		if refusal != "" {
			out.fail(fmt.Sprintf("CONFIG SET failed (possibly related to argument '%s') - %s", name, refusal))
			return
		}
		changed[name] = value
	}
	maps.Copy(s.config, changed)
	out.ok()
}

// parse is the value as CONFIG GET will show it, or why it is refused. Protected
// parameters exist since version 7.
func (p parameter) parse(value string, major int) (parsed, refusal string) {
	switch {
	case len(value) > maxInline:
		return "", "argument is too long"
	case p.kind == "immutable":
		return "", "can't set immutable config"
	case p.kind == "protected" && major >= 7:
		return "", "can't set protected config"
	case p.kind == "int":
		if n, ok := parseInt([]byte(value)); ok && n >= math.MinInt32 && n <= math.MaxInt32 {
			return value, ""
		}
		return "", "argument couldn't be parsed into an integer"
	case p.kind == "memory":
		if n, ok := parseMemory(value); ok {
			return strconv.FormatInt(n, 10), ""
		}
		return "", "argument must be a memory value"
	case p.kind == "bool":
		if lower := strings.ToLower(value); lower == "yes" || lower == "no" {
			return lower, ""
		}
		return "", "argument must be 'yes' or 'no'"
	case strings.HasPrefix(p.kind, "one of: "):
		list := strings.TrimPrefix(p.kind, "one of: ")
		if slices.Contains(strings.Split(list, ", "), strings.ToLower(value)) {
			return strings.ToLower(value), ""
		}
		return "", "argument(s) must be one of the following: " + list
	case p.name == "save":
		if value == "" || savePoints(value) {
			return value, ""
		}
		return "", p.kind
	default:
		return value, ""
	}
}

func savePoints(value string) bool {
	words := strings.Fields(value)
	for _, w := range words {
		if n, ok := parseInt([]byte(w)); !ok || n < 0 {
			return false
		}
	}
	return len(words)%2 == 0 && len(words) > 0
}

// parseMemory reads 64mb, 1k, 3g.
func parseMemory(s string) (int64, bool) {
	at := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if at < 0 {
		at = len(s)
	}
	factor := map[string]int64{"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[strings.ToLower(s[at:])]
	n, err := strconv.ParseInt(s[:at], 10, 64)
	if err != nil || factor == 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

func configRewrite(_ *server, _ *session, out *reply, _ [][]byte) {
	// Debian's unit lets Redis write below /var/lib, /var/log and /run only.
	out.fail("Rewriting config file: Read-only file system")
}

func configResetStat(s *server, _ *session, out *reply, _ [][]byte) {
	s.counters = counters{calls: map[string]int64{}, failed: map[string]int64{}}
	out.ok()
}

func save(s *server, _ *session, out *reply, _ [][]byte) {
	s.saved, s.changes = s.env.Now(), 0
	out.ok()
}

func bgsave(s *server, _ *session, out *reply, args [][]byte) {
	if len(args) > 2 || len(args) == 2 && !strings.EqualFold(string(args[1]), "schedule") {
		out.fail(errSyntax)
		return
	}
	s.saved, s.changes = s.env.Now(), 0
	out.status("Background saving started")
}

func lastSave(s *server, _ *session, out *reply, _ [][]byte) { out.integer(s.saved.Unix()) }

// replicaOf changes what Redis would follow. It is shown and never contacted.
func replicaOf(s *server, _ *session, out *reply, args [][]byte) {
	if strings.EqualFold(string(args[1]), "no") && strings.EqualFold(string(args[2]), "one") {
		s.master = ""
		out.ok()
		return
	}
	port, ok := parseInt(args[2])
	if !ok || port < 0 || port > 65535 {
		out.fail("Invalid master port")
		return
	}
	// What stands in INFO is a line: no more of it than a host's name.
	master := cstring(args[1], 255) + " " + string(args[2])
	if s.master == master {
		out.status("OK Already connected to specified master")
		return
	}
	s.master = master
	out.ok()
}

func role(s *server, _ *session, out *reply, _ [][]byte) {
	if s.master == "" {
		out.array(3)
		out.bulk("master")
		out.integer(0)
		out.array(0)
		return
	}
	host, port, _ := strings.Cut(s.master, " ")
	n, _ := parseInt([]byte(port))
	out.array(5)
	out.bulk("slave")
	out.bulk(host)
	out.integer(n)
	out.bulk("connect")
	out.integer(-1)
}

func now(s *server, _ *session, out *reply, _ [][]byte) {
	t := s.env.Now()
	out.bulks([]string{strconv.FormatInt(t.Unix(), 10), strconv.Itoa(t.Nanosecond() / 1000)})
}

func shutdown(_ *server, c *session, out *reply, args [][]byte) {
	for _, a := range args[1:] {
		switch strings.ToLower(string(a)) {
		case "nosave", "save", "now", "force", "abort":
		default:
			out.fail(errSyntax)
			return
		}
	}
	// The supervisor restarts a real one; this client sees its end.
	c.silent, c.closing = true, true
}

func commandCount(_ *server, _ *session, out *reply, _ [][]byte) {
	out.integer(int64(len(commands())))
}

func commandAll(_ *server, _ *session, out *reply, _ [][]byte) {
	all := commands()
	out.array(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.Write(all[name].raw)
	}
}

func commandInfo(s *server, c *session, out *reply, args [][]byte) {
	if len(args) == 2 {
		commandAll(s, c, out, args)
		return
	}
	out.array(len(args) - 2)
	for _, a := range args[2:] {
		name, sub, nested := strings.Cut(strings.ToLower(string(a)), "|")
		cmd := commands()[name]
		if cmd != nil && nested {
			cmd = cmd.subcommands[sub]
		}
		if cmd == nil {
			out.null()
			continue
		}
		out.Write(cmd.raw)
	}
}

func commandList(_ *server, _ *session, out *reply, _ [][]byte) {
	out.bulks(slices.Sorted(maps.Keys(commands())))
}

func commandDocs(_ *server, _ *session, out *reply, _ [][]byte) { out.mapping(0) }

func constant(text string) run {
	return func(_ *server, _ *session, out *reply, _ [][]byte) { out.WriteString(text) }
}

func refuse(text string) run {
	return func(_ *server, _ *session, out *reply, _ [][]byte) { out.fail(text) }
}

func aclWhoami(_ *server, c *session, out *reply, _ [][]byte) { out.bulk(c.user) }

func aclUsers(s *server, _ *session, out *reply, _ [][]byte) {
	names := append(slices.Collect(maps.Keys(s.users)), "default")
	slices.Sort(names)
	out.bulks(slices.Compact(names))
}

func aclList(s *server, _ *session, out *reply, _ [][]byte) {
	names := append(slices.Collect(maps.Keys(s.users)), "default")
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		password := s.users[name]
		if name == "default" {
			password = s.config["requirepass"]
		}
		secret := "nopass"
		if password != "" {
			secret = "#" + sha256Hex(password)
		}
		lines = append(lines, "user "+name+" on "+secret+" ~* &* +@all")
	}
	out.bulks(lines)
}
