package crypt_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/crypt"
)

const long = "a longer pass phrase that does not fit one block of the hash, surely not, and then some more"

// The hashes are what OpenSSL's passwd and libxcrypt make.
var vectors = []struct{ password, hash string }{
	{"", "$1$saltSALT$t6Bl8zoUZW3vgPaTPH0CX0"},
	{"a", "$1$saltSALT$H7/7E6rYw5/JvMbnIAZ1v/"},
	{"hunter2", "$1$saltSALT$qhKM/iBnbktAnRBcWhr4/."},
	{long, "$1$saltSALT$8sv1TaGj/NP5d0lKyoo/k/"},
	{"a", "$5$saltSALT$SFjIeAoueehwIUK5IOldPRiKhTVJCg6KIXDzpH58h/1"},
	{"hunter2", "$5$saltSALT$Xajk5gm43TXLhf1m0TRlGTW42EiUKybHPb0eoewi/b/"},
	{long, "$5$saltSALT$LgCloIbVN/yY099MdlDnvqB.FqFyPzEDJmdO1rE3nkC"},
	{"secret", "$5$rounds=77777$short$Dvn1K7VcLNC1xboNjai.hqyHxPl6O0m46vESuLJFFm9"},
	{"a", "$6$saltSALT$oYuhvd7TR8vJ59dJuOZaYPQnwK8xLI6T.8ZHArT2.KDEyyKv1TG9p0ir/9gL6zT410vBHE02qLeQMxNNawhE20"},
	{"hunter2", "$6$saltSALT$ogij2zyqRQ1caCjEDnyPy.pmlSMQ4eyX2Tj1CvcaWPnKX4y2Lwh8bYId5qGlEmlwVn/ONeIrfMwGNNiJTEORH."},
	{long, "$6$saltSALT$/8aBrwmQoW6nnOZtejlO8Mv4TIXZWGGvmpUQjX0C1Yt1V/4lbwBheZVN0Qmx0ppHZxVVZ/hDEn3ydHGBp5tqF."},
	{"secret", "$6$rounds=1500$abcdefghijklmnop$tm9ey2EYMV22IpHcDZOL6GLhHbmF8GaCQbwYmbHY3NKX3Sv74prVnuMBcMWRTj4dRM0O7ndNWkhn9fWofbNct0"},
}

func TestVerify(t *testing.T) {
	for _, v := range vectors {
		if ok, known := crypt.Verify(v.hash, v.password); !ok || !known {
			t.Errorf("%s: %v %v for %q", v.hash, ok, known, v.password)
		}
		if ok, known := crypt.Verify(v.hash, v.password+"x"); ok || !known {
			t.Errorf("%s: %v %v for another password", v.hash, ok, known)
		}
	}
	if got := crypt.APR1("hunter2", "saltSALT"); got != "$apr1$saltSALT$Ziz9h1Jx2wAjzAxV8PbbD1" {
		t.Error(got)
	}
}

// Nothing that an intruder writes costs more than it should.
func TestVerifyRefuses(t *testing.T) {
	for _, hash := range []string{"", "x", "!", "*", "$", "$6$", "$6$salt", "$y$j9T$salt$hash", "$6$rounds=999999999$salt$x", "$6$rounds=-1x$salt$x", "fi6bS9A.C7BDQ", "$6$" + strings.Repeat("a", 300) + "$x"} {
		if ok, known := crypt.Verify(hash, "secret"); ok || known {
			t.Errorf("%q: %v %v", hash, ok, known)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.hash, v.password)
	}
	f.Fuzz(func(t *testing.T, hash, password string) {
		ok, known := crypt.Verify(hash, password)
		if ok && !known {
			t.Errorf("%q is verified by no method", hash)
		}
	})
}
