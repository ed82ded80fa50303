package boltdriver

import (
	"encoding/binary"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/xcache-go/xcache/driver"
)

// The bucket of a cache has two more inside: one with the values by key, each behind its
// deadline, and one without values whose keys are a deadline and the key that then
// expires, so that what has expired is found without looking at all that has not.
var (
	valuesName    = []byte("values")
	deadlinesName = []byte("deadlines")
)

// deadlineLength is that of a deadline in the file: nanoseconds since 1970, big endian;
// 0 is none.
const deadlineLength = 8

// swept is how many expired keys one transaction removes at most.
const swept = 64

func makeBuckets(tx *bolt.Tx, name []byte) error {
	bucket, err := tx.CreateBucketIfNotExists(name)
	if err != nil {
		return err
	}
	_, err = bucket.CreateBucketIfNotExists(valuesName)
	_, deadlinesErr := bucket.CreateBucketIfNotExists(deadlinesName)
	return errors.Join(err, deadlinesErr)
}

// Records are the keys of a cache in one transaction of bbolt, and at one moment.
type records struct {
	values, deadlines *bolt.Bucket
	now               int64
	changed           bool
	// err is the first failure of bbolt. The transaction is rolled back then.
	err error
}

// A record is what a key holds. Its data lasts as long as the transaction.
type record struct {
	data     []byte
	deadline int64
}

func recordsOf(tx *bolt.Tx, name []byte) *records {
	r := &records{now: time.Now().UnixNano()}
	bucket := tx.Bucket(name)
	if bucket != nil {
		r.values, r.deadlines = bucket.Bucket(valuesName), bucket.Bucket(deadlinesName)
	}
	if r.values == nil || r.deadlines == nil {
		r.err = errors.New("the file has lost the bucket of the cache")
	}
	return r
}

// get returns what a key holds, unless it has expired.
func (r *records) get(key string) (record, bool) {
	if r.err != nil {
		return record{}, false
	}
	found, ok := r.decode(r.values.Get([]byte(key)))
	return found, ok && !found.expired(r.now)
}

func (r *records) decode(stored []byte) (record, bool) {
	if stored == nil {
		return record{}, false
	}
	if len(stored) < deadlineLength {
		r.fail(errors.New("the bucket holds what this driver did not write"))
		return record{}, false
	}
	return record{data: stored[deadlineLength:], deadline: int64(binary.BigEndian.Uint64(stored))}, true
}

func (found record) expired(now int64) bool { return found.deadline != 0 && found.deadline <= now }

// ttl returns the time that a record has left.
func (found record) ttl(now int64) time.Duration {
	if found.deadline == 0 {
		return driver.NoExpiry
	}
	return time.Duration(found.deadline - now)
}

// set stores what encode returned. A TTL that has expired removes the key.
func (r *records) set(key string, encoded []byte, ttl time.Duration) {
	var old record
	switch {
	case driver.Expired(ttl):
		r.remove(key)
		return
	case ttl == driver.KeepTTL:
		old, _ = r.get(key)
	}
	r.put(key, encoded, r.deadline(ttl, old))
}

// deadline returns when a TTL that has not expired ends, for a key that holds old.
func (r *records) deadline(ttl time.Duration, old record) int64 {
	switch {
	case ttl == driver.KeepTTL:
		return old.deadline
	case ttl == driver.NoExpiry, r.now+int64(ttl) < r.now: // beyond the year 2262
		return 0
	}
	return r.now + int64(ttl)
}

// encode returns a value with room for a deadline in front of it. bbolt needs the bytes
// until the transaction ends, so that they are a copy.
func encode(value []byte) []byte {
	return append(make([]byte, deadlineLength, deadlineLength+len(value)), value...)
}

// put stores what encode returned, with a deadline.
func (r *records) put(key string, encoded []byte, deadline int64) {
	r.forgetDeadline(key)
	if r.err != nil {
		return
	}
	binary.BigEndian.PutUint64(encoded, uint64(deadline))
	r.change(r.values.Put([]byte(key), encoded))
	if deadline != 0 {
		r.change(r.deadlines.Put(deadlineKey(deadline, key), nil))
	}
}

// remove removes a key, also one that has expired.
func (r *records) remove(key string) {
	if r.forgetDeadline(key) {
		r.change(r.values.Delete([]byte(key)))
	}
}

// forgetDeadline removes the deadline of a key, also one that has expired, and reports
// whether the key is there.
func (r *records) forgetDeadline(key string) bool {
	if r.err != nil {
		return false
	}
	old, ok := r.decode(r.values.Get([]byte(key)))
	if ok && old.deadline != 0 {
		r.change(r.deadlines.Delete(deadlineKey(old.deadline, key)))
	}
	return ok
}

// sweep removes some keys that have expired, the oldest first.
func (r *records) sweep() {
	if r.err != nil {
		return
	}
	var keys []string
	cursor := r.deadlines.Cursor()
	for at, _ := cursor.First(); at != nil && len(keys) < swept; at, _ = cursor.Next() {
		if len(at) < deadlineLength || int64(binary.BigEndian.Uint64(at)) > r.now {
			break
		}
		keys = append(keys, string(at[deadlineLength:]))
	}
	for _, key := range keys {
		r.remove(key)
	}
}

func (r *records) change(err error) {
	r.changed = true
	if err != nil {
		r.fail(err)
	}
}

func (r *records) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func deadlineKey(deadline int64, key string) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, deadlineLength+len(key)), uint64(deadline)), key...)
}
