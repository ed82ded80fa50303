package clustered

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// getTTL reads a value and its TTL in one step. The script changes nothing.
const getTTL = `local v = redis.pcall('GET', KEYS[1])
if type(v) == 'table' then return v end
return {v, redis.call('PTTL', KEYS[1])}`

// GetTTL implements driver.Expirer. The value and the TTL of a key are from the same
// moment. Keys of one slot are read in a transaction. A cluster has no transaction over
// several slots, so that a script reads each key there.
func (s *Store) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	if _, same := slotOfKeys(keys); same {
		return s.Operations.GetTTL(ctx, keys, dst)
	}
	b := s.fanOut(ctx, s.router.now(), len(keys))
	defer b.retrier.end()
	for _, key := range keys {
		b.items = append(b.items, item{cmd: getTTLCommand(key), slot: keyslot.Of(key), readOnly: true})
	}
	if err := b.runFrom(false); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = readTTL(b.items[i].cmd)
	}
	return nil
}

func getTTLCommand(key string) *driver.Cmd {
	return driver.NewCmd("EVAL", driver.Literal(getTTL), driver.Int(1), driver.Key(key))
}

// readTTL returns the value and the TTL in a reply to getTTL.
func readTTL(cmd *driver.Cmd) driver.Value {
	v := valueAndTTL(cmd)
	v.Err = unapplied(v.Err)
	return v
}

func valueAndTTL(cmd *driver.Cmd) driver.Value {
	if cmd.Err != nil {
		return driver.Value{Err: cmd.Err}
	}
	pair, err := cmd.Reply.AsArray()
	if err == nil && len(pair) != 2 {
		err = errReply
	}
	if err != nil {
		return driver.Value{Err: err}
	}
	data, err := pair[0].AsBytes()
	if err != nil {
		return driver.Value{Err: err}
	}
	pttl := driver.Cmd{Reply: pair[1]}
	ttl, err := driver.TTLOutcome(&pttl)
	if err != nil {
		return driver.Value{Err: err}
	}
	return driver.Value{Data: data, TTL: ttl}
}
