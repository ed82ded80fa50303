package codec_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// A keyLine is the line of newKey.
func keyLine(n int, first byte) string {
	return base64.StdEncoding.EncodeToString(newKey(n, first)) + "\n"
}

func keyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.NoError(t, os.Chmod(file, mode))
	return file
}

func TestKeysAreReadFromAFile(t *testing.T) {
	newLine, oldLine := keyLine(32, 1), keyLine(16, 2)
	ring, err := codec.ReadKeyRing(keyFile(t, "# new\n"+newLine+"\n# old\r\n"+strings.TrimSpace(oldLine), 0o600))
	require.NoError(t, err)
	require.NoError(t, ring.Exposed())
	before, err := codec.ReadKeyRing(keyFile(t, oldLine, 0o600))
	require.NoError(t, err)
	opened, old, err := ring.Open(nil, before.Seal(nil, []byte("value"), "key"), "key")
	require.NoError(t, err)
	require.True(t, old)
	require.Equal(t, "value", string(opened))
}

// A file that was cut anywhere is refused, unless whole keys are left, and the error
// names the line and no byte of a key.
func TestKeysOfACutFileAreRefused(t *testing.T) {
	text := keyLine(32, 1) + keyLine(32, 2)
	for n := range len(text) + 1 {
		_, err := codec.ReadKeyRing(keyFile(t, text[:n], 0o600))
		if whole := n == 44 || n == 45 || n >= 89; whole {
			require.NoError(t, err, "%d bytes are left", n)
			continue
		}
		require.Error(t, err, "%d bytes are left", n)
		if line := 1 + n/45; n > 0 {
			require.ErrorContains(t, err, map[int]string{1: "line 1 ", 2: "line 2 "}[line], "%d bytes are left", n)
		}
		if n >= 8 {
			require.NotContains(t, err.Error(), text[:8])
		}
	}
	for _, n := range []int{1, 8, 15, 17, 24, 31, 33, 64} {
		_, err := codec.ReadKeyRing(keyFile(t, "# one\n"+keyLine(n, 1), 0o600))
		require.ErrorContains(t, err, "line 2 ", "a key of %d bytes", n)
	}
}

func TestKeysWithoutSecretAreRefused(t *testing.T) {
	for _, b := range []byte{0, 1, 'a', 0xff} {
		for _, n := range []int{16, 32} {
			line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, n))
			_, err := codec.ReadKeyRing(keyFile(t, keyLine(32, 1)+line, 0o600))
			require.ErrorContains(t, err, "the key on line 2 of the file of encryption keys is one byte, repeated")
			require.NotContains(t, err.Error(), line[:8])
		}
		for _, n := range []int{16, 24, 32} {
			_, err := codec.NewKeyRing(newKey(32, 1), bytes.Repeat([]byte{b}, n))
			require.ErrorContains(t, err, "key 2 of the ring is one byte, repeated")
		}
	}
	for _, n := range []int{0, 1, 33} {
		_, err := codec.NewKeyRing(make([]byte, n))
		require.ErrorContains(t, err, "it must have 16, 24 or 32")
	}
}

func TestKeysThatAreThereTwiceAreNamedByTheirLine(t *testing.T) {
	_, err := codec.ReadKeyRing(keyFile(t, "# new\n"+keyLine(32, 1)+"\n"+keyLine(32, 1), 0o600))
	require.ErrorContains(t, err, "the key on line 4 of the file of encryption keys is there twice")
}

func TestFilesOfKeysThatOthersMayReadAreExposed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its permissions are others")
	}
	for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: false, 0o660: false, 0o644: true, 0o666: true, 0o604: true, 0o602: true} {
		ring, err := codec.ReadKeyRing(keyFile(t, keyLine(32, 1), mode))
		require.NoError(t, err, "the ring of a file of mode %o", mode)
		if !exposed {
			require.NoError(t, ring.Exposed(), "mode %o", mode)
			continue
		}
		require.ErrorContains(t, ring.Exposed(), "chmod 600", "mode %o", mode)
		require.NotContains(t, ring.Exposed().Error(), keyLine(32, 1)[:8])
	}
	ring, err := codec.NewKeyRing(newKey(32, 1))
	require.NoError(t, err)
	require.NoError(t, ring.Exposed(), "a ring of no file")
}

func TestFilesOfKeysHaveABound(t *testing.T) {
	_, err := codec.ReadKeyRing(keyFile(t, strings.Repeat("# no key\n", 1<<17), 0o600))
	require.ErrorContains(t, err, "cannot be read")
	_, err = codec.ReadKeyRing(t.TempDir())
	require.ErrorContains(t, err, "cannot be read", "a directory")
}
