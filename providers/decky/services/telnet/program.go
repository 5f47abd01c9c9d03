package telnet

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// Reasons why a login ends.
var (
	errTimeout = errors.New("login timed out")
	errKilled  = errors.New("killed by a signal")
	errTries   = errors.New("too many tries")
)

// loginProgram is a login(1) in words and manners. Measured: shadow's login
// 4.13 with PAM as in Debian 12, and busybox 1.35's. From its source:
// util-linux' login 2.37, which Rocky, Fedora, CentOS and Arch use.
type loginProgram struct {
	tries     int
	timeout   time.Duration
	late      string // after the timeout
	incorrect string // after a wrong password
	last      string // after the last one instead
	// delay is what a wrong password costs.
	delay func() time.Duration
	// busybox: asks again for an empty name, cuts names at blanks, refuses
	// long ones, throws away what was typed before each prompt, and takes ^C
	// at the password for an empty one.
	busybox bool
	// dash: a name that starts with a dash fails without a password.
	dash     bool
	greeting func(m greeter) string
}

// greeter is what a login shows before the shell.
type greeter struct {
	uname, motd string
	last        string // of the login before, empty for none
}

// pamDelay is a delay as libpam spreads it: half of it around the middle.
func pamDelay(base time.Duration) func() time.Duration {
	return func() time.Duration {
		mean := (rand.Float64() + rand.Float64() + rand.Float64()) / 3
		return time.Duration((0.5 + mean) * float64(base))
	}
}

var programs = map[string]*loginProgram{
	"shadow": {
		tries: 5, timeout: time.Minute, late: "\nLogin timed out after 60 seconds.\n",
		incorrect: "\nLogin incorrect\n", last: "\nLogin incorrect\nMaximum number of tries exceeded (5)\n",
		delay: pamDelay(3 * time.Second), dash: true,
		greeting: func(g greeter) string { return g.uname + g.motd + g.last },
	},
	"util-linux": {
		tries: 3, timeout: time.Minute, late: "\nLogin timed out after 60 seconds\n",
		incorrect: "\nLogin incorrect\n\n", last: "\nLogin incorrect\n",
		delay:    pamDelay(2 * time.Second),
		greeting: func(g greeter) string { return g.last + g.motd },
	},
	"busybox": {
		tries: 3, timeout: time.Minute, late: "\r\nLogin timed out after 60 seconds\r\n",
		incorrect: "Login incorrect\n", last: "Login incorrect\n",
		delay: func() time.Duration { return 3 * time.Second }, busybox: true,
		greeting: func(g greeter) string { return g.motd },
	},
}

// pamMax is what libpam reads of a line.
const pamMax = 4095

// Limits of busybox' login.
const (
	emptyNames = 10
	longName   = 61
)

// check decides one attempt and records it.
type check func(user, password string, asked bool) (bool, error)

// run asks until somebody is in; the error says why nobody is.
func (p *loginProgram) run(ctx context.Context, t *tty, host string, try check) (string, error) {
	for n := 1; ; n++ {
		user, asked, err := p.name(t, host, n)
		if err != nil {
			return "", err
		}
		password := ""
		if asked {
			if password, err = p.password(t); err != nil {
				return "", err
			}
		}
		ok, err := try(user, password, asked)
		if err != nil || ok {
			return user, err
		}
		if err := sleep(ctx, p.delay()); err != nil {
			return "", err
		}
		text := p.incorrect
		if n >= p.tries {
			text = p.last
		}
		if _, err := t.Write([]byte(text)); err != nil {
			return "", err
		}
		if n >= p.tries {
			return "", errTries
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// name asks for one; asked is whether a password is to be asked for.
func (p *loginProgram) name(t *tty, host string, n int) (user string, asked bool, err error) {
	if p.busybox {
		user, err = busyboxName(t, host)
		return user, true, err
	}
	if n > 1 {
		t.locked(t.discard)
	}
	if _, err := t.Write([]byte(host + " login: ")); err != nil {
		return "", false, err
	}
	line, err := t.readLine()
	if err != nil && !errors.Is(err, errEnd) {
		return "", false, err
	}
	line = line[:min(len(line), pamMax)]
	if !bytes.HasSuffix(line, []byte("\n")) {
		if _, err := t.Write([]byte("\n")); err != nil {
			return "", false, err
		}
	}
	if errors.Is(err, errEnd) {
		return "", false, nil
	}
	user = cString(line)
	return user, !p.dash || !strings.HasPrefix(user, "-"), nil
}

// cString is a line as a C program keeps it.
func cString(line []byte) string {
	line, _, _ = bytes.Cut(line, []byte{0})
	return strings.TrimSuffix(string(line), "\n")
}

// busyboxName is busybox' get_username_or_die.
func busyboxName(t *tty, host string) (string, error) {
	t.locked(t.discard)
	for range emptyNames {
		if _, err := t.Write([]byte(host + " login: ")); err != nil {
			return "", err
		}
		line, err := fgets(t)
		if err != nil {
			return "", err
		}
		line = bytes.TrimLeft(line, " \t\v\f\r")
		if len(line) == 0 || line[0] == '\n' {
			continue
		}
		rest := line[1:]
		if i := bytes.IndexByte(rest, 0); i >= 0 || len(rest) > longName {
			return "", errKilled
		}
		if i := bytes.IndexFunc(rest, func(r rune) bool { return r <= ' ' }); i >= 0 {
			rest = rest[:i]
		}
		return string(line[:1]) + string(rest), nil
	}
	return "", errTries
}

// fgets reads on over ^D until a line feed.
func fgets(t *tty) ([]byte, error) {
	var line []byte
	for {
		more, err := t.readLine()
		if err != nil {
			return nil, err
		}
		line = append(line, more...)
		if bytes.HasSuffix(line, []byte("\n")) || len(line) > canonMax {
			return line, nil
		}
	}
}

// password reads one without echo, what was typed before thrown away.
func (p *loginProgram) password(t *tty) (string, error) {
	t.locked(func() { t.discard(); t.echo = false })
	_, err := t.Write([]byte("Password: "))
	var line []byte
	if err == nil {
		t.locked(func() { t.interruptible = p.busybox })
		line, err = t.readLine()
		t.locked(func() { t.interruptible = false })
	}
	t.locked(func() { t.echo = true })
	if err != nil && !errors.Is(err, errEnd) {
		return "", err
	}
	if _, err := t.Write([]byte("\n")); err != nil {
		return "", err
	}
	return cString(line), nil
}
