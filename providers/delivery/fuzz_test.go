package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// FuzzSpool opens a spool that holds anything: nothing of it is believed that is
// not whole, and what is added then is delivered.
func FuzzSpool(f *testing.F) {
	dir := f.TempDir()
	d := dispatch(f, dir, nil, nil)
	d.SetSinks([]schema.Sink{webhookSink("a")})
	for range 3 {
		d.Notify(notification.Sample(notification.Failed))
	}
	if err := d.Close(); err != nil {
		f.Fatal(err)
	}
	at, err := filepath.Glob(filepath.Join(dir, "a-*"))
	if err != nil || len(at) != 1 {
		f.Fatal(at, err)
	}
	segment, err := os.ReadFile(filepath.Join(at[0], "00000001.log"))
	if err != nil {
		f.Fatal(err)
	}
	status, err := os.ReadFile(filepath.Join(at[0], "status.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(segment, status)
	f.Add(segment[:len(segment)-7], []byte(`{"segment":-5,"offset":-1,"held":{"x":{"count":3}}}`))
	f.Add([]byte("00000000 {}\n"), []byte(`{"segment":99999999}`))
	f.Add(segment, []byte(`{"segment":9223372036854775807,"attempts":-3}`))
	f.Add(segment, []byte(`{"attempts":-3,"held":{"a":{"count":1},"b":{"count":1,"last":{}}}}`))
	f.Add([]byte(strings.Repeat("x", 100)), []byte("null"))
	f.Fuzz(func(t *testing.T, segment, status []byte) {
		dir := t.TempDir()
		inner := filepath.Join(dir, filepath.Base(at[0]))
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"00000001.log": segment, "status.json": status} {
			if err := os.WriteFile(filepath.Join(inner, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := delivery.ReadStatus(dir); err != nil {
			t.Errorf("read status: %v", err)
		}
		r := &receiver{before: func(int) error { return &delivery.Error{Err: errors.New("down")} }}
		d := dispatch(t, dir, map[string]*receiver{"a": r}, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		d.Notify(news("last"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
		s := d.Status()
		if len(s) != 1 || s[0].Queued < 1 {
			t.Fatalf("%+v", s)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		d = dispatch(t, dir, map[string]*receiver{"a": r}, nil)
		d.SetSinks([]schema.Sink{webhookSink("a")})
		if again := d.Status(); again[0].Queued != s[0].Queued {
			encoded, _ := json.Marshal(again)
			t.Errorf("%d waited, and after opening it again: %s", s[0].Queued, encoded)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
