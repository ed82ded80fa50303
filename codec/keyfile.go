package codec

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// longestKeyFile is the limit, in bytes, of a file of keys.
const longestKeyFile = 1 << 20

// ReadKeyRing returns a key ring from a file with one key on each line, in base64. The
// first key writes. Empty lines, and lines that start with #, are ignored. The command
// openssl rand -base64 32 makes such a line.
//
// A key has 32 or 16 bytes. Any other length is an error that names the line. 24 bytes are
// an error, too, although NewKeyRing accepts 24 bytes: a cut line of a 32-byte key has that
// length. The other rules are the rules of NewKeyRing, and the errors name the line, too. No
// error shows a key. A file that every user of the machine may read is no error: see
// Exposed.
func ReadKeyRing(file string) (*KeyRing, error) {
	text, exposed, err := readKeyFile(file)
	if err != nil {
		return nil, fmt.Errorf("xcache: codec: the file of encryption keys cannot be read: %w", err)
	}
	var keys [][]byte
	var lines []int // line numbers of the keys
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		switch {
		case err != nil:
			return nil, configError("line %d of the file of encryption keys is not base64; make one with: openssl rand -base64 32", number)
		case len(key) != 32 && len(key) != 16:
			return nil, configError("the key on line %d of the file of encryption keys has %d bytes; it must have 32, or 16: the line may have been cut", number, len(key))
		}
		keys = append(keys, key)
		lines = append(lines, number)
	}
	ring, err := newKeyRing(keys, func(i int) string {
		return fmt.Sprintf("the key on line %d of the file of encryption keys", lines[i])
	})
	if err != nil {
		return nil, err
	}
	ring.exposed = exposed
	return ring, nil
}

// Exposed returns an error, for a program to log, if every user of the machine could read
// or write the file of the ring when it was read. Otherwise, and always on Windows, Exposed
// returns nil. An exposed ring works all the same.
func (r *KeyRing) Exposed() error { return r.exposed }

// readKeyFile returns the content of a file, and the error for Exposed.
func readKeyFile(file string) (text string, exposed, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = f.Close() }() // the file was only read
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	const others = 0o006
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&others != 0 {
		exposed = configError("every user of the machine may read or change the file of encryption keys %q, which has mode %04o; use chmod 600", file, mode.Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, longestKeyFile+1))
	if err == nil && len(content) > longestKeyFile {
		err = fmt.Errorf("it is longer than %d bytes", longestKeyFile)
	}
	return string(content), exposed, err
}
