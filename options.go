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
	layout    keylayout.Layout
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
		layout:    keylayout.Layout{Version: 1},
		ttl:       DefaultTTL,
		opTimeout: DefaultOpTimeout,
		chain:     defaultChain(),
	}
}

// parameters read the words of a DSN that are the same for every driver. Each stands
// behind the option of the same meaning.
var parameters = []func(*settings, *driver.DSN){
	readPrefix, readColonPrefix, readKeyVersion, readDefaultTTL, readJitter, readOpTimeout, readRequire, readCodec, readRewrite, readEncryption,
}

// read takes the parameters from a DSN. What is wrong with them is in dsn.Err
// afterwards.
func (s *settings) read(dsn *driver.DSN) {
	for _, read := range parameters {
		read(s, dsn)
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
	return func(s *settings) error { s.layout.Prefix = prefix; return nil }
}

func readPrefix(s *settings, dsn *driver.DSN) { s.layout.Prefix = dsn.Text("prefix", s.layout.Prefix) }

// WithColonPrefix allows colons in the prefix. Clearing prefix a then clears
// keys of prefix a:1 too.
func WithColonPrefix() Option {
	return func(s *settings) error { s.layout.ColonPrefix = true; return nil }
}

func readColonPrefix(s *settings, dsn *driver.DSN) {
	s.layout.ColonPrefix = dsn.Word("colon_prefix", "refuse", "allow", "refuse") == "allow"
}

// WithName sets what errors and observers call the cache, so that those of a
// program with several can be told apart. It is no part of any key.
func WithName(name string) Option {
	return func(s *settings) error { s.name = name; return nil }
}

// WithVersion sets the version that is part of every full key, 1 by default.
// Two versions never see each other's keys.
func WithVersion(version int) Option {
	return func(s *settings) error { s.layout.Version = version; return nil }
}

func readKeyVersion(s *settings, dsn *driver.DSN) {
	s.layout.Version = dsn.Int("version", s.layout.Version, -1<<31, 1<<31-1)
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

func readDefaultTTL(s *settings, dsn *driver.DSN) { s.ttl = dsn.TTL("ttl", s.ttl) }

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

func readJitter(s *settings, dsn *driver.DSN) { s.jitter = dsn.Float("jitter", s.jitter, 0, 1) }

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

// readCodec reads serializer, compressor, compress_min, max_value and format, which make
// a chain together.
func readCodec(s *settings, dsn *driver.DSN) {
	config := codec.Config{
		CompressMin: readSize(dsn, "compress_min", codec.DefaultCompressMin),
		MaxValue:    readSize(dsn, "max_value", codec.DefaultMaxValue),
	}
	if config.CompressMin == 0 {
		config.CompressMin = codec.CompressAlways // which Config says otherwise
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

// readSize is dsn.Size for what must fit an int.
func readSize(dsn *driver.DSN, name string, def int64) int {
	n := dsn.Size(name, def)
	if int64(int(n)) != n {
		dsn.Refuse(name, "is more than this machine can address")
	}
	return int(n)
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

// AsMembers makes a view whose values are members of sets and sorted sets: equal ones
// are equal to the byte, as a server compares them. They are encoded as the view's codec
// encodes values, but never compressed. A codec whose first serializer may write a value
// differently each time (gob), and encryption, which always does, are ErrUnsupportedValue.
// It counts for the codec and the encryption of the options before it.
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

// readEncryption reads the keys from a file, as they must not stand in a DSN.
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

func readRewrite(s *settings, dsn *driver.DSN) {
	s.rewrite = dsn.Word("rewrite", "off", "on", "off") == "on"
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
		s.layout.Make, s.layout.Reverse = makeKey, reverse
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

func readOpTimeout(s *settings, dsn *driver.DSN) {
	s.opTimeout = dsn.Duration("op_timeout", s.opTimeout)
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

func readRequire(s *settings, dsn *driver.DSN) {
	if !dsn.Has("require") {
		return
	}
	if err := Require(strings.Split(dsn.Text("require", ""), ",")...)(s); err != nil {
		dsn.Refuse("require", "must be a list of words with commas between them; known are "+knownNeeds())
	}
}
