package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"time"
)

// NginxTLS is Nginx with TLS on 443: a certificate of name's with an RSA key of
// 2048 bits, signed by a CA of the lab's.
func NginxTLS(name string, files Files) Kind {
	return nginxTLS(files, func() (chain, key []byte, err error) { return certificate(name) })
}

// NginxWith is Nginx with TLS on 443 and this certificate and key, both PEM.
func NginxWith(chain, key []byte, files Files) Kind {
	return nginxTLS(files, func() ([]byte, []byte, error) { return chain, key, nil })
}

func nginxTLS(files Files, certified func() (chain, key []byte, err error)) Kind {
	return nginx(443, " ssl", files, func(_ context.Context, dir string) (string, error) {
		chain, key, err := certified()
		if err != nil {
			return "", err
		}
		if err := write(dir, "chain.pem", "%s", chain); err != nil {
			return "", err
		}
		if err := write(dir, "key.pem", "%s", key); err != nil {
			return "", err
		}
		return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;", filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")), nil
	})
}

// certificate makes a certificate and the CA that signed it, and its key.
func certificate(name string) (chain, key []byte, err error) {
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	leaf, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Lab CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, root, &leaf.PublicKey, authority)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(leaf)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), nil
}
