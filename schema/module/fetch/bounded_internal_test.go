package fetch

import (
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/memfs"
)

func TestBoundedTakesNoMore(t *testing.T) {
	b := &bounded{Filesystem: memfs.New(), left: 10}
	one, err := b.Create("one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Write([]byte("123456")); err != nil {
		t.Error(err)
	}
	two, err := b.TempFile("", "two")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := two.Write([]byte("12345")); err == nil || n != 0 || !strings.Contains(err.Error(), "sends more") {
		t.Errorf("%d, %v", n, err)
	}
}
