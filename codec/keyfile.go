package codec

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// longestKeyFile is the length, in bytes, of the longest file of keys.
const longestKeyFile = 1 << 20

// ReadKeyRing returns the ring of the keys in a file: one on each line, in
// base64, the one that writes first. Empty lines and those that start with # do
// not count. Such a line is made by: openssl rand -base64 32.
//
// A key has 32 bytes, or 16. Any other length is an error that names the line, also
// 24, which NewKeyRing takes: it is what a key of 32 bytes becomes whose line was
// cut. Keys must be as NewKeyRing wants them, and its errors name the line, too. No
// error shows a key. A file that every user of the machine may read is no error: ask
// Exposed.
func ReadKeyRing(file string) (*KeyRing, error) {
	text, exposed, err := readKeyFile(file)
	if err != nil {
		return nil, fmt.Errorf("xcache: codec: the file of encryption keys cannot be read: %w", err)
	}
	var keys [][]byte
	var lines []int // of the keys
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

// Exposed returns an error, which a program may log, if the ring was read from a
// file that every user of the machine could read or write at that time, and nil
// otherwise; always nil on Windows, whose permissions are others. The ring is good
// nevertheless.
func (r *KeyRing) Exposed() error { return r.exposed }

// readKeyFile returns what is in a file and the warning of Exposed.
func readKeyFile(file string) (text string, exposed, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
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
