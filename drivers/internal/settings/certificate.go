package settings

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
)

// A certificate is the client's certificate and key in two files, which may change while
// the program runs.
type certificate struct {
	certFile, keyFile string

	mu        sync.Mutex
	cert, key []byte // the contents of the files
	pair      *tls.Certificate
}

// readCertificate reads the files.
func readCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.read()
}

// read reads the files. The old pair stays if the contents have not changed.
func (c *certificate) read() error {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return err
	}
	if c.pair != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	c.cert, c.key, c.pair = cert, key, &pair
	return nil
}

// forServer is tls.Config.GetClientCertificate. The old pair stays in use while the files
// cannot be read or do not match, as during their replacement.
func (c *certificate) forServer(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.read()
	if err := request.SupportsCertificate(c.pair); err != nil {
		return new(tls.Certificate), nil // as package tls does: the server may accept that
	}
	return c.pair, nil
}

// Format shows nothing of the key.
func (c *certificate) Format(f fmt.State, _ rune) { fmt.Fprint(f, "certificate of ", c.certFile) }
