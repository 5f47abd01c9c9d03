package shell

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"mvdan.cc/sh/v3/syntax"
)

// Bounds of a shell's memory.
// Bounds on what variables hold, shared with the programs.
const (
	maxVariables = program.MaxVariables
	maxValue     = program.MaxValue
	maxArray     = program.MaxArray
	maxHistory   = 500
)

// variable is a scalar, or an indexed array where list is not nil, or an
// associative one where table is not nil.
type variable struct {
	value    string
	list     map[int]string
	table    map[string]string
	exported bool
	readonly bool
	integer  bool
}

// state is what a subshell gets a copy of.
type state struct {
	session  *Session
	vars     map[string]*variable
	locals   []map[string]*variable // saved values of the functions that run
	funcs    map[string]*syntax.Stmt
	aliases  map[string]string
	params   []string
	name     string // $0
	cwd      string
	status   int
	options  map[string]bool // set -e, -u, ...
	last     string          // $_
	bang     int             // $!
	traps    map[string]string
	umask    uint32
	subshell int
	pipe     []int       // PIPESTATUS
	running  []string    // FUNCNAME, the innermost last
	dirs     []string    // pushd's
	ended    map[int]int // statuses of jobs by their pid
	files    Streams     // what exec opened for good
	shopt    map[string]bool
}

func newState(s *Session) *state {
	st := &state{
		session: s, vars: map[string]*variable{}, funcs: map[string]*syntax.Stmt{}, aliases: map[string]string{}, options: map[string]bool{},
		traps: map[string]string{}, shopt: map[string]bool{}, ended: map[int]int{}, cwd: s.login.Home, name: "-bash", umask: 0o022,
	}
	if _, err := s.machine.FS.As(s.login.UID, s.login.GID).ReadDir(st.cwd); err != nil {
		st.cwd = "/"
	}
	path := "/usr/local/bin:/usr/bin:/bin:/usr/games"
	if s.login.UID == 0 {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	env := map[string]string{
		"PATH": path, "HOME": s.login.Home, "USER": s.login.Name, "LOGNAME": s.login.Name, "SHELL": s.login.Shell, "PWD": st.cwd,
		"LANG": "en_US.UTF-8", "SHLVL": "1", "MOTD_SHOWN": "pam", "_": "/usr/bin/env",
	}
	if s.options.Source.IsValid() {
		from, to := s.options.Source, s.options.Local
		env["SSH_CLIENT"] = from.Addr().Unmap().String() + " " + strconv.Itoa(int(from.Port())) + " " + strconv.Itoa(int(to.Port()))
		env["SSH_CONNECTION"] = from.Addr().Unmap().String() + " " + strconv.Itoa(int(from.Port())) + " " + to.Addr().Unmap().String() + " " + strconv.Itoa(int(to.Port()))
	}
	if s.options.TTY != "" {
		env["SSH_TTY"], env["TERM"] = s.options.TTY, s.options.Term
	}
	maps.Copy(env, s.options.Env)
	for k, v := range env {
		st.vars[k] = &variable{value: v, exported: true}
	}
	for k, v := range map[string]string{
		"IFS": " \t\n", "BASH": "/usr/bin/bash", "BASH_VERSION": "5.2.15(1)-release", "HOSTNAME": s.machine.Host.Hostname, "HOSTTYPE": "x86_64", "OSTYPE": "linux-gnu",
		"MACHTYPE": "x86_64-pc-linux-gnu", "OPTIND": "1", "PS4": "+ ", "UID": strconv.Itoa(s.login.UID), "EUID": strconv.Itoa(s.login.UID), "PPID": strconv.Itoa(s.pid - 1),
	} {
		st.vars[k] = &variable{value: v}
	}
	st.vars["BASH_VERSINFO"] = &variable{readonly: true, list: map[int]string{0: "5", 1: "2", 2: "15", 3: "1", 4: "release", 5: "x86_64-pc-linux-gnu"}}
	if s.options.TTY != "" {
		st.name = "-bash"
		for k, v := range map[string]string{"HISTFILE": s.login.Home + "/.bash_history", "HISTSIZE": "1000", "HISTFILESIZE": "2000", "COLUMNS": "80", "LINES": "24", "PS2": "> "} {
			st.vars[k] = &variable{value: v}
		}
		st.aliases["ls"] = "ls --color=auto"
		if s.login.UID == 0 {
			delete(st.aliases, "ls")
		}
	} else {
		st.name = "bash"
	}
	return st
}

// fork is a copy for a subshell.
func (s *state) fork() *state {
	c := *s
	c.vars = make(map[string]*variable, len(s.vars))
	for k, v := range s.vars {
		copied := *v
		copied.list, copied.table = maps.Clone(v.list), maps.Clone(v.table)
		c.vars[k] = &copied
	}
	c.funcs, c.aliases, c.options, c.traps = maps.Clone(s.funcs), maps.Clone(s.aliases), maps.Clone(s.options), map[string]string{}
	c.shopt, c.ended, c.dirs, c.running = maps.Clone(s.shopt), maps.Clone(s.ended), slices.Clone(s.dirs), slices.Clone(s.running)
	c.params, c.locals = slices.Clone(s.params), nil
	c.subshell++
	return &c
}

// fresh makes the state of a child process: what is not exported is gone.
func (s *state) fresh() {
	base := newState(s.session)
	for name, v := range s.vars {
		if v.exported && v.list == nil && v.table == nil {
			base.vars[name] = &variable{value: v.value, exported: true}
		}
	}
	for name, v := range base.vars {
		if v.exported && s.vars[name] == nil {
			delete(base.vars, name)
		}
	}
	s.vars, s.funcs, s.aliases, s.options, s.shopt = base.vars, base.funcs, base.aliases, base.options, base.shopt
	s.running, s.locals, s.pipe, s.dirs = nil, nil, nil, nil
}

// get is the value of a variable, the first element of an array.
func (s *state) get(name string) (string, bool) {
	v := s.vars[name]
	if v == nil {
		return "", false
	}
	if v.list != nil {
		value, ok := v.list[0]
		return value, ok
	}
	if v.table != nil {
		value, ok := v.table["0"]
		return value, ok
	}
	return v.value, true
}

// set gives a variable a value; it tells false where it is read-only.
func (s *state) set(name, value string) bool {
	v := s.vars[name]
	if v == nil {
		if len(s.vars) >= maxVariables {
			return true
		}
		v = &variable{exported: s.options["allexport"]}
		s.vars[name] = v
	}
	if v.readonly {
		return false
	}
	if len(value) > maxValue {
		value = value[:maxValue]
	}
	switch {
	case v.list != nil:
		v.list[0] = value
	case v.table != nil:
		v.table["0"] = value
	default:
		v.value = value
	}
	return true
}

// local remembers a variable's value until the function that runs ends.
func (s *state) local(name string) {
	if len(s.locals) == 0 {
		return
	}
	top := s.locals[len(s.locals)-1]
	if _, ok := top[name]; ok {
		return
	}
	top[name] = s.vars[name]
	delete(s.vars, name)
}

func (s *state) enter() { s.locals = append(s.locals, map[string]*variable{}) }

func (s *state) leave() {
	top := s.locals[len(s.locals)-1]
	s.locals = s.locals[:len(s.locals)-1]
	for name, v := range top {
		if v == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = v
		}
	}
}

// elements are the values of an array in the order of its indices.
func (v *variable) elements() []string {
	switch {
	case v == nil:
		return nil
	case v.list != nil:
		keys := slices.Sorted(maps.Keys(v.list))
		out := make([]string, len(keys))
		for i, k := range keys {
			out[i] = v.list[k]
		}
		return out
	case v.table != nil:
		keys := slices.Sorted(maps.Keys(v.table))
		out := make([]string, len(keys))
		for i, k := range keys {
			out[i] = v.table[k]
		}
		return out
	}
	return []string{v.value}
}

// keys are the indices of an array.
func (v *variable) keys() []string {
	switch {
	case v == nil:
		return nil
	case v.list != nil:
		var out []string
		for _, k := range slices.Sorted(maps.Keys(v.list)) {
			out = append(out, strconv.Itoa(k))
		}
		return out
	case v.table != nil:
		return slices.Sorted(maps.Keys(v.table))
	}
	return []string{"0"}
}

// environ are the exported variables as name=value, sorted.
func (s *state) environ() []string {
	var out []string
	for k, v := range s.vars {
		if v.exported {
			out = append(out, k+"="+v.value)
		}
	}
	sort.Strings(out)
	return out
}

// flags is $-.
func (s *state) flags() string {
	b := "h"
	for _, o := range []struct{ name, letter string }{{"allexport", "a"}, {"errexit", "e"}, {"noglob", "f"}, {"nounset", "u"}, {"xtrace", "x"}} {
		if s.options[o.name] {
			b = o.letter + b
		}
	}
	if s.session.options.TTY != "" {
		return sortLetters(b+"i") + "BHs"
	}
	return sortLetters(b) + "Bc"
}

func sortLetters(s string) string {
	letters := strings.Split(s, "")
	sort.Strings(letters)
	return strings.Join(letters, "")
}
