package boltdriver

import (
	"context"
	"iter"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// scanPage is how many keys of the file one transaction of a scan looks at. A longer
// transaction keeps bbolt from using the pages again that writers set free meanwhile.
const scanPage = 512

// Scan implements driver.Scanner. The keys are sorted, so that a scan looks at those alone
// that start as the pattern does.
func (s *store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		prefix := pattern
		if special := strings.IndexAny(pattern, `*?[\`); special >= 0 {
			prefix = pattern[:special]
		}
		for next, more := prefix, true; more; {
			var keys []string
			err := s.view(ctx, func(r *records) { keys, next, more = r.page(prefix, next) })
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range keys {
				if !driver.MatchGlob(pattern, key) {
					continue
				}
				if err := ctx.Err(); err != nil {
					yield("", driver.Fail(err, driver.NotApplied, nil))
					return
				}
				if !yield(key, nil) {
					return
				}
			}
		}
	}
}

// page returns the keys with a prefix from one on that have not expired, and where the
// next page begins, if there is one.
func (r *records) page(prefix, from string) (keys []string, next string, more bool) {
	if r.err != nil {
		return nil, "", false
	}
	cursor := r.values.Cursor()
	looked := 0
	for at, stored := cursor.Seek([]byte(from)); at != nil && strings.HasPrefix(string(at), prefix); at, stored = cursor.Next() {
		if looked == scanPage {
			return keys, string(at), true
		}
		looked++
		if found, ok := r.decode(stored); ok && !found.expired(r.now) {
			keys = append(keys, string(at))
		}
	}
	return keys, "", false
}

// Flush implements driver.Flusher. It empties the bucket of the cache, and leaves the
// other buckets of the file alone.
func (s *store) Flush(ctx context.Context) error {
	return s.update(ctx, func(r *records) error {
		r.empty(s.file.bucket)
		return nil
	})
}

func (r *records) empty(name []byte) {
	if r.err != nil {
		return
	}
	tx := r.values.Tx()
	r.change(tx.DeleteBucket(name))
	r.change(makeBuckets(tx, name))
	if bucket := tx.Bucket(name); bucket != nil { // for the jobs behind this one
		r.values, r.deadlines = bucket.Bucket(valuesName), bucket.Bucket(deadlinesName)
	}
}
