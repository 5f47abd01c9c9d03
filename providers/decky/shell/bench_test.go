package shell_test

import (
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

func BenchmarkMachine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		shell.NewMachine(servicetest.Host(), []string{"admin"}, time.Now)
	}
}
