package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneDaemonPerState(t *testing.T) {
	state := filepath.Join(t.TempDir(), ".decnet", "state.db")
	first, err := claimState(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claimState(state); !errors.Is(err, ErrKept) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) || !strings.Contains(err.Error(), state) {
		t.Errorf("a second one: %v", err)
	}
	other, err := claimState(state + ".other")
	if err != nil {
		t.Errorf("another state: %v", err)
	}
	if err := errors.Join(first.release(), other.release()); err != nil {
		t.Fatal(err)
	}
	again, err := claimState(state)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
	// Whoever may write beside the state cannot make root write elsewhere.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.Remove(ClaimPath(state)), os.Symlink(victim, ClaimPath(state))); err != nil {
		t.Fatal(err)
	}
	if c, err := claimState(state); err == nil {
		t.Errorf("a link was followed: %v", c.release())
	}
}

func TestWordsInLabelsAreOurs(t *testing.T) {
	for in, want := range map[string]string{"InSync": "InSync", "": "Other", "bad signer": "Other", "x\n": "Other", strings.Repeat("a", 65): "Other", "é": "Other"} {
		if got := word(in); got != want {
			t.Errorf("word(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"0123abc": "0123abc", "v1.2\"": "unknown", strings.Repeat("a", 65): "unknown", "": ""} {
		if got := hexOnly(in); got != want {
			t.Errorf("hexOnly(%q) = %q, want %q", in, got, want)
		}
	}
}
