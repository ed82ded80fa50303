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
	if err := s.prepare(); err != nil {
		dsn.Refuse("prefix", "must not hold a colon, unless colon_prefix=allow is given")
	}
	s.version = dsn.Int("version", s.version, -1<<31, 1<<31-1)
	s.ttl = dsn.TTL("ttl", s.ttl)
	s.jitter = dsn.Float("jitter", s.jitter, 0, 1)
	s.opTimeout = dsn.Duration("op_timeout", s.opTimeout)
	if require := dsn.Text("require", ""); require != "" {
		if err := Require(strings.Split(require, ",")...)(s); err != nil {
			dsn.Refuse("require", "takes a list of "+knownNeeds())
		}
	}
	s.readCodec(dsn)
}

func (s *settings) readCodec(dsn *driver.DSN) {
	const defaultCompressMin, defaultMaxValue = 256, 64 << 20
	config := codec.Config{
		CompressMin: int(dsn.Size("compress_min", defaultCompressMin)),
		MaxValue:    int(dsn.Size("max_value", defaultMaxValue)),
	}
	if config.MaxValue == 0 {
		dsn.Refuse("max_value", "must be at least 1")
	}
	if dsn.Word("format", "plain", "plain", "tagged") == "tagged" {
		config.Format = codec.Tagged
	}
	var err error
	config.Serializers, config.Compressors, err = codec.Parse(dsn.Text("serializer", "json"), dsn.Text("compressor", ""))
	if err != nil {
		dsn.Refuse("serializer", "or compressor is refused: "+trimPrefix(err))
	}
	if dsn.Err() != nil {
		return
	}
	chain, err := codec.New(config)
	if err != nil {
		dsn.Refuse("serializer", "and compressor are refused together: "+trimPrefix(err))
		return
	}
	s.chain = chain
}
