package shell

import (
	"fmt"
	"strconv"
)

// array is a variable, or one that the shell makes up.
func (r *runner) array(name string) *variable {
	list := map[int]string{}
	switch name {
	case "PIPESTATUS":
		if len(r.state.pipe) == 0 {
			list[0] = strconv.Itoa(r.state.status)
		}
		for i, status := range r.state.pipe {
			list[i] = strconv.Itoa(status)
		}
	case "FUNCNAME":
		for i, name := range r.state.running {
			list[len(r.state.running)-1-i] = name
		}
	case "DIRSTACK":
		for i, dir := range append([]string{r.state.cwd}, r.state.dirs...) {
			list[i] = dir
		}
	default:
		return r.state.vars[name]
	}
	return &variable{list: list}
}

// variable is the value of a variable or special parameter.
func (r *runner) variable(name string) (string, bool) {
	s := r.state
	switch name {
	case "?":
		return strconv.Itoa(s.status), true
	case "$":
		return strconv.Itoa(s.pid), true
	case "!":
		if s.bang == 0 {
			return "", false
		}
		return strconv.Itoa(s.bang), true
	case "#":
		return strconv.Itoa(len(s.params)), true
	case "-":
		return s.flags(), true
	case "0":
		return s.name, true
	case "_":
		if s.dialect.bash() {
			return s.last, true
		}
		return "", false
	}
	if s.dialect.dash() || s.dialect.ash() && name != "RANDOM" && name != "LINENO" && name != "EPOCHSECONDS" && name != "FUNCNAME" && name != "EPOCHREALTIME" {
		return r.positional(name)
	}
	switch name {
	case "LINENO":
		if s.dialect.ash() {
			if s.file {
				return strconv.Itoa(int(r.line)), true
			}
			return strconv.Itoa(max(int(r.line)-1, 0)), true
		}
	}
	switch name {
	case "RANDOM":
		return strconv.Itoa(r.session.rand.IntN(32768)), true
	case "PIPESTATUS", "FUNCNAME", "DIRSTACK":
		value, set := r.array(name).list[0]
		return value, set
	case "SECONDS":
		return strconv.Itoa(int(r.session.machine.Now().Sub(r.session.started).Seconds())), true
	case "EPOCHSECONDS":
		return strconv.FormatInt(r.session.machine.Now().Unix(), 10), true
	case "EPOCHREALTIME":
		now := r.session.machine.Now()
		return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000), true
	case "BASHPID":
		return strconv.Itoa(r.proc.pid + s.subshell - boolean(!r.proc.main && s.subshell > 0)), true
	case "BASH_SUBSHELL":
		return strconv.Itoa(s.subshell), true
	case "LINENO":
		return strconv.Itoa(max(int(r.line), 1)), true
	case "COLUMNS":
		if r.session.options.TTY != "" {
			return strconv.Itoa(int(r.session.cols.Load())), true
		}
	case "LINES":
		if r.session.options.TTY != "" {
			return strconv.Itoa(int(r.session.rows.Load())), true
		}
	}
	return r.positional(name)
}

// positional is $1 and the variables that nobody makes up.
func (r *runner) positional(name string) (string, bool) {
	s := r.state
	if n, err := strconv.Atoi(name); err == nil {
		if n >= 1 && n <= len(s.params) {
			return s.params[n-1], true
		}
		return "", false
	}
	return s.get(name)
}
