package persona

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// tlsLabel is the label of the key that a host's certificate is for.
const tlsLabel = "tls"

// Certificate is a host's certificate with its chain and key, as
// tls.Certificate wants them.
type Certificate struct {
	Chain [][]byte // DER, the leaf first
	Key   crypto.Signer
}

// Certificate is the host's own: signed by the site's authority where the spec
// brings one, else by itself, as an installation makes it.
func (p *Persona) Certificate() (Certificate, error) {
	key, err := p.ECDSA(tlsLabel)
	if err != nil {
		return Certificate{}, err
	}
	if leaf := p.leaf(); leaf != nil && key.PublicKey.Equal(leaf.PublicKey) {
		return Certificate{Chain: p.host.Certificates, Key: key}, nil
	}
	template := p.template(1, time.Time{})
	template.IsCA, template.BasicConstraintsValid = false, true
	template.NotAfter = template.NotBefore.AddDate(10, 0, -2)
	template.ExtKeyUsage = nil
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), deterministic{key})
	if err != nil {
		return Certificate{}, fmt.Errorf("sign own certificate: %w", err)
	}
	return Certificate{Chain: [][]byte{der}, Key: key}, nil
}

// leaf is the certificate that the spec brings, nil for none.
func (p *Persona) leaf() *x509.Certificate {
	if len(p.host.Certificates) == 0 {
		return nil
	}
	leaf, err := x509.ParseCertificate(p.host.Certificates[0])
	if err != nil {
		return nil
	}
	return leaf
}

// Root is the certificate of the site's authority (DER), nil where there is none.
func (p *Persona) Root() []byte {
	if n := len(p.host.Certificates); n > 1 {
		return p.host.Certificates[n-1]
	}
	return nil
}

// template is a certificate of the host from some days or months before its
// last start on, valid for years.
func (p *Persona) template(years int, notBefore time.Time) *x509.Certificate {
	start := p.host.Boot
	if start.IsZero() {
		start = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	}
	if notBefore.IsZero() {
		notBefore = start.Add(-time.Duration(p.Number("tls/issued", 2*24*3600, 200*24*3600)) * time.Second).UTC().Truncate(time.Second)
	}
	subject := pkix.Name{CommonName: strings.ToLower(p.FQDN())}
	names := []string{subject.CommonName}
	if short := strings.ToLower(p.ShortName()); short != subject.CommonName {
		names = append(names, short)
	}
	var ips []net.IP
	if ip := net.ParseIP(p.host.IP); ip != nil && years > 1 {
		ips = append(ips, ip)
	}
	return &x509.Certificate{
		SerialNumber: serial(p.Derive("tls/serial")), Subject: subject, NotBefore: notBefore, NotAfter: notBefore.AddDate(years, 0, 0),
		DNSNames: names, IPAddresses: ips, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// serial is a positive number of 20 octets at most (RFC 5280 section 4.1.2.2).
func serial(random []byte) *big.Int {
	b := append([]byte{}, random[:16]...)
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

// deterministic signs without randomness (RFC 6979): the same certificate
// whenever it is asked for.
type deterministic struct{ *ecdsa.PrivateKey }

func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, opts)
}

// Authority is the certification authority of a site. Providers hold it; a
// decky never sees its key.
type Authority struct {
	key    *ecdsa.PrivateKey
	secret []byte
}

// AuthorityLabel is the label of the installation's secret that an authority is
// made of.
const AuthorityLabel = "site/authority"

// SiteLabel is the label of the installation's secret that Host.Site is made of.
const SiteLabel = "site"

// NewAuthority is the authority that secret, at least 32 bytes, makes.
func NewAuthority(secret []byte) (*Authority, error) {
	if len(secret) < 32 {
		return nil, errors.New("make the site's authority: its secret is too short")
	}
	key, err := (&Persona{host: decky.Host{Key: secret}}).ECDSA("authority")
	if err != nil {
		return nil, fmt.Errorf("make the site's authority: %w", err)
	}
	return &Authority{key: key, secret: secret}, nil
}

// Issue signs the certificate of host, whose key, boot time and names are set:
// what Host.Certificates holds. The same host has the same certificate.
func (a *Authority) Issue(host decky.Host) ([][]byte, error) {
	p := New(host)
	key, err := p.ECDSA(tlsLabel)
	if err != nil {
		return nil, err
	}
	root, err := a.root(p)
	if err != nil {
		return nil, err
	}
	parent, err := x509.ParseCertificate(root)
	if err != nil {
		return nil, fmt.Errorf("read the site's certificate: %w", err)
	}
	template := p.template(2, time.Time{})
	template.AuthorityKeyId, template.SubjectKeyId = parent.SubjectKeyId, keyID(&key.PublicKey)
	leaf, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), deterministic{a.key})
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", host.Address, err)
	}
	return [][]byte{leaf, root}, nil
}

// root is the authority's own certificate, named after the domain of p.
func (a *Authority) root(p *Persona) ([]byte, error) {
	site := New(decky.Host{Key: a.secret})
	name := pkix.Name{CommonName: SiteName(p.domain()) + " " + []string{"Internal CA", "Root CA", "Issuing CA 1", "Internal Root CA"}[site.Number("ca/name", 0, 3)]}
	if p.domain() != "" {
		name.Organization = []string{SiteName(p.domain())}
	}
	// A few years old whenever it is looked at; its secret knows no clock.
	from := time.Date(2020, 1, 1, 7, 0, 0, 0, time.UTC).Add(time.Duration(site.Number("ca/from", 0, 900*24*3600)) * time.Second)
	template := &x509.Certificate{
		SerialNumber: serial(site.Derive("ca/serial/" + p.domain())), Subject: name, NotBefore: from, NotAfter: from.AddDate(20, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: keyID(&a.key.PublicKey),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), deterministic{a.key})
	if err != nil {
		return nil, fmt.Errorf("sign the site's certificate: %w", err)
	}
	return der, nil
}

// SiteName is how a site is called that has a domain: "corp.example" is "Corp"; "LAN"
// without one.
func SiteName(domain string) string {
	labels := strings.Split(strings.Trim(strings.ToLower(domain), "."), ".")
	name := labels[0]
	if n := len(labels); n >= 2 {
		name = labels[n-2]
	}
	switch name {
	case "", "localdomain", "local", "lan", "home", "internal":
		return "LAN"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// keyID is the identifier of a key: SHA-1 of its bits (RFC 5280 section 4.2.1.2).
func keyID(key *ecdsa.PublicKey) []byte {
	bits, err := key.Bytes()
	if err != nil { // no point on P-256: none of ours
		return nil
	}
	sum := sha1.Sum(bits)
	return sum[:]
}
