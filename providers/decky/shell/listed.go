package shell

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
)

// maxListed is how much of a command line the machine's table shows.
const maxListed = 1024

// listed shows a program among the machine's processes until the returned
// function is called: a part of a pipeline and a job under their own number, a
// command of the shell's own under a new one.
func (r *runner) listed(path string, args []string) func() {
	s := r.session
	tty := strings.TrimPrefix(s.options.TTY, "/dev/")
	name := base(args[0])
	p := machine.Process{
		PPID: s.pid, User: r.asUser.Name, TTY: tty, Stat: "S", Name: name[:min(len(name), 15)], Exe: path, Cwd: r.state.cwd,
		VSZ: 5400 + len(name)*64, RSS: 880 + len(name)*28,
	}
	text := strings.Join(args, " ")
	p.Args = text[:min(len(text), maxListed)]
	if slices.Contains([]string{"ps", "top", "pstree", "htop"}, name) {
		p.Stat, p.VSZ, p.RSS = "R", 11084, 4396
	}
	if tty != "" && (r.proc.main || r.proc.job == nil) {
		p.Stat += "+"
	}
	if !r.proc.main {
		proc := r.proc
		p.PID = proc.pid
		p.Signal = func(number int) {
			if !slices.Contains([]int{0, 17, 18, 19, 20, 23, 28}, number) {
				proc.cancel()
			}
		}
	}
	before := r.self
	pid, end := s.machine.Run(p)
	r.self = pid
	return func() {
		r.self = before
		end()
	}
}
