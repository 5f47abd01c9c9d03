package shell_test

import (
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

func BenchmarkMachine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		machine.New(servicetest.Host(), []string{"admin"}, time.Now)
	}
}
