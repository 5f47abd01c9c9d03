package shell

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// One goroutine of a session evaluates at a time: it holds the session's lock,
// and lets it go where a process would block. That is what makes pipelines and
// jobs of many goroutines as orderly as one.

// process is what runs in a goroutine of its own: the shell itself, a part of a
// pipeline, a job.
type process struct {
	session *Session
	pid     int
	cancel  context.CancelFunc
	over    func() error // why it has to end, nil while it may go on
	signal  int          // the signal that ends it
	stopped bool         // by ^Z or SIGSTOP
	ended   bool
	status  int
	pending []string // signals that its traps have to answer
	traps   map[string]string
	main    bool
	job     *job
}

// maxProcesses is how many run at once for one session.
const maxProcesses = 64

// begin takes the session's lock.
func (s *Session) begin() { s.lock.Lock() }

// end gives the session's lock back.
func (s *Session) end() { s.lock.Unlock() }

// wakeWith wakes whoever waits once ctx ends; the caller calls what it returns.
func (s *Session) wakeWith(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		s.lock.Lock()
		s.changed.Broadcast()
		s.lock.Unlock()
	})
}

// block runs f, which may wait for something outside, without the lock.
func (p *process) block(f func()) {
	p.session.lock.Unlock()
	defer p.session.lock.Lock()
	f()
}

// halted waits while the process is stopped.
func (p *process) halted() {
	for p.stopped && p.over() == nil {
		p.session.changed.Wait()
	}
}

// yield lets other processes of the session run.
func (p *process) yield() {
	if p.session.running > 1 {
		p.block(runtime.Gosched)
	}
}

// sleep lets time pass; false tells that the process has to end.
func (p *process) sleep(ctx context.Context, d time.Duration) bool {
	until := time.Now().Add(d)
	for {
		p.block(func() {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		})
		p.halted()
		if ctx.Err() != nil {
			return false
		}
		if !time.Now().Before(until) {
			return true
		}
	}
}

// kill sends a signal; it tells whether the process still was there.
func (p *process) kill(number int) bool {
	if p.ended {
		return false
	}
	name := signalName(number)
	body, trapped := p.traps[name]
	switch {
	case number == 0:
	case number == 9:
		p.signal = number
		p.cancel()
	case number == 18: // CONT
		p.stopped = false
		if p.job != nil {
			p.job.stopped = false
		}
	case number == 19 || number == 20 || number == 21 || number == 22: // STOP and its kin
		if !p.main {
			p.stopped = true
		}
	case trapped && body == "":
	case trapped:
		if len(p.pending) < 16 {
			p.pending = append(p.pending, name)
		}
	case number == 17 || number == 23 || number == 28: // CHLD, URG, WINCH
	case p.main && p.session.state.interactive && (number == 15 || number == 2 || number == 3):
	default:
		p.signal, p.stopped = number, false
		p.cancel()
	}
	p.session.changed.Broadcast()
	return true
}

// end ends the process, whatever it has set for the signal.
func (p *process) end(number int) {
	p.signal, p.stopped = number, false
	p.cancel()
	p.session.changed.Broadcast()
}

// pipeRoom is how much a pipe holds before its writer waits.
const pipeRoom = 64 << 10

// pipe carries bytes from one process to the next.
type pipe struct {
	session *Session
	budget  *budget
	buffer  bytes.Buffer
	writers int
	readers int
	outward bool // of >(...): its writer is the shell
}

func (s *Session) newPipe(b *budget) *pipe {
	return &pipe{session: s, budget: b, writers: 1, readers: 1}
}

// closeWriter tells the reader that nothing more comes.
func (p *pipe) closeWriter() {
	p.writers--
	p.session.changed.Broadcast()
}

// closeReader tells the writer that nobody listens.
func (p *pipe) closeReader() {
	if p.readers--; p.readers <= 0 {
		p.buffer = bytes.Buffer{}
	}
	p.session.changed.Broadcast()
}

// pipeEnd is an end of a pipe in the hands of a process.
type pipeEnd struct {
	*pipe
	proc *process
}

// Write implements io.Writer.
func (e pipeEnd) Write(b []byte) (int, error) {
	if err := e.budget.spend(len(b)); err != nil {
		return 0, err
	}
	for e.readers > 0 && e.buffer.Len() >= pipeRoom {
		if e.proc.over() != nil {
			return 0, errInterrupted
		}
		e.session.changed.Wait()
	}
	e.proc.halted()
	if e.readers <= 0 {
		return 0, errPipe
	}
	if e.buffer.Len() == 0 {
		e.session.changed.Broadcast()
	}
	return e.buffer.Write(b)
}

// Read implements io.Reader.
func (e pipeEnd) Read(b []byte) (int, error) { return e.readUntil(b, nil) }

// readUntil is Read that gives up once late says so.
func (e pipeEnd) readUntil(b []byte, late func() bool) (int, error) {
	for e.buffer.Len() == 0 && e.writers > 0 {
		if e.proc.over() != nil {
			return 0, errInterrupted
		}
		if late != nil && late() {
			return 0, syscall.ETIMEDOUT
		}
		e.session.changed.Wait()
	}
	e.proc.halted()
	if e.buffer.Len() == 0 {
		return 0, io.EOF
	}
	n, err := e.buffer.Read(b)
	e.session.changed.Broadcast()
	return n, err
}

// spawn runs f in a process of its own, which ends with the status of its
// shell; done is called with the lock held when it has ended. The caller holds
// the lock and waits for p.ended in the end.
func (r *runner) spawn(ctx context.Context, f func(*runner) error, done func()) *process {
	s := r.session
	ctx, cancel := context.WithCancel(ctx)
	p := &process{session: s, pid: s.machine.NextPID(), cancel: cancel, over: ctx.Err}
	sub := r.subshell()
	sub.ctx, sub.proc = ctx, p
	p.traps = sub.state.traps
	s.running++
	s.processes[p.pid] = p
	s.alive.Go(func() {
		defer cancel()
		stop := s.wakeWith(ctx)
		defer stop()
		s.begin()
		defer s.end()
		err := sub.finished(f(sub))
		p.status = sub.state.status
		if p.signal != 0 {
			p.status = 128 + p.signal
		} else if err != nil && p.status == 0 {
			p.status = 137
		}
		p.ended = true
		s.running--
		delete(s.processes, p.pid)
		if done != nil {
			done()
		}
		s.changed.Broadcast()
	})
	return p
}

// await waits for processes to end, or for their job to be stopped; it tells
// false where the runner itself has to end.
func (r *runner) await(ready func() bool) bool {
	for !ready() {
		if r.proc.over() != nil || r.ctx.Err() != nil {
			return false
		}
		if len(r.proc.pending) > 0 {
			return true
		}
		r.session.changed.Wait()
	}
	return true
}

// crowded tells that no further process can be made, and says so as fork(2)
// makes a shell say it.
func (r *runner) crowded(io Streams) bool {
	if r.session.running < maxProcesses {
		return false
	}
	io.Err.Print(r.state.name + words{": fork: retry: Resource temporarily unavailable", ": " + strconv.Itoa(max(int(r.line), 1)) + ": Cannot fork", ": can't fork: Resource temporarily unavailable"}.in(r.state.dialect) + "\n")
	r.state.status = 254
	if !r.state.dialect.bash() {
		r.state.status = 2
	}
	return true
}

// stopAll ends every process but the shell's own and waits for them. The
// caller does not hold the lock.
func (s *Session) stopAll() {
	s.lock.Lock()
	for _, p := range s.processes {
		if !p.main {
			p.end(1)
		}
	}
	s.changed.Broadcast()
	s.lock.Unlock()
	s.alive.Wait()
}
