package program

// Bounds on what variables of shells and of awk hold.
const (
	MaxVariables = 4096
	MaxValue     = 1 << 20 // bytes
	MaxArray     = 10_000  // elements
)

// Truth is 1 or 0.
func Truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
