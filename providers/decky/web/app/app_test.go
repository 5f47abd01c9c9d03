package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

const multipartBody = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../x.php\"\r\nContent-Type: text/plain\r\n\r\n<?php\r\n--B--\r\n"

func TestBothEncodingsOfFormsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body string
		want       map[string][]string
		files      int
	}{
		"urlencoded": {"application/x-www-form-urlencoded; charset=utf-8", "a=1&b=%26+x&b=2&=z&c", map[string][]string{"a": {"1"}, "b": {"& x", "2"}, "c": {""}}, 0},
		"multipart":  {"multipart/form-data; boundary=B", multipartBody, map[string][]string{"a": {"1"}}, 1},
		"torn":       {"multipart/form-data; boundary=B", multipartBody[:len(multipartBody)-12], map[string][]string{"a": {"1"}}, 1},
		"json":       {"application/json", `{"a":1}`, map[string][]string{}, 0},
		"none":       {"", "a=1", map[string][]string{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			form, files := app.ParseBody(c.kind, []byte(c.body))
			if diff := cmp.Diff(c.want, map[string][]string(form)); diff != "" {
				t.Error(diff)
			}
			if len(files) != c.files || c.files == 1 && (files[0].Name != "../../x.php" || !strings.HasPrefix(string(files[0].Data), "<?")) {
				t.Errorf("files %+v", files)
			}
		})
	}
	form, _ := app.ParseBody("application/x-www-form-urlencoded", []byte(strings.Repeat("a=1&", 5000)))
	if len(form["a"]) > 1000 {
		t.Errorf("%d fields of one form", len(form["a"]))
	}
}

func TestSessionsOfUsersSurviveARestart(t *testing.T) {
	store, now := servicetest.NewStore(0), time.Unix(1_700_000_000, 0)
	s := app.NewSessions(store)
	for _, one := range []app.Session{{ID: "guest"}, {ID: "user", User: "admin", Values: map[string]string{"token": "x"}}, {ID: "left", User: "u"}} {
		if err := s.Put(one, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Drop("left"); err != nil {
		t.Fatal(err)
	}
	again := app.NewSessions(store)
	if one, ok := again.Get("user", now.Add(time.Minute), time.Hour); !ok || one.User != "admin" || one.Values["token"] != "x" {
		t.Errorf("the session of a user came back as %+v", one)
	}
	for _, id := range []string{"guest", "left", ""} {
		if _, ok := again.Get(id, now, time.Hour); ok {
			t.Errorf("session %q came back", id)
		}
	}
	if _, ok := again.Get("user", now.Add(3*time.Hour), time.Hour); ok {
		t.Error("a session outlives its time")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s, now := app.NewSessions(nil), time.Unix(1_700_000_000, 0)
	for i := range 5000 {
		if err := s.Put(app.Session{ID: fmt.Sprint(i)}, now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i := range 5000 {
		if _, ok := s.Get(fmt.Sprint(i), now.Add(5000*time.Second), 10*time.Hour); ok {
			n++
		}
	}
	if n != 1024 {
		t.Errorf("%d sessions are kept, want 1024", n)
	}
}

func TestVisitReadsCookiesAndRecordsAttempts(t *testing.T) {
	v := &app.Visit{Query: "p=1&p=2", Fields: map[string]string{"cookie": "a=1; sid=x=y; b", "user-agent": "curl"}}
	if v.Cookie("sid") != "x=y" || v.Cookie("none") != "" || v.Param("p") != "1" || v.Header("User-Agent") != "curl" {
		t.Errorf("cookie %q, parameter %q", v.Cookie("sid"), v.Param("p"))
	}
	v.Attempt("form", "u", "p", true)
	want := &event.AuthAttempt{Method: "form", Username: "u", Secret: "p", SecretKind: "plaintext", Success: true, Client: "curl"}
	if diff := cmp.Diff([]event.Body{want}, v.Notes()); diff != "" {
		t.Error(diff)
	}
}

func FuzzForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=B", []byte(multipartBody))
	f.Add("application/x-www-form-urlencoded", []byte("a=%zz&&b"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		form, files := app.ParseBody(kind, body)
		total := 0
		for _, one := range files {
			total += len(one.Data)
		}
		if total > len(body) || len(files) > 64 || form == nil {
			t.Errorf("%d bytes of files from %d", total, len(body))
		}
	})
}
