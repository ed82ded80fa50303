package failure_test

import (
	"crypto/tls"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/failure"
)

func TestOneSideWithoutTLS(t *testing.T) {
	alert := failure.OfFirstRead([]byte{21, 3, 1, 0, 2, 2, 70}, nil)
	require.ErrorContains(t, alert, "rediss://")
	require.True(t, failure.IsTLS(alert))
	for _, err := range []error{io.EOF, syscall.ECONNRESET} {
		hungUp := failure.OfFirstRead(nil, err)
		require.ErrorContains(t, hungUp, "valkeys://")
		require.ErrorIs(t, hungUp, err)
		require.False(t, failure.IsTLS(hungUp), "it may be something that passes")
	}
	require.NoError(t, failure.OfFirstRead([]byte("+OK\r\n"), nil))
	require.Equal(t, os.ErrDeadlineExceeded, failure.OfFirstRead(nil, os.ErrDeadlineExceeded))

	for err, certain := range map[error]bool{tls.RecordHeaderError{Msg: "not TLS"}: true, io.EOF: false, os.ErrDeadlineExceeded: false} {
		refused := failure.OfHandshake(err)
		require.ErrorContains(t, refused, "redis:// or valkey://")
		require.ErrorIs(t, refused, err)
		require.Equal(t, certain, failure.IsTLS(refused))
	}
	verification := &tls.CertificateVerificationError{Err: io.ErrNoProgress}
	require.Equal(t, error(verification), failure.OfHandshake(verification))
}
