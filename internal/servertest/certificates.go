package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are the PEM files of a server with TLS. A single server has files
// of its own; the servers of a group share their files. The server's certificate
// is good for 127.0.0.1, ::1 and localhost.
type Certificates struct {
	// CAFile holds the authority that signed the server's certificate.
	CAFile string
	// OtherCAFile holds an authority that has nothing to do with the server.
	OtherCAFile string
	// ClientCertFile and ClientKeyFile are the certificate and the key of a client
	// that the server accepts.
	ClientCertFile, ClientKeyFile string

	serverCertFile, serverKeyFile string
	config                        *tls.Config
}

// Config returns a copy of a client's configuration that trusts the server and
// presents the client's certificate.
func (c *Certificates) Config() *tls.Config { return c.config.Clone() }

// newCertificates makes all certificates and writes their files into dir.
func newCertificates(dir string) (*Certificates, error) {
	c := &Certificates{
		CAFile:         filepath.Join(dir, "ca.crt"),
		OtherCAFile:    filepath.Join(dir, "other-ca.crt"),
		ClientCertFile: filepath.Join(dir, "client.crt"),
		ClientKeyFile:  filepath.Join(dir, "client.key"),
		serverCertFile: filepath.Join(dir, "server.crt"),
		serverKeyFile:  filepath.Join(dir, "server.key"),
	}
	ca, caErr := newAuthority(c.CAFile)
	_, otherErr := newAuthority(c.OtherCAFile)
	if err := errors.Join(caErr, otherErr); err != nil {
		return nil, err
	}
	if err := errors.Join(
		// A server of a group is also a client of the other servers.
		ca.issue("server", c.serverCertFile, c.serverKeyFile, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth),
		ca.issue("client", c.ClientCertFile, c.ClientKeyFile, x509.ExtKeyUsageClientAuth),
	); err != nil {
		return nil, err
	}
	client, err := tls.LoadX509KeyPair(c.ClientCertFile, c.ClientKeyFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	c.config = &tls.Config{
		RootCAs:      roots,
		Certificates: []tls.Certificate{client},
		ServerName:   host,
		MinVersion:   tls.VersionTLS12,
	}
	return c, nil
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(file string) (*authority, error) {
	template := newTemplate("authority in " + filepath.Base(file))
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key}, writePEM(file, "CERTIFICATE", der)
}

// issue writes a certificate signed by the authority, and its key.
func (a *authority) issue(name, certFile, keyFile string, usage ...x509.ExtKeyUsage) error {
	template := newTemplate(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = usage
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.ParseIP(host), net.IPv6loopback}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(certFile, "CERTIFICATE", certDER),
		writePEM(keyFile, "PRIVATE KEY", keyDER),
	)
}

// newTemplate returns the common part of all certificates. A certificate is
// valid from an hour ago, because clocks differ.
func newTemplate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{Organization: []string{"xcache tests"}, CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
	}
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
