package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// job is a statement that runs beside the shell, or was stopped.
type job struct {
	number  int
	proc    *process
	text    string
	stopped bool
	told    bool // its end has been shown, or waited for
	order   int  // the higher, the more current
	late    bool // its output is the command line's own
}

// jobTable are the jobs of one shell.
type jobTable struct {
	list []*job
	next int
}

const maxJobs = 256

func (t *jobTable) add(p *process, text string) *job {
	n := 1
	for _, j := range t.list {
		n = max(n, j.number+1)
	}
	t.next++
	j := &job{number: n, proc: p, text: text, order: t.next}
	p.job = j
	t.list = append(t.list, j)
	if len(t.list) > maxJobs {
		t.list = t.list[1:]
	}
	return j
}

func (t *jobTable) remove(j *job) {
	t.list = slices.DeleteFunc(t.list, func(o *job) bool { return o == j })
}

// current are the jobs that + and - mark.
func (t *jobTable) current() (plus, minus *job) {
	for _, j := range t.list {
		better := func(than *job) bool {
			return than == nil || (j.stopped && !than.stopped) || j.stopped == than.stopped && j.order > than.order
		}
		switch {
		case better(plus):
			plus, minus = j, plus
		case better(minus):
			minus = j
		}
	}
	return plus, minus
}

// find is the job of %n, %+, %-, %name, %?text or a process id.
func (t *jobTable) find(spec string) *job {
	plus, minus := t.current()
	name, is := strings.CutPrefix(spec, "%")
	if !is {
		pid, err := strconv.Atoi(spec)
		for _, j := range t.list {
			if err == nil && j.proc.pid == pid {
				return j
			}
		}
		return nil
	}
	switch name {
	case "", "%", "+":
		return plus
	case "-":
		return minus
	}
	if n, err := strconv.Atoi(name); err == nil {
		for _, j := range t.list {
			if j.number == n {
				return j
			}
		}
		return nil
	}
	inside, anywhere := strings.CutPrefix(name, "?")
	for _, j := range slices.Backward(t.list) {
		if anywhere && strings.Contains(j.text, inside) || !anywhere && strings.HasPrefix(j.text, name) {
			return j
		}
	}
	return nil
}

// shownStmt is a statement as jobs shows it.
func shownStmt(s *syntax.Stmt) string {
	shown := *s
	shown.Background = false
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, &shown); err != nil {
		return ""
	}
	text := strings.TrimSuffix(strings.TrimSpace(b.String()), "\n")
	if rest, ok := strings.CutPrefix(text, "("); ok && !strings.HasPrefix(rest, "(") {
		text = "( " + strings.TrimSuffix(rest, ")")
		if strings.HasSuffix(rest, ")") {
			text += " )"
		}
	}
	return text
}

// background starts a statement beside the shell.
func (r *runner) background(s *syntax.Stmt, io Streams) error {
	if r.crowded(io) {
		return nil
	}
	attached := io.Out.Given != 0 || io.Err.Given != 0
	if !r.state.interactive {
		io.In = strings.NewReader("")
	}
	// A job outlives the line that started it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.budget.limits.Time)
	p := r.spawn(ctx, func(sub *runner) error {
		sub.state.interactive = false
		return sub.redirected(s, sub.own(io))
	}, cancel)
	j := r.state.jobs.add(p, shownStmt(s))
	j.late = attached && !redirectsAway(s)
	if r.state.interactive {
		io.Err.Print(words{fmt.Sprintf("[%d] %d\n", j.number, p.pid)}.in(bash()))
	}
	r.state.bang, r.state.status = p.pid, 0
	return nil
}

// redirectsAway tells that a statement sends all it says elsewhere.
func redirectsAway(s *syntax.Stmt) bool {
	out, err := false, false
	for _, redirect := range s.Redirs {
		switch redirect.Op {
		case syntax.RdrAll, syntax.AppAll:
			out, err = true, true
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
			if redirect.N == nil || redirect.N.Value == "1" {
				out = true
			} else if redirect.N.Value == "2" {
				err = true
			}
		case syntax.DplOut:
			if redirect.N != nil && redirect.N.Value == "2" {
				err = true
			}
		}
	}
	return out && err
}

// state is the middle of a line of jobs.
func (j *job) state(d *dialect) string {
	p := j.proc
	switch {
	case !p.ended && j.stopped:
		return "Stopped"
	case !p.ended:
		return "Running"
	case p.signal != 0 && p.status == 128+p.signal:
		return signalText(p.signal)
	case p.status == 0:
		return "Done"
	case d.bash():
		return "Exit " + strconv.Itoa(p.status)
	}
	return "Done(" + strconv.Itoa(p.status) + ")"
}

// line is a job as jobs lists it.
func (r *runner) jobLine(j *job, pids bool) string {
	mark := " "
	switch plus, minus := r.state.jobs.current(); j {
	case plus:
		mark = "+"
	case minus:
		mark = "-"
	}
	d := r.state.dialect
	pid := ""
	if pids {
		pid = strconv.Itoa(j.proc.pid) + " "
	}
	if !d.bash() {
		text := j.text
		if !r.state.interactive {
			text = ""
		}
		if d.ash() {
			return fmt.Sprintf("[%d]%s  %s%-26s %s\n", j.number, mark, pid, j.state(d), text)
		}
		return fmt.Sprintf("[%d] %s %s%-27s%s\n", j.number, mark, pid, j.state(d), text)
	}
	text := j.text
	if !j.proc.ended && !j.stopped {
		text += " &"
	}
	return fmt.Sprintf("[%d]%s  %s%-23s %s\n", j.number, mark, pid, j.state(d), text)
}

// jobsCommand is jobs.
func jobsCommand(c *call) int {
	pids, only, running, stopped := false, false, false, false
	var specs []string
	for _, a := range c.Args {
		if len(a) < 2 || a[0] != '-' {
			specs = append(specs, a)
			continue
		}
		for _, letter := range a[1:] {
			switch letter {
			case 'l':
				pids = true
			case 'p':
				only = true
			case 'r':
				running = true
			case 's':
				stopped = true
			case 'n', '-':
			default:
				return c.badOption("-"+string(letter), "jobs [-lnprs] [jobspec ...] or jobs -x command [args]")
			}
		}
	}
	t := c.r.state.jobs
	list := slices.Clone(t.list)
	if !c.r.state.dialect.bash() {
		slices.Reverse(list)
	}
	if len(specs) > 0 {
		list = nil
		for _, spec := range specs {
			j := t.find(spec)
			if j == nil {
				return c.fail(words{"%s: no such job", "No such job: %s", "%s: no such job"}, spec)
			}
			list = append(list, j)
		}
	}
	for _, j := range list {
		if running && (j.stopped || j.proc.ended) || stopped && !j.stopped {
			continue
		}
		if only {
			c.Print(strconv.Itoa(j.proc.pid) + "\n")
		} else {
			c.Print(c.r.jobLine(j, pids))
		}
		if j.proc.ended {
			c.r.forget(j)
		}
	}
	return 0
}

// fgCommand is fg and bg.
func fgCommand(c *call) int {
	r := c.r
	if !r.state.interactive || r.state.subshell > 0 {
		if r.state.dialect.bash() {
			c.say(words{"no job control"})
			return 1
		}
		return c.fail(words{"", "No current job", "No current job"})
	}
	spec := "%+"
	if len(c.Args) > 0 {
		spec = c.Args[0]
		if !strings.HasPrefix(spec, "%") {
			spec = "%" + spec
		}
	}
	j := r.state.jobs.find(spec)
	if j == nil || j.proc.ended {
		if spec == "%+" {
			return c.fail(words{"current: no such job", "No current job", "No current job"})
		}
		return c.fail(words{"%s: no such job", "No such job: %s", "%s: no such job"}, strings.TrimPrefix(spec, "%"))
	}
	j.stopped, j.proc.stopped = false, false
	r.session.changed.Broadcast()
	if c.Name == "bg" {
		c.Print(fmt.Sprintf("[%d]+ %s &\n", j.number, j.text))
		return 0
	}
	c.Print(j.text + "\n")
	if c.Stop = r.answer.release(0); c.Stop != nil {
		return 1
	}
	return r.hold(j, c.Streams)
}

// hold keeps the terminal for a job until it ends or is stopped.
func (r *runner) hold(j *job, io Streams) int {
	s := r.session
	before := s.foreground
	s.foreground = j
	defer func() { s.foreground = before }()
	if !r.await(func() bool { return j.proc.ended || j.stopped }) {
		j.proc.end(2)
		for !j.proc.ended {
			s.changed.Wait()
		}
		r.state.jobs.remove(j)
		return 130
	}
	if j.stopped && !j.proc.ended {
		j.order = r.state.jobs.next + 1
		r.state.jobs.next++
		io.Err.Print("\n" + r.jobLine(j, false))
		return 148
	}
	j.told = true
	r.state.jobs.remove(j)
	if j.proc.signal != 0 {
		r.mourn(&process{signal: j.proc.signal, pid: j.proc.pid}, j.text, io)
	}
	return j.proc.status
}

// disown takes jobs off the list.
func disown(c *call) int {
	t := c.r.state.jobs
	all := false
	var specs []string
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") {
			all = all || strings.ContainsAny(a, "ar")
			continue
		}
		specs = append(specs, a)
	}
	if all {
		t.list = nil
		return 0
	}
	if len(specs) == 0 {
		specs = []string{"%+"}
	}
	status := 0
	for _, spec := range specs {
		j := t.find(spec)
		if j == nil {
			if spec == "%+" {
				spec = "current"
			}
			status = c.fail(words{"%s: no such job"}, spec)
			continue
		}
		t.remove(j)
	}
	return status
}
