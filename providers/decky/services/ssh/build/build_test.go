package build_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

func TestDebianHASSH(t *testing.T) {
	if got, want := build.Named("debian-12").HASSH(), "425d29fe50d8e4f5e37efb6e24bcf660"; got != want {
		t.Errorf("HASSH %s, the real server's is %s", got, want)
	}
}
