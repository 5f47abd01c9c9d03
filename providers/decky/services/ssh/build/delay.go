package build

import (
	"crypto/sha512"
	"encoding/binary"
	"strconv"
	"time"
)

// minFailDelay is auth2.c's MIN_FAIL_DELAY_SECONDS.
const minFailDelay = 5 * time.Millisecond

// FailureTime is how long the server takes to refuse a password of user: the
// check's own time, drawn with uniform, which gives numbers from 0 up to 1; and
// where Scaled is set, the least of the user's own delay, doubled as often as
// needed, that is not shorter (OpenSSH's ensure_minimum_time_since). secret is
// a number that the server keeps to itself.
func (a *Auth) FailureTime(secret uint64, user string, uniform func() float64) time.Duration {
	least, most := a.FailureDelay[0], a.FailureDelay[1]
	draws := 1
	if a.PAM {
		draws = 3 // libpam's pam_fail_delay takes the mean of three
	}
	var sum float64
	for range draws {
		sum += uniform()
	}
	elapsed := least + time.Duration(sum/float64(draws)*float64(most-least))
	if !a.Scaled {
		return elapsed
	}
	sum512 := sha512.Sum512([]byte(strconv.FormatUint(secret, 10) + user))
	total := minFailDelay + time.Duration(binary.BigEndian.Uint32(sum512[:]))/1000 // up to 4.3 ms
	for total < elapsed {
		total *= 2
	}
	return total
}
