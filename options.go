package xcache

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache/codec"
)

// An Option configures a Cache, in Open, OpenDSN, New and With. An option wins
// over the DSN parameter of the same meaning.
type Option func(*settings) error

// The defaults of a cache.
const (
	// DefaultTTL is the TTL of writes that name none.
	DefaultTTL = 300 * time.Second
	// DefaultOpTimeout is how long an operation takes at most whose context
	// has no deadline.
	DefaultOpTimeout = 3 * time.Second
)

// settings are the options of one view.
type settings struct {
	layout
	name      string // for errors and observers
	ttl       time.Duration
	jitter    float64
	chain     *codec.Chain
	observer  Observer
	opTimeout time.Duration
	requires  []string
	// keys encrypt values; nil for plain text.
	keys *codec.KeyRing
	// rewrite: values in an old format are written again in the current one.
	rewrite bool
	// readPrimary: reads see what was written before.
	readPrimary bool
}

func defaultSettings() settings {
	return settings{
		layout:    layout{version: 1},
		ttl:       DefaultTTL,
		opTimeout: DefaultOpTimeout,
		chain:     defaultChain(),
	}
}

// headerRoom is more than what a codec's format puts in front of a value.
const headerRoom = 1 << 10

// maxStored returns the length of the longest value as it is stored.
func (s *settings) maxStored() int {
	return s.chain.MaxValue() + headerRoom + codec.SealedOverhead
}

// apply applies options, up to the first that is bad.
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

// WithPrefix sets what the full key of every key starts with. Two caches with
// different prefixes never see each other's keys. It may not hold a colon
// unless WithColonPrefix allows it.
func WithPrefix(prefix string) Option {
	return func(s *settings) error { s.prefix = prefix; return nil }
}

// WithColonPrefix allows colons in the prefix. Clearing prefix a then clears
// keys of prefix a:1 too.
func WithColonPrefix() Option {
	return func(s *settings) error { s.colonPrefix = true; return nil }
}

// WithName sets what errors and observers call the cache, so that those of a
// program with several can be told apart. It is no part of any key.
func WithName(name string) Option {
	return func(s *settings) error { s.name = name; return nil }
}

// WithVersion sets the version that is part of every full key, 1 by default.
// Two versions never see each other's keys.
func WithVersion(version int) Option {
	return func(s *settings) error { s.version = version; return nil }
}

// WithTTL sets the TTL of writes that name none, 300 s by default. It must be
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

// WithJitter shortens the TTL of each write by a random part of it, up to
// fraction (from 0, the default, to 1), so that keys written together do not
// expire together. Expire and ExpireAt on existing keys are exact.
func WithJitter(fraction float64) Option {
	return func(s *settings) error {
		if !(fraction >= 0 && fraction <= 1) {
			return errors.New("xcache: WithJitter needs a fraction from 0 to 1")
		}
		s.jitter = fraction
		return nil
	}
}

// WithCodec sets how values are turned into bytes and back.
func WithCodec(chain *codec.Chain) Option {
	return func(s *settings) error {
		if chain == nil {
			return errors.New("xcache: WithCodec needs a chain, not nil")
		}
		s.chain = chain
		return nil
	}
}

// WithEncryption encrypts values with the first key of a ring, and reads those of
// all its keys, but nothing that is in plain text; nil, the default, encrypts
// nothing. Values are bound to their keys, and the server cannot look into
// them: operations that move a value or count on it (Rename, IncrVersion, Incr,
// IncrInit and their likes) are errors.ErrUnsupported; so are CompareAndSwap and
// CompareAndDelete in a pipeline, and outside of one they read before they write.
// A view with WithEncryption(nil) counts beside one that encrypts, on other keys.
// Open and New tell an EventObserver if the keys come from a file that every user
// of the machine may read (driver.KeyFileExposed). With does not, as views may be
// made for every call: ask KeyRing.Exposed.
func WithEncryption(keys *codec.KeyRing) Option {
	return func(s *settings) error { s.keys = keys; return nil }
}

// WithRewrite writes a value again, in the current format and with the TTL that
// it has left, when Get or GetMany reads it in an old one: through a serializer
// or compressor that is not the first, in the other format, or with an
// encryption key that is not the first. This is done after the read, at most a
// hundred times a second, and only if the value has not changed since
// (CompareAndSwap). What fails is left as it is.
//
// The value is written as the type that it was read as: fields of it that this
// type does not have are lost. So turn it on when every reader knows them all.
func WithRewrite() Option {
	return func(s *settings) error { s.rewrite = true; return nil }
}

// WithKeyFunc replaces the layout of full keys. reverse undoes makeKey: Keys gives
// user keys back by it. The key that both are about begins with the view's
// namespaces. Both must be fit for concurrent use.
//
// Keys, DeletePattern, Clear and ClearAllVersions touch a full key only if reverse
// and makeKey agree that it is of this prefix and version. They are
// errors.ErrUnsupported, before any I/O, for a layout that does not let them tell:
// without reverse, one whose keys are the same for another prefix or version, or
// one that does not put the key at the end.
func WithKeyFunc(makeKey KeyFunc, reverse ReverseKeyFunc) Option {
	return func(s *settings) error {
		if makeKey == nil {
			return errors.New("xcache: WithKeyFunc needs a function that makes keys, not nil")
		}
		s.makeKey, s.reverseKey = makeKey, reverse
		return nil
	}
}

// WithObserver sets who is told about every operation; nil for nobody.
func WithObserver(o Observer) Option {
	return func(s *settings) error { s.observer = o; return nil }
}

// WithOpTimeout sets how long an operation takes at most whose context has no
// deadline, 3 s by default.
func WithOpTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("xcache: WithOpTimeout needs a positive duration")
		}
		s.opTimeout = d
		return nil
	}
}

// ReadPrimary makes reads go to the primary of a store that reads from replicas
// otherwise, where they see all that was written before: by others, and by the
// caller itself. On other stores it changes nothing. As an option of With it
// gives a view for the few reads that need it, beside one for the many that do
// not.
func ReadPrimary() Option {
	return func(s *settings) error { s.readPrimary = true; return nil }
}

// Require makes Open fail when the driver cannot do all of needs: see
// Cache.Require for the words.
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
