package redis

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxScripts bounds SCRIPT LOAD.
const maxScripts = 256

func sha1Hex(s string) string {
	sum := sha1.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// eval serves EVAL and EVALSHA. No script ever runs: what returns a constant, a
// key, an argument or one redis.call is answered, a use of a global that the
// sandbox lacks gets its error, everything else returns nil.
func eval(s *server, c *session, out *reply, args [][]byte) {
	n, ok := parseInt(args[2])
	switch {
	case !ok:
		out.fail(errNotInteger)
		return
	case n > int64(len(args)-3):
		out.fail("Number of keys can't be greater than number of args")
		return
	case n < 0:
		out.fail("Number of keys can't be negative")
		return
	}
	script := string(args[1])
	if strings.HasPrefix(strings.ToLower(string(args[0])), "evalsha") {
		if script, ok = s.scripts[strings.ToLower(script)]; !ok {
			out.fail("-NOSCRIPT No matching script. Please use EVAL.")
			return
		}
	} else if len(s.scripts) < maxScripts && len(script) <= maxStatement {
		s.scripts[sha1Hex(script)] = script
	}
	s.pretend(c, out, script, args[3:3+n], args[3+n:])
}

var (
	returned = regexp.MustCompile(`^\s*return\s+(.*?)\s*;?\s*$`)
	called   = regexp.MustCompile(`^redis\.p?call\((.*)\)$`)
	absent   = regexp.MustCompile(`\b(os|io|package|require|debug|loadfile|dofile|print|module|getfenv|setfenv)\b`)
	literal  = regexp.MustCompile(`^(?:'([^'\\]*)'|"([^"\\]*)"|(-?\d{1,15})|(KEYS|ARGV)\[(\d{1,3})\]|(true)|(false|nil))$`)
)

func (s *server) pretend(c *session, out *reply, script string, keys, argv [][]byte) {
	if name := absent.FindString(script); name != "" {
		out.fail(fmt.Sprintf("user_script:1: Script attempted to access nonexistent global variable '%s' script: %s, on @user_script:1.", name, sha1Hex(script)))
		return
	}
	m := returned.FindStringSubmatch(script)
	if m == nil {
		out.null()
		return
	}
	if call := called.FindStringSubmatch(m[1]); call != nil {
		s.scriptCall(c, out, script, call[1], keys, argv)
		return
	}
	text, number, found := constantOf(m[1], keys, argv)
	switch {
	case !found:
		out.null()
	case number:
		n, _ := parseInt([]byte(text))
		out.integer(n)
	default:
		out.bulk(text)
	}
}

// constantOf is what an expression without operators is worth.
func constantOf(expression string, keys, argv [][]byte) (text string, number, ok bool) {
	m := literal.FindStringSubmatch(strings.TrimSpace(expression))
	switch {
	case m == nil, m[7] != "":
		return "", false, false
	case m[3] != "":
		return m[3], true, true
	case m[6] != "":
		return "1", true, true
	case m[4] != "":
		from := keys
		if m[4] == "ARGV" {
			from = argv
		}
		i, err := strconv.Atoi(m[5])
		if err != nil || i < 1 || i > len(from) {
			return "", false, false
		}
		return string(from[i-1]), false, true
	default:
		return m[1] + m[2], false, true
	}
}

// scriptCall answers redis.call of constants with the command itself.
func (s *server) scriptCall(c *session, out *reply, script, list string, keys, argv [][]byte) {
	var args [][]byte
	for _, expression := range strings.Split(list, ",") {
		text, _, ok := constantOf(expression, keys, argv)
		if !ok {
			out.null()
			return
		}
		args = append(args, []byte(text))
	}
	cmd, refusal := s.find(strings.ToLower(string(args[0])), args)
	switch {
	case refusal != "":
		out.fail(fmt.Sprintf("Unknown Redis command called from script script: %s, on @user_script:1.", sha1Hex(script)))
	case !cmd.accepts(len(args)):
		out.fail(fmt.Sprintf("Wrong number of args calling Redis command from script script: %s, on @user_script:1.", sha1Hex(script)))
	case cmd.has("noscript") || s.forbidden(c, cmd) != "":
		out.fail(fmt.Sprintf("This Redis command is not allowed from script script: %s, on @user_script:1.", sha1Hex(script)))
	default:
		s.call(c, out, cmd, args)
	}
}

func scriptLoad(s *server, _ *session, out *reply, args [][]byte) {
	if len(s.scripts) < maxScripts && len(args[2]) <= maxStatement {
		s.scripts[sha1Hex(string(args[2]))] = string(args[2])
	}
	out.bulk(sha1Hex(string(args[2])))
}

func scriptExists(s *server, _ *session, out *reply, args [][]byte) {
	out.array(len(args) - 2)
	for _, a := range args[2:] {
		_, ok := s.scripts[strings.ToLower(string(a))]
		out.flag(ok)
	}
}

func scriptFlush(s *server, _ *session, out *reply, _ [][]byte) {
	clear(s.scripts)
	out.ok()
}
