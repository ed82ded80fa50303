package xcache

import (
	"strings"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// read takes the parameters that are the same for every driver from a DSN.
// What is wrong with them is in dsn.Err afterwards.
func (s *settings) read(dsn *driver.DSN) {
	s.prefix = dsn.Text("prefix", s.prefix)
	s.colonPrefix = dsn.Word("colon_prefix", "refuse", "allow", "refuse") == "allow"
	s.version = dsn.Int("version", s.version, -1<<31, 1<<31-1)
	s.ttl = dsn.TTL("ttl", s.ttl)
	s.jitter = dsn.Float("jitter", s.jitter, 0, 1)
	s.opTimeout = dsn.Duration("op_timeout", s.opTimeout)
	if dsn.Has("require") {
		if err := Require(strings.Split(dsn.Text("require", ""), ",")...)(s); err != nil {
			dsn.Refuse("require", "must be a list of words with commas between them; known are "+knownNeeds())
		}
	}
	s.readCodec(dsn)
	s.rewrite = dsn.Word("rewrite", "off", "on", "off") == "on"
	s.readEncryption(dsn)
}

// readEncryption reads the keys from a file, as they must not stand in a DSN.
func (s *settings) readEncryption(dsn *driver.DSN) {
	file := dsn.Text("encryption_keys", "")
	if !dsn.Has("encryption_keys") || dsn.Err() != nil {
		return
	}
	var err error
	if s.keys, err = codec.ReadKeyRing(file); err != nil {
		dsn.Refuse("encryption_keys", "must name a file with a key in base64 on each line: "+trimPrefix(err))
	}
}

func (s *settings) readCodec(dsn *driver.DSN) {
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
