package shell

import (
	"maps"
	"slices"
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
	maxFunctions = 500
	maxKept      = 256 << 10 // bytes of history
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
	unset    bool // declared, without a value
	lower    bool // declare -l
	upper    bool // declare -u
	ref      bool // declare -n
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

	dialect          *dialect
	interactive      bool // reads a terminal
	file             bool // reads a script of its own, not -c
	stdin            bool // that script is its input
	pid, parent      int  // $$ and $PPID
	jobs             *jobTable
	hashed, disabled []string          // what hash lists, what enable -n took away
	version, machine string            // BASH_VERSION, MACHTYPE
	limits           map[string]string // ulimit's, where they were set
}

func newState(s *Session, d *dialect) *state {
	st := &state{
		session: s, dialect: d, vars: map[string]*variable{}, funcs: map[string]*syntax.Stmt{}, aliases: map[string]string{}, options: map[string]bool{},
		traps: map[string]string{}, shopt: map[string]bool{}, ended: map[int]int{}, jobs: &jobTable{}, cwd: s.login.Home, umask: 0o022, pid: s.pid,
		version: bashRelease(s.machine.Host.Title), machine: machineType(s.machine.Host.Title, s.machine.Host.Machine),
	}
	if _, err := s.machine.FS.As(s.login.UID, s.login.GID).ReadDir(st.cwd); err != nil {
		st.cwd = "/"
	}
	st.name = "-" + program.Base(s.shell)
	if st.interactive = s.options.TTY != ""; !st.interactive {
		st.name = program.Base(s.shell)
	}
	return st
}

// environment is what a login gives to a shell.
func (s *Session) environment(cwd string) map[string]string {
	path := "/usr/local/bin:/usr/bin:/bin:/usr/games"
	if s.login.UID == 0 {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	env := map[string]string{
		"PATH": path, "HOME": s.login.Home, "USER": s.login.Name, "LOGNAME": s.login.Name, "SHELL": s.login.Shell, "PWD": cwd,
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
	return env
}

// login gives the session's own shell its variables.
func (s *state) login() {
	env := s.session.environment(s.cwd)
	if s.dialect.dash() {
		delete(env, "SHLVL")
	}
	for k, v := range env {
		s.vars[k] = &variable{value: v, exported: true}
	}
	s.own()
}

// own are the variables that a shell sets for itself.
func (s *state) own() {
	put := func(k, v string) { s.vars[k] = &variable{value: v} }
	put("IFS", " \t\n")
	put("OPTIND", "1")
	put("PS4", "+ ")
	put("PPID", strconv.Itoa(s.pid-1))
	if s.interactive {
		put("PS2", "> ")
	}
	if s.vars["PWD"] == nil {
		put("PWD", s.cwd)
	}
	uid := strconv.Itoa(s.session.login.UID)
	switch {
	case s.dialect.dash():
		put("PS2", "> ")
		put("PS1", map[bool]string{true: "# ", false: "$ "}[uid == "0"])
		return
	case s.dialect.ash():
		put("PS2", "> ")
		put("PS1", `\w \$ `)
		put("HOSTNAME", s.session.machine.Host.Hostname)
		return
	}
	v := strings.FieldsFunc(s.version, func(r rune) bool { return strings.ContainsRune(".()-", r) })
	for len(v) < 5 {
		v = append(v, "")
	}
	for k, value := range map[string]string{
		"BASH": "/usr/bin/bash", "BASH_VERSION": s.version, "HOSTNAME": s.session.machine.Host.Hostname, "HOSTTYPE": s.session.machine.Host.Machine, "OSTYPE": "linux-gnu", "MACHTYPE": s.machine,
	} {
		put(k, value)
	}
	for k, value := range map[string]string{"UID": uid, "EUID": uid, "PPID": strconv.Itoa(s.pid - 1)} {
		s.vars[k] = &variable{value: value, readonly: true, integer: true}
	}
	if s.vars["OLDPWD"] == nil {
		s.vars["OLDPWD"] = &variable{exported: true, unset: true}
	}
	s.vars["BASH_VERSINFO"] = &variable{readonly: true, list: map[int]string{0: v[0], 1: v[1], 2: v[2], 3: v[3], 4: v[4], 5: s.machine}}
	if s.interactive {
		for k, value := range map[string]string{"HISTFILE": s.session.login.Home + "/.bash_history", "HISTSIZE": "1000", "HISTFILESIZE": "2000", "COLUMNS": "80", "LINES": "24"} {
			put(k, value)
		}
	}
}

// builtin is the builtin of a name, unless it is switched off.
func (s *state) builtin(name string) (command, bool) {
	b, ok := s.dialect.builtins[name]
	return b, ok && !slices.Contains(s.disabled, name)
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
	c.funcs, c.aliases, c.options = maps.Clone(s.funcs), maps.Clone(s.aliases), maps.Clone(s.options)
	c.traps = map[string]string{}
	for name, body := range s.traps { // what is ignored stays ignored
		if body == "" {
			c.traps[name] = body
		}
	}
	c.shopt, c.ended, c.dirs, c.running = maps.Clone(s.shopt), maps.Clone(s.ended), slices.Clone(s.dirs), slices.Clone(s.running)
	c.params, c.locals = slices.Clone(s.params), nil
	c.files.Other = maps.Clone(s.files.Other)
	c.jobs = &jobTable{}
	c.subshell++
	return &c
}

// fresh makes the state of a child process that is a shell: what is not
// exported is gone.
func (s *state) fresh(d *dialect) {
	old := s.vars
	s.dialect, s.vars, s.interactive, s.subshell = d, map[string]*variable{}, false, 0
	for name, v := range old {
		if v.exported && !v.unset && v.list == nil && v.table == nil {
			s.vars[name] = &variable{value: v.value, exported: true}
		}
	}
	if level := s.vars["SHLVL"]; level != nil && !d.dash() {
		n, _ := strconv.Atoi(level.value)
		level.value = strconv.Itoa(n + 1)
	}
	s.own()
	s.vars["PPID"].value = strconv.Itoa(s.parent)
	s.funcs, s.aliases, s.options, s.shopt = map[string]*syntax.Stmt{}, map[string]string{}, map[string]bool{}, map[string]bool{}
	s.running, s.locals, s.pipe, s.dirs, s.hashed, s.disabled = nil, nil, nil, nil, nil, nil
	s.bang, s.last = 0, ""
}

// get is the value of a variable, the first element of an array.
func (s *state) get(name string) (string, bool) {
	v := s.resolve(name)
	if v == nil || v.unset {
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

// size is how many bytes the variables hold, roughly.
func (s *state) size() int {
	n := 0
	for name, v := range s.vars {
		n += len(name) + len(v.value) + 96
		for _, value := range v.list {
			n += len(value) + 48
		}
		for key, value := range v.table {
			n += len(key) + len(value) + 64
		}
	}
	return n
}

// resolve is the variable of a name, behind its references.
func (s *state) resolve(name string) *variable {
	for range 8 {
		v := s.vars[name]
		if v == nil || !v.ref || v.value == "" {
			return v
		}
		name = v.value
	}
	return nil
}

// target is the name behind references.
func (s *state) target(name string) string {
	for range 8 {
		v := s.vars[name]
		if v == nil || !v.ref || v.value == "" {
			return name
		}
		name = v.value
	}
	return name
}

// set gives a variable a value; it tells false where it is read-only.
func (s *state) set(name, value string) bool {
	name = s.target(name)
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
	s.session.held += len(value) - len(v.value)
	v.unset = false
	if v.lower {
		value = strings.ToLower(value)
	} else if v.upper {
		value = strings.ToUpper(value)
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
