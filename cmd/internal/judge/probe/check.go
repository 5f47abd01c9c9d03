package probe

import (
	"errors"
	"fmt"
	"regexp"
)

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9._/+-]*$`)

func (p Probe) check() error {
	if !validName.MatchString(p.Name) {
		return errors.New("a name is of a-z, 0-9 and ._/+-")
	}
	if len(p.Steps) == 0 {
		return errors.New("it has no steps")
	}
	if p.Runs < 0 || p.Runs > maxRuns {
		return fmt.Errorf("runs is not within 0 and %d", maxRuns)
	}
	if p.Time != nil && (p.Time.Why == "" || p.Time.Min > p.Time.Max) {
		return errors.New("time wants a why, and a min that is not above its max")
	}
	return checkSteps(p.Steps, false)
}

func checkSteps(steps []Step, nested bool) error {
	for i, s := range steps {
		if err := s.check(nested); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func (s Step) check(nested bool) error {
	set := 0
	for _, is := range []bool{s.Send != nil, s.Wait != nil, s.Read != nil, s.HalfClose, s.TLS != nil, s.Capture != nil, s.Reconnect, s.Parallel != nil, s.SSH != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%d acts, want one", set)
	}
	switch {
	case s.Pace != nil && (s.Send == nil || s.Pace.Bytes < 1):
		return errors.New("pace wants a send, and bytes of 1 or more")
	case s.Capture != nil:
		if re, err := regexp.Compile(s.Capture.Pattern); err != nil || re.NumSubexp() < 1 || s.Capture.Name == "" {
			return fmt.Errorf("capture wants a name and a pattern with a group (%v)", err)
		}
	case s.Read != nil:
		if _, err := latin1(s.Read.Until); err != nil {
			return fmt.Errorf("until: %w", err)
		}
	case s.TLS != nil:
		for _, v := range []string{s.TLS.Min, s.TLS.Max} {
			if _, ok := Versions[v]; v != "" && !ok {
				return fmt.Errorf("TLS version %q is not one of 1.0 to 1.3", v)
			}
		}
	case s.SSH != nil:
		return s.SSH.check()
	case s.Parallel != nil:
		p := s.Parallel
		if nested || p.Connections < 1 || p.Connections > maxConnections || p.Tolerance < 0 || p.Tolerance > 50 {
			return fmt.Errorf("parallel wants 1 to %d connections, a tolerance of 0 to 50, and is not nested", maxConnections)
		}
		if p.Outcome != "" && p.Outcome != "end" && p.Outcome != "class" && p.Outcome != "bytes" {
			return fmt.Errorf("outcome %q is not end, class or bytes", p.Outcome)
		}
		return checkSteps(p.Steps, true)
	}
	return nil
}

// Versions are the numbers of TLS versions by their names in probes.
var Versions = map[string]uint16{"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
