package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

var kinds = []event.Kind{
	event.KindConnectionOpened, event.KindConnectionClosed, event.KindAuthAttempt, event.KindCommand, event.KindRequest, event.KindQuery,
	event.KindTransfer, event.KindFingerprint, event.KindScan, event.KindCanary, event.KindDrift, event.KindSystem,
}

// ParseFilter reads the parameters of a request, of which only the named ones
// are known. Times that are durations count back from now.
func ParseFilter(query string, parameters []string, now time.Time) (intel.Filter, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return intel.Filter{}, fmt.Errorf("the query cannot be read: %w", err)
	}
	var f intel.Filter
	for _, name := range sorted(values) {
		given := values[name]
		if !slices.Contains(parameters, name) {
			return f, fmt.Errorf("unknown parameter %.64q; known here: %s", name, strings.Join(parameters, ", "))
		}
		if len(given) != 1 {
			return f, fmt.Errorf("parameter %s is given %d times", name, len(given))
		}
		if len(given[0]) > maxParameter {
			return f, fmt.Errorf("parameter %s is longer than %d bytes", name, maxParameter)
		}
		if err := set(&f, name, given[0], now); err != nil {
			return f, fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return f, nil
}

func sorted(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func set(f *intel.Filter, name, value string, now time.Time) (err error) {
	switch name {
	case "decky":
		f.Decky = value
	case "service":
		f.Service = value
	case "session":
		f.Session = value
	case "technique":
		f.Technique = value
	case "rule":
		f.Rule = value
	case "source":
		ip, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("%q is no IP address", value)
		}
		f.Source = ip.Unmap().WithZone("").String()
	case "kind":
		if !slices.Contains(kinds, event.Kind(value)) {
			return fmt.Errorf("%q is no kind of event", value)
		}
		f.Kind = value
	case "search":
		if len(value) > maxSearch {
			return fmt.Errorf("longer than %d bytes", maxSearch)
		}
		f.Search = value
	case "since":
		f.Since, err = moment(value, now)
	case "until":
		f.Until, err = moment(value, now)
	case "limit":
		f.Limit, err = between(value, 1, intel.MaxLimit)
	case "offset":
		f.Offset, err = between(value, 0, intel.MaxOffset)
	}
	return err
}

func between(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is no number from %d to %d", value, low, high)
	}
	return n, nil
}

func moment(value string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither an RFC 3339 time nor a duration such as 15m", value)
	}
	return t, nil
}
