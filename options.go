package xcache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/keylayout"
)

// An Option configures a Cache, in Open, OpenDSN, New and With. An option overrides the DSN
// parameter of the same meaning.
type Option func(*settings) error

// The defaults of a cache.
const (
	// DefaultTTL is the TTL of writes without a TTL of their own.
	DefaultTTL = 300 * time.Second
	// DefaultOpTimeout is the time limit of an operation whose context has no deadline.
	DefaultOpTimeout = 3 * time.Second
)

// settings are the options of one view.
type settings struct {
	layout    keylayout.Layout
	name      string // for errors and observers
	ttl       time.Duration
	jitter    float64
	chain     *codec.Chain
	observer  Observer
	opTimeout time.Duration
	requires  []string
	// keys encrypt values. Without keys, values are plain text.
	keys *codec.KeyRing
	// rewrite makes reads write values in an old format again, in the current format.
	rewrite bool
	// readPrimary makes reads go to the primary, and so see all earlier writes.
	readPrimary bool
	// onError is what becomes of the failures of the cache.
	onError ErrorPolicy
	// invalidateRetry repeats deletions that fail.
	invalidateRetry bool
	// guarding is the same for all views of a store.
	guarding guarding
	// sliding is the TTL that hits renew, or 0.
	sliding time.Duration
	// loadTimeout is how long a loader may take, or 0.
	loadTimeout time.Duration
	// stale says how values outlive their TTL.
	stale staleness
	// loadWait is how long a load waits for the load of another process, or 0 (OneLoader).
	loadWait time.Duration
	// negativeTTL is for how long a missing value is remembered, or 0.
	negativeTTL time.Duration
}

func defaultSettings() settings {
	return settings{
		layout:    keylayout.Layout{Version: 1},
		ttl:       DefaultTTL,
		opTimeout: DefaultOpTimeout,
		chain:     defaultChain(),
	}
}

// parameters read the DSN parameters that are the same for every driver. Each function is
// below the option of the same meaning.
var parameters = []func(*settings, *driver.DSN){
	readPrefix, readColonPrefix, readKeyVersion, readDefaultTTL, readJitter, readOpTimeout, readRequire, readCodec, readRewrite, readEncryption,
	readOnError, readBreaker, readMaxInFlight, readInvalidate,
}

// read takes the parameters from a DSN. dsn.Err has the error of a bad parameter
// afterwards.
func (s *settings) read(dsn *driver.DSN) {
	for _, read := range parameters {
		read(s, dsn)
	}
}

// headerRoom is more than the length of any header that a codec's format writes, and of all
// tags of a value.
const headerRoom = 1<<10 + maxTags*(maxTagLength+1<<5)

// maxStored returns the length of the longest stored value.
func (s *settings) maxStored() int {
	return s.chain.MaxValue() + headerRoom + codec.SealedOverhead
}

// apply applies options, up to the first bad option.
func (s *settings) apply(opts []Option) error {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(s); err != nil {
			return err
		}
	}
	return nil
}

// defaultChain is JSON, uncompressed.
func defaultChain() *codec.Chain {
	chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.JSON}})
	if err != nil {
		panic("xcache: the default codec: " + err.Error())
	}
	return chain
}

// WithPrefix sets the prefix of every full key. Two caches with different prefixes never
// see each other's keys. The prefix may hold no colon unless WithColonPrefix allows colons.
func WithPrefix(prefix string) Option {
	return func(s *settings) error { s.layout.Prefix = prefix; return nil }
}

func readPrefix(s *settings, dsn *driver.DSN) { s.layout.Prefix = dsn.Text("prefix", s.layout.Prefix) }

// WithColonPrefix allows colons in the prefix. Clearing prefix a then also clears the keys
// of prefix a:1.
func WithColonPrefix() Option {
	return func(s *settings) error { s.layout.ColonPrefix = true; return nil }
}

func readColonPrefix(s *settings, dsn *driver.DSN) {
	s.layout.ColonPrefix = dsn.Word("colon_prefix", "refuse", "allow", "refuse") == "allow"
}

// WithName sets the name of the cache in errors and for observers, so that a program can
// tell several caches apart. The name is no part of any key.
func WithName(name string) Option {
	return func(s *settings) error { s.name = name; return nil }
}

// WithVersion sets the version in every full key, 1 by default. Two versions never see each
// other's keys.
func WithVersion(version int) Option {
	return func(s *settings) error { s.layout.Version = version; return nil }
}

func readKeyVersion(s *settings, dsn *driver.DSN) {
	s.layout.Version = dsn.Int("version", s.layout.Version, -1<<31, 1<<31-1)
}

// WithTTL sets the TTL of writes without a TTL of their own, 300 s by default. d must be
// positive, or NoExpiry.
func WithTTL(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("xcache: WithTTL needs a positive duration, or NoExpiry")
		}
		s.ttl = d
		return nil
	}
}

func readDefaultTTL(s *settings, dsn *driver.DSN) { s.ttl = dsn.TTL("ttl", s.ttl) }

// WithJitter shortens the TTL of each write by a random part, up to fraction (from 0, the
// default, to 1), so that keys written together do not expire together. Expire and ExpireAt
// on existing keys are exact.
func WithJitter(fraction float64) Option {
	return func(s *settings) error {
		if !(fraction >= 0 && fraction <= 1) {
			return errors.New("xcache: WithJitter needs a fraction from 0 to 1")
		}
		s.jitter = fraction
		return nil
	}
}

func readJitter(s *settings, dsn *driver.DSN) { s.jitter = dsn.Float("jitter", s.jitter, 0, 1) }

// WithCodec sets the codec that encodes and decodes values.
func WithCodec(chain *codec.Chain) Option {
	return func(s *settings) error {
		if chain == nil {
			return errors.New("xcache: WithCodec needs a chain, not nil")
		}
		s.chain = chain
		return nil
	}
}

// readCodec reads serializer, compressor, compress_min, max_value and format, and makes a
// chain of them.
func readCodec(s *settings, dsn *driver.DSN) {
	config := codec.Config{
		CompressMin: readSize(dsn, "compress_min", codec.DefaultCompressMin),
		MaxValue:    readSize(dsn, "max_value", codec.DefaultMaxValue),
	}
	if config.CompressMin == 0 {
		config.CompressMin = codec.CompressAlways // 0 is the default size in Config
	}
	if config.MaxValue == 0 {
		dsn.Refuse("max_value", "must be at least 1")
	}
	if dsn.Word("format", "plain", "plain", "tagged") == "tagged" {
		config.Format = codec.Tagged
	}
	var err error
	if config.Serializers, _, err = codec.Parse(dsn.Text("serializer", "json"), ""); err != nil {
		dsn.Refuse("serializer", "is refused: "+trimPrefix(err))
	} else if len(config.Serializers) == 0 {
		dsn.Refuse("serializer", "is empty; write json, or leave it out")
	}
	if _, config.Compressors, err = codec.Parse("", dsn.Text("compressor", "")); err != nil {
		dsn.Refuse("compressor", "is refused: "+trimPrefix(err))
	} else if (len(config.Compressors) == 0 || config.Compressors[0] == codec.None) && dsn.Has("compress_min") {
		dsn.Refuse("compress_min", "needs a compressor that writes, such as compressor=gzip")
	}
	if dsn.Err() != nil {
		return
	}
	chain, err := codec.New(config)
	if err != nil {
		dsn.Refuse("serializer", "is refused with what else was given: "+trimPrefix(err))
		return
	}
	s.chain = chain
}

// readSize is dsn.Size for a size that must fit an int.
func readSize(dsn *driver.DSN, name string, def int64) int {
	n := dsn.Size(name, def)
	if int64(int(n)) != n {
		dsn.Refuse(name, "is more than this machine can address")
	}
	return int(n)
}

// WithEncryption encrypts values with the first key of a ring, and decrypts values of every
// key of the ring. Plain text is not accepted. nil, the default, encrypts nothing. A view
// with WithEncryption(nil) can count, on other keys, beside a view that encrypts.
//
// Values are bound to their keys, and the server cannot read values. Operations that move a
// value or count (Rename, IncrVersion, Incr, IncrInit and similar) are therefore
// errors.ErrUnsupported. CompareAndSwap and CompareAndDelete are errors.ErrUnsupported in a
// pipeline. Outside of a pipeline, both read before they write.
//
// Open and New tell an EventObserver if every user of the machine may read the file of the
// keys (driver.KeyFileExposed). With does not, because programs may make views for every
// call: KeyRing.Exposed reports the same.
func WithEncryption(keys *codec.KeyRing) Option {
	return func(s *settings) error { s.keys = keys; return nil }
}

// readEncryption reads the keys from a file, because keys must not be in a DSN.
func readEncryption(s *settings, dsn *driver.DSN) {
	file := dsn.Text("encryption_keys", "")
	if !dsn.Has("encryption_keys") || dsn.Err() != nil {
		return
	}
	var err error
	if s.keys, err = codec.ReadKeyRing(file); err != nil {
		dsn.Refuse("encryption_keys", "must name a file with a key in base64 on each line: "+trimPrefix(err))
	}
}

// AsMembers makes a view whose values are members of sets and sorted sets. Equal values
// have equal bytes, because a server compares bytes. Members are encoded by the view's
// codec, but never compressed. ErrUnsupportedValue is the error with a first serializer
// that may encode a value differently each time (gob), and with encryption, which always
// does. AsMembers uses the codec and the encryption of the options before it.
func AsMembers() Option {
	return func(s *settings) error {
		if s.keys != nil {
			return fmt.Errorf("xcache: AsMembers: %w: encryption writes a value differently each time, and a member of a set is found by its bytes; use a view with WithEncryption(nil)", ErrUnsupportedValue)
		}
		chain, err := s.chain.Members()
		if err != nil {
			return err
		}
		s.chain = chain
		return nil
	}
}

// WithRewrite makes Get and GetMany write values in an old format again. The new value has
// the current format and the remaining TTL. A value is in an old format if its serializer,
// compressor or encryption key is not the first, or if it is in the other format. A rewrite
// runs after the read, at most a hundred times a second, and only if the value has not
// changed (CompareAndSwap). A failed rewrite leaves the value unchanged.
//
// The value is written as the type of the read, and loses fields that this type does not
// have. WithRewrite is therefore safe only when every reader knows all fields.
func WithRewrite() Option {
	return func(s *settings) error { s.rewrite = true; return nil }
}

func readRewrite(s *settings, dsn *driver.DSN) {
	s.rewrite = dsn.Word("rewrite", "off", "on", "off") == "on"
}

// WithKeyFunc replaces the layout of full keys. reverse undoes makeKey, so that Keys can
// return user keys. The user's key in both functions begins with the view's namespaces.
// Both functions may be called concurrently.
//
// Keys, DeletePattern, Clear and ClearAllVersions use a full key only if reverse and
// makeKey agree on its prefix and version. Some layouts hide the prefix and version: a
// layout without reverse, a layout with equal keys for different prefixes or versions, and
// a layout whose key is not at the end. With such a layout, these operations are
// errors.ErrUnsupported before any I/O. Without reverse, a reply that names a key which the
// operation was not given, such as KEYS of a script, has no user key: see Op.UserKey.
func WithKeyFunc(makeKey KeyFunc, reverse ReverseKeyFunc) Option {
	return func(s *settings) error {
		if makeKey == nil {
			return errors.New("xcache: WithKeyFunc needs a function that makes keys, not nil")
		}
		s.layout.Make, s.layout.Reverse = makeKey, reverse
		return nil
	}
}

// WithObserver sets the observer of every operation. nil is no observer.
func WithObserver(o Observer) Option {
	return func(s *settings) error { s.observer = o; return nil }
}

// WithOpTimeout sets the time limit of an operation whose context has no deadline, 3 s by
// default. A store that bounds its calls itself keeps its own limit if that is shorter: the
// stores of redis.Open and valkey.Open have the op_timeout of their DSN, 3 s by default.
func WithOpTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("xcache: WithOpTimeout needs a positive duration")
		}
		s.opTimeout = d
		return nil
	}
}

func readOpTimeout(s *settings, dsn *driver.DSN) {
	s.opTimeout = dsn.Duration("op_timeout", s.opTimeout)
}

// ReadPrimary makes reads go to the primary of a store that otherwise reads from replicas.
// Reads of the primary see all earlier writes, of all callers. On other stores, ReadPrimary
// has no effect. With(ReadPrimary()) gives a view for the few reads that need the primary.
func ReadPrimary() Option {
	return func(s *settings) error { s.readPrimary = true; return nil }
}

// Require makes Open fail when the driver lacks one of needs. Cache.Require lists the
// words.
func Require(needs ...string) Option {
	return func(s *settings) error {
		for _, need := range needs {
			if _, ok := needsByName[need]; !ok {
				return fmt.Errorf("xcache: Require does not know %q; it knows %s", need, knownNeeds())
			}
		}
		s.requires = append(slices.Clip(s.requires), needs...)
		return nil
	}
}

func readRequire(s *settings, dsn *driver.DSN) {
	if !dsn.Has("require") {
		return
	}
	if err := Require(strings.Split(dsn.Text("require", ""), ",")...)(s); err != nil {
		dsn.Refuse("require", "must be a list of words with commas between them; known are "+knownNeeds())
	}
}
