package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
)

//go:generate go run ../internal/twins -type Hashes -twin QueuedHashes -receiver q -pipeline q.p -handle q.h -out hashes_queued.go

// Hashes are hashes: fields, which are plain text, with values of type V. Hashes suit
// carts, counters by name, and attributes that are read and written one by one.
//
// Integers are stored as decimal text with every codec, so that HIncrBy works on them. All
// methods may be called concurrently. NewHashes makes a Hashes.
type Hashes[V any] struct {
	cache *xcache.Cache
}

// QueuedHashes has the methods of Hashes in a pipeline, except HScan: see Hashes.In.
type QueuedHashes[V any] struct {
	p *xcache.Pipeline
	h *Hashes[V]
}

// NewHashes returns a handle on the hashes of a cache. A driver without hashes is
// errors.ErrUnsupported.
func NewHashes[V any](c *xcache.Cache) (*Hashes[V], error) {
	c, err := supported(c, "hashes")
	if err != nil {
		return nil, err
	}
	return &Hashes[V]{c}, nil
}

// In returns the handle whose methods queue their operations in p.
func (h *Hashes[V]) In(p *xcache.Pipeline) QueuedHashes[V] { return QueuedHashes[V]{p, h} }

// WithTx returns a handle that reads in a transaction: see xcache.Cache.WithTx.
func (h *Hashes[V]) WithTx(tx *xcache.Tx) *Hashes[V] {
	in := *h
	in.cache = h.cache.WithTx(tx)
	return &in
}

// A FieldValue is a field of a hash and its value.
type FieldValue[V any] struct {
	Field string
	Value V
}

// HSet stores value in a field, and reports whether the field is new. HSet creates a
// missing hash. The field loses its TTL.
func (h *Hashes[V]) HSet(ctx context.Context, key, field string, value V) (bool, error) {
	return xcache.Run(ctx, h.set("hset", "HSET", key, field, value), readFlag)
}

// HSetMany stores a value in each of the fields, in one step, and returns the number of new
// fields.
func (h *Hashes[V]) HSetMany(ctx context.Context, key string, values map[string]V) (int, error) {
	return xcache.Run(ctx, h.setMany(key, values), readInt)
}

// HSetNX stores value in a field that does not exist, and reports whether the value was
// stored.
func (h *Hashes[V]) HSetNX(ctx context.Context, key, field string, value V) (bool, error) {
	return xcache.Run(ctx, h.set("hsetnx", "HSETNX", key, field, value), readFlag)
}

// HGet returns the value of a field. A missing field is xcache.ErrNotFound.
func (h *Hashes[V]) HGet(ctx context.Context, key, field string) (V, error) {
	return xcache.Run(ctx, h.op("hget", "HGET", key).Field(field), readOne[V])
}

// HMGet returns the values of the existing fields among fields.
func (h *Hashes[V]) HMGet(ctx context.Context, key string, fields ...string) (map[string]V, error) {
	return xcache.Run(ctx, addFields(h.op("hmget", "HMGET", key), fields), readFieldsFound[V])
}

// HGetAll returns all fields with their values. HScan is better for a large hash.
func (h *Hashes[V]) HGetAll(ctx context.Context, key string) (map[string]V, error) {
	return xcache.Run(ctx, h.op("hgetall", "HGETALL", key), readFieldMap[V])
}

// HDel removes fields, and returns the number of removed fields.
func (h *Hashes[V]) HDel(ctx context.Context, key string, fields ...string) (int, error) {
	return xcache.Run(ctx, addFields(h.op("hdel", "HDEL", key), fields), readInt)
}

// HLen returns the number of fields, 0 without a hash.
func (h *Hashes[V]) HLen(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, h.op("hlen", "HLEN", key), readInt)
}

// HKeys returns the fields, in no order.
func (h *Hashes[V]) HKeys(ctx context.Context, key string) ([]string, error) {
	return xcache.Run(ctx, h.op("hkeys", "HKEYS", key), readTexts)
}

// HVals returns the values of all fields, in no order.
func (h *Hashes[V]) HVals(ctx context.Context, key string) ([]V, error) {
	return xcache.Run(ctx, h.op("hvals", "HVALS", key), readAll[V])
}

// HExists reports whether a field exists.
func (h *Hashes[V]) HExists(ctx context.Context, key, field string) (bool, error) {
	return xcache.Run(ctx, h.op("hexists", "HEXISTS", key).Field(field), readFlag)
}

// HIncrBy adds delta, which may be negative, to the integer in a field, and returns the
// sum. A missing field counts as 0. A value that is no integer is xcache.ErrWrongType, and
// a sum beyond 64 bits is xcache.ErrOverflow; both leave the value. A cache that encrypts
// is errors.ErrUnsupported.
func (h *Hashes[V]) HIncrBy(ctx context.Context, key, field string, delta int64) (int64, error) {
	return xcache.Run(ctx, h.op("hincrby", "HINCRBY", key).Counts().Field(field).Int(delta), readInt64)
}

// HIncrByFloat adds delta to the number in a field: see HIncrBy.
func (h *Hashes[V]) HIncrByFloat(ctx context.Context, key, field string, delta float64) (float64, error) {
	return xcache.Run(ctx, h.op("hincrbyfloat", "HINCRBYFLOAT", key).Counts().Field(field).Float(delta), readFloat)
}

// HStrLen returns the number of bytes of the stored value of a field, 0 for a missing
// field.
func (h *Hashes[V]) HStrLen(ctx context.Context, key, field string) (int, error) {
	return xcache.Run(ctx, h.op("hstrlen", "HSTRLEN", key).Field(field), readInt)
}

// HRandField returns a random field. A missing hash is xcache.ErrNotFound.
func (h *Hashes[V]) HRandField(ctx context.Context, key string) (string, error) {
	return xcache.Run(ctx, h.op("hrandfield", "HRANDFIELD", key), readText)
}

// HRandFieldCount returns at most count different random fields. A negative count returns
// -count fields, which may repeat.
func (h *Hashes[V]) HRandFieldCount(ctx context.Context, key string, count int) ([]string, error) {
	return xcache.Run(ctx, h.op("hrandfield", "HRANDFIELD", key).Int(int64(count)), readTexts)
}

// HRandFieldValues is HRandFieldCount with the values of the fields.
func (h *Hashes[V]) HRandFieldValues(ctx context.Context, key string, count int) ([]FieldValue[V], error) {
	return xcache.Run(ctx, h.op("hrandfield", "HRANDFIELD", key).Int(int64(count)).Word("WITHVALUES"), readFieldValues[V])
}

// HScan returns the fields of a hash with their values, in pieces, so that a large hash
// delays no other call. A field that is in the hash all the time is yielded at least once,
// and may be yielded again. A field that is added or removed meanwhile may be yielded or
// not. An error ends the loop. The error is xcache.ErrUnavailable if another server has the
// key meanwhile, after a failover or a move of its slot.
func (h *Hashes[V]) HScan(ctx context.Context, key string, options ScanOptions) iter.Seq2[FieldValue[V], error] {
	return func(yield func(FieldValue[V], error) bool) {
		scan(ctx, h.cache, "hscan", "HSCAN", key, options, readFieldValuesOf[V], yield)
	}
}

func (h *Hashes[V]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(h.cache, name, command, key)
}

func (h *Hashes[V]) set(name, command, key, field string, value V) *xcache.Op {
	o := h.op(name, command, key).Field(field)
	xcache.AddValue(o, value)
	return o
}

func (h *Hashes[V]) setMany(key string, values map[string]V) *xcache.Op {
	return addFieldValues(h.op("hset", "HSET", key), values)
}

func addFieldValues[V any](o *xcache.Op, values map[string]V) *xcache.Op {
	if len(values) == 0 {
		return o.Fail(syntaxError("there is nothing to store: give it one field at least"))
	}
	for field, value := range values {
		o.Field(field)
		xcache.AddValue(o, value)
	}
	return o
}

func addFields(o *xcache.Op, fields []string) *xcache.Op {
	if len(fields) == 0 {
		return o.Fail(syntaxError("there is no field: give it one at least"))
	}
	for _, field := range fields {
		o.Field(field)
	}
	return o
}
