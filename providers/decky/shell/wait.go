package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// forget takes a job that has ended off the list and keeps its status.
func (r *runner) forget(j *job) {
	r.state.jobs.remove(j)
	if len(r.state.ended) < maxVariables {
		r.state.ended[j.proc.pid] = j.proc.status
	}
}

// notify tells of jobs that have ended, as a shell does before a prompt.
func (r *runner) notify(io Streams) {
	for _, j := range slices.Clone(r.state.jobs.list) {
		if j.proc.ended {
			if !j.told {
				io.Err.Print(r.jobLine(j, false))
			}
			r.forget(j)
		}
	}
}

// waitCommand is wait.
func waitCommand(c *call) int {
	r := c.r
	if r.state.interactive {
		if c.Stop = r.answer.release(0); c.Stop != nil {
			return 1
		}
	}
	args := c.Args
	next := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if args[0] == "-n" && r.state.dialect.bash() {
			next = true
		} else if args[0] != "-f" && args[0] != "--" {
			return c.badOption(args[0][:2], "wait [-fn] [-p var] [id ...]")
		}
		args = args[1:]
	}
	if next {
		if len(r.state.jobs.list) == 0 {
			return 127
		}
		var ended *job
		ok := r.await(func() bool {
			for _, j := range r.state.jobs.list {
				if j.proc.ended {
					ended = j
				}
			}
			return ended != nil
		})
		if !ok || ended == nil {
			return c.interrupted()
		}
		r.forget(ended)
		return ended.proc.status
	}
	if len(args) == 0 {
		for len(r.state.jobs.list) > 0 {
			j := r.state.jobs.list[0]
			if j.stopped {
				break
			}
			if !r.await(func() bool { return j.proc.ended || j.stopped }) || !j.proc.ended {
				return c.interrupted()
			}
			r.reap(j, c.Streams)
			r.forget(j)
		}
		return 0
	}
	status := 0
	for _, a := range args {
		status = c.waitFor(a)
		if c.Stop != nil {
			break
		}
	}
	return status
}

// interrupted is the end of a wait that a signal ended.
func (c *call) interrupted() int {
	if len(c.r.proc.pending) > 0 {
		return 128 + signalNumber(c.r.proc.pending[0])
	}
	c.Stop = errInterrupted
	return 130
}

// waitFor waits for one job or process.
func (c *call) waitFor(spec string) int {
	r := c.r
	if _, err := strconv.Atoi(spec); err != nil && !strings.HasPrefix(spec, "%") {
		if r.state.dialect.bash() {
			c.say(words{"`%s': not a pid or valid job spec"}, spec)
			return 1
		}
		return c.illegalNumber(spec)
	}
	j := r.state.jobs.find(spec)
	if j == nil {
		if pid, err := strconv.Atoi(spec); err == nil {
			if status, ok := r.state.ended[pid]; ok {
				return status
			}
			if r.state.dialect.bash() {
				c.say(words{"pid %s is not a child of this shell"}, spec)
			}
			return 127
		}
		if r.state.dialect.bash() {
			c.say(words{"%s: no such job"}, spec)
			return 127
		}
		return c.fail(words{"", "No such job: %s", "%s: no such job"}, spec)
	}
	if !r.await(func() bool { return j.proc.ended || j.stopped }) || !j.proc.ended && !j.stopped {
		return c.interrupted()
	}
	if j.stopped {
		return 148
	}
	r.reap(j, c.Streams)
	r.forget(j)
	return j.proc.status
}

// reap says by what signal a job ended, where the shell would.
func (r *runner) reap(j *job, io Streams) {
	p := j.proc
	if p.signal == 0 || p.status != 128+p.signal || j.told {
		return
	}
	j.told = true
	if r.state.interactive {
		io.Err.Print(r.jobLine(j, false))
		return
	}
	r.mourn(p, j.text, io)
}

// mourn says that a process ended by a signal.
func (r *runner) mourn(p *process, text string, io Streams) {
	switch d := r.state.dialect; {
	case p.signal == 2 || p.signal == 13:
	case r.state.interactive && p.job != nil:
	case !d.bash():
		io.Err.Print(signalText(p.signal) + "\n")
	case r.state.interactive:
		io.Err.Print(signalText(p.signal) + "\n")
	case p.signal == 15 && p.job == nil:
		io.Err.Print("Terminated\n")
	case p.signal != 15:
		io.Err.Print(r.prefix() + fmt.Sprintf("%5d %-23s %s\n", p.pid, signalText(p.signal), text))
	}
}
