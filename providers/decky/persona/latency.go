package persona

import "time"

// Latency is how long a service of one host takes for something: at least Base,
// mostly less than Base and a third of Spread, never more than their sum.
type Latency struct {
	Base, Spread time.Duration
}

// PasswordCheck is how long a service of this host takes to refuse or accept a
// password: 50 ms at the least, another profile for every host and service, as
// hashing on different machines gives.
func (p *Persona) PasswordCheck(service string) Latency {
	fast := 50 + 90*p.unit("latency/host") + 60*p.unit("latency/"+service)
	spread := 15 + 60*p.unit("latency/spread/"+service)
	return Latency{Base: time.Duration(fast * float64(time.Millisecond)), Spread: time.Duration(spread * float64(time.Millisecond))}
}

// Draw is one delay; unit is a random number in [0, 1).
func (l Latency) Draw(unit float64) time.Duration {
	return l.Base + time.Duration(float64(l.Spread)*unit*unit*unit)
}
