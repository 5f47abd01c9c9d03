package lab

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/decnet/decnet/providers/link"
)

// Wire is one more wire between the sides.
type Wire struct {
	// Parent is the interface on the operator's side: made where it is not
	// there, else the wire's end joins it if Bridge says that it is a bridge.
	Parent string
	Bridge bool
	// Operator and Attacker are the addresses of the two ends, with their
	// prefix; Operator may be empty, and is not looked at for a bridge.
	Operator, Attacker string
}

// Attach makes sure of a wire. A parent that is wired already gets the
// addresses, besides those that it has.
func (l *Lab) Attach(w Wire) error {
	far := AttackerLink
	if w.Parent != OperatorLink {
		far = ""
		for i, known := range l.wires {
			if known == w.Parent {
				far = attackerLink(i)
			}
		}
	}
	if far == "" {
		far = attackerLink(len(l.wires))
		if err := l.lay(w, far); err != nil {
			return fmt.Errorf("lab %s: wire %s: %w", l.Name, w.Parent, err)
		}
		l.wires = append(l.wires, w.Parent)
	}
	if !w.Bridge {
		if err := l.end(Operator, w.Parent, w.Operator); err != nil {
			return fmt.Errorf("lab %s: wire %s: %w", l.Name, w.Parent, err)
		}
	}
	if err := l.end(Attacker, far, w.Attacker); err != nil {
		return fmt.Errorf("lab %s: wire %s: %w", l.Name, w.Parent, err)
	}
	return nil
}

// Detach brings the attacker's end of every wire down but those of the named
// parents, so that two wires never lead to one subnet; Attach brings it up
// again.
func (l *Lab) Detach(except ...string) error {
	ends := map[string]string{OperatorLink: AttackerLink}
	for i, parent := range l.wires {
		ends[parent] = attackerLink(i)
	}
	return l.Do(Attacker, func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		var errs []error
		for parent, end := range ends {
			if !slices.Contains(except, parent) {
				errs = append(errs, h.Down(end))
			}
		}
		return errors.Join(errs...)
	})
}

func attackerLink(i int) string { return "att" + strconv.Itoa(i+1) }

// lay makes the two ends.
func (l *Lab) lay(w Wire, far string) error {
	operator, err := link.OpenNamespace(l.Namespace(Operator))
	if err != nil {
		return err
	}
	defer operator.Close()
	attacker, err := link.OpenNamespace(l.Namespace(Attacker))
	if err != nil {
		return err
	}
	defer attacker.Close()
	return l.Do(Operator, func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		if w.Bridge {
			return h.CreateChild(link.Child{Driver: link.DriverBridge, Parent: w.Parent, Name: far, Host: "lab-" + far, Alias: "lab"}, int(attacker.Fd()))
		}
		return h.CreateVethPair(w.Parent, int(operator.Fd()), far, int(attacker.Fd()))
	})
}

// end brings one end up.
func (l *Lab) end(side Side, name, prefix string) error {
	return l.Do(side, func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		if prefix != "" {
			if err := h.SetAddress(name, prefix); err != nil {
				return err
			}
		}
		return h.Up(name)
	})
}
