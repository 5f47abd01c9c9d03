package sntrup_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport/sntrup"
)

// counter is a linear congruential generator: the same bytes everywhere.
type counter uint32

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		*c = *c*1664525 + 1013904223
		b[i] = byte(*c >> 24)
	}
	return len(b), nil
}

// The expected values were computed with the reference implementation in
// OpenSSH 9.2, from the same random bytes and the same public keys.
func TestKnownAnswers(t *testing.T) {
	for seed, want := range [][2]string{
		{"7201547067d514c898000e5f865954918df0b5ec2cf0297ca6157d4e69248481", "28b895fb81626c61c6d5c96342d9cc74df131b27ed32f32a9b78cd3711115de2"},
		{"1cc4f34e4e9ca3c2ce3677d099c7c3eb5d26f99fe2ca5c864f82ef6184499238", "9b90273dd0dfa44458b7716745c321766c118798a0e60983b01f5e11a0aa867d"},
		{"3d50b852f67962d578d1dd502b1991fa68f4a0453034625e8e712e485aa7c820", "cd21eb28a4885b88d84fa766192c461b3d81b2aacbed465e0daecae946781d28"},
	} {
		source := counter(seed + 1)
		public := make([]byte, sntrup.PublicKeySize)
		if _, err := source.Read(public); err != nil {
			t.Fatal(err)
		}
		ciphertext, shared, err := sntrup.Encapsulate(&source, public)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(ciphertext)
		if got := [2]string{hex.EncodeToString(sum[:]), hex.EncodeToString(shared)}; got != want {
			t.Errorf("seed %d: %v, the reference has %v", seed+1, got, want)
		}
		if len(ciphertext) != sntrup.CiphertextSize || len(shared) != sntrup.SharedKeySize {
			t.Errorf("sizes %d and %d", len(ciphertext), len(shared))
		}
	}
}

func TestEncapsulateRefuses(t *testing.T) {
	for _, n := range []int{0, sntrup.PublicKeySize - 1, sntrup.PublicKeySize + 1} {
		if _, _, err := sntrup.Encapsulate(rand.Reader, make([]byte, n)); err == nil {
			t.Errorf("public key of %d bytes taken", n)
		}
	}
	if _, _, err := sntrup.Encapsulate(bytes.NewReader(make([]byte, 100)), make([]byte, sntrup.PublicKeySize)); err == nil {
		t.Error("too little randomness taken")
	}
}

func FuzzEncapsulate(f *testing.F) {
	f.Add(make([]byte, sntrup.PublicKeySize))
	f.Add(bytes.Repeat([]byte{0xff}, sntrup.PublicKeySize))
	f.Fuzz(func(t *testing.T, public []byte) {
		source := counter(1)
		ciphertext, _, err := sntrup.Encapsulate(&source, public)
		if (err == nil) != (len(public) == sntrup.PublicKeySize) || err == nil && len(ciphertext) != sntrup.CiphertextSize {
			t.Errorf("%d bytes: ciphertext of %d, %v", len(public), len(ciphertext), err)
		}
	})
}

func BenchmarkEncapsulate(b *testing.B) {
	public := make([]byte, sntrup.PublicKeySize)
	for b.Loop() {
		if _, _, err := sntrup.Encapsulate(rand.Reader, public); err != nil {
			b.Fatal(err)
		}
	}
}
