package boltdriver

import (
	"errors"
	"io/fs"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/xcache-go/xcache/driver"
)

// A file says which file to open, and how.
type file struct {
	path    string
	bucket  []byte
	options bolt.Options
}

// open opens the file, and makes what is not there yet. It waits for the lock of
// another process for as long as the options say.
func (f *file) open() (*bolt.DB, error) {
	db, err := bolt.Open(f.path, 0o600, &f.options) // for the user of the program alone
	if err != nil {
		return nil, err
	}
	if err := db.Update(func(tx *bolt.Tx) error { return makeBuckets(tx, f.bucket) }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// failure says an error of bbolt, or of the file system, in the words of package driver.
func failure(outcome driver.Outcome, err error) error {
	kind := driver.ErrUnavailable
	switch {
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		// bbolt finds that out before it writes.
		kind, outcome = driver.ErrOutOfMemory, driver.NotApplied
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		kind = driver.ErrOutOfMemory
	case errors.Is(err, syscall.EROFS):
		kind = driver.ErrReadOnly
	case errors.Is(err, fs.ErrPermission):
		kind = driver.ErrAuth
	case errors.Is(err, bolterrors.ErrTimeout):
		err = errors.New("another process has the file open")
	}
	return driver.Fail(kind, outcome, err)
}
