package persona_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

func of(key string) *persona.Persona {
	h := servicetest.Host()
	h.Key = []byte(key)
	return persona.New(h)
}

func TestTheSameKeyIsTheSameMachine(t *testing.T) {
	a, again, b := of("a"), of("a"), of("b")
	facts := func(p *persona.Persona) map[string]any {
		ecdsaKey, err := p.ECDSA("ssh")
		if err != nil {
			t.Fatal(err)
		}
		scalar, err := ecdsaKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{
			"ed25519": hex.EncodeToString(p.Ed25519("ssh")), "ecdsa": hex.EncodeToString(scalar), "machine-id": p.MachineID(), "uuid": p.UUID("dmi"),
			"number": p.Number("x", 0, 1<<60), "latency": p.PasswordCheck("ssh"), "start": p.ServiceStart(time.Unix(0, 0), "redis"),
		}
	}
	first, second, other := facts(a), facts(again), facts(b)
	for name, v := range first {
		if second[name] != v {
			t.Errorf("%s changed: %v, %v", name, v, second[name])
		}
		if other[name] == v {
			t.Errorf("two machines share %s: %v", name, v)
		}
	}
	if a.MachineID() == a.UUID4Hex("other") || bytes.Equal(a.Ed25519("ssh"), a.Ed25519("tls")) {
		t.Error("labels share a value")
	}
}

func TestIdsHaveTheFormOfRandomUUIDs(t *testing.T) {
	if id := of("a").UUID("x"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("uuid %s", id)
	}
}

func TestDeriveIsHMAC(t *testing.T) {
	// HMAC-SHA256 test case 2 of RFC 4231.
	h := decky.Host{Key: []byte("Jefe")}
	if got := hex.EncodeToString(persona.Derive(h)("what do ya want for nothing?")); got != "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" {
		t.Errorf("derived %s", got)
	}
}

func TestBoot(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	h := servicetest.Host()
	if got := persona.New(h).Boot(now); !got.Equal(h.Boot) {
		t.Errorf("boot %v, want the host's %v", got, h.Boot)
	}
	h.Boot = time.Time{}
	if up := now.Sub(persona.New(h).Boot(now)); up < 72*time.Hour || up > 90*24*time.Hour {
		t.Errorf("uptime %v", up)
	}
	start := persona.New(h).ServiceStart(now, "redis").Sub(now)
	if start < 2*time.Second || start > 40*time.Second {
		t.Errorf("redis started %v after boot", start)
	}
}

func TestNumberStaysInItsRange(t *testing.T) {
	seen := map[int64]bool{}
	for _, key := range "abcdefghijklmnopqrstuvwxyz" {
		n := of(string(key)).Number("x", -1, 1)
		if n < -1 || n > 1 {
			t.Fatalf("number %d", n)
		}
		seen[n] = true
	}
	if len(seen) != 3 || of("a").Number("x", 5, 5) != 5 || of("a").Number("x", 5, 1) != 5 {
		t.Errorf("numbers seen: %v", seen)
	}
}

func TestPasswordChecksDifferByHostAndService(t *testing.T) {
	seen := map[persona.Latency]bool{}
	for _, key := range "abcdefghij" {
		for _, service := range []string{"ssh", "redis", "ftp"} {
			l := of(string(key)).PasswordCheck(service)
			if l.Draw(0) < 50*time.Millisecond || l.Draw(0.999) > 300*time.Millisecond || l.Draw(0.999)-l.Draw(0) < 10*time.Millisecond {
				t.Errorf("latency %+v", l)
			}
			seen[l] = true
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d profiles for 30 services", len(seen))
	}
}

func TestRSAKeyIsDerivedAndCached(t *testing.T) {
	cache := servicetest.NewStore(0)
	began := time.Now()
	key, err := of("a").RSA("ssh", persona.RSABits, cache)
	if err != nil {
		t.Fatal(err)
	}
	searched := time.Since(began)
	if key.N.BitLen() != persona.RSABits || key.E != 65537 || key.Validate() != nil {
		t.Errorf("key of %d bits", key.N.BitLen())
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	began = time.Now()
	cached, err := of("a").RSA("ssh", persona.RSABits, cache)
	if err != nil || !cached.Equal(key) {
		t.Fatalf("the cached key differs: %v", err)
	}
	t.Logf("search %v, from cache %v", searched, time.Since(began))
	if again, err := of("a").RSA("ssh", persona.RSABits, nil); err != nil || !again.Equal(key) {
		t.Errorf("the search is not deterministic: %v", err)
	}
	if other, err := of("a").RSA("ssh", 2048, cache); err != nil || other.N.BitLen() != 2048 {
		t.Errorf("a key of 2048 bits: %v", err)
	}
	// What stands in the cache of another host, or is damaged, is not used.
	if other, err := of("b").RSA("ssh", persona.RSABits, cache); err != nil || other.Equal(key) {
		t.Errorf("two hosts share a key: %v", err)
	}
	if err := cache.Save("rsa-ssh", []byte("rubbish that is longer than a seal is, by far")); err != nil {
		t.Fatal(err)
	}
	if again, err := of("a").RSA("ssh", persona.RSABits, cache); err != nil || !again.Equal(key) {
		t.Errorf("a damaged cache breaks the key: %v", err)
	}
}

func BenchmarkRSA(b *testing.B) {
	for i := range b.N {
		if _, err := of(string(rune('a'+i%26))).RSA("ssh", persona.RSABits, nil); err != nil {
			b.Fatal(err)
		}
	}
}
