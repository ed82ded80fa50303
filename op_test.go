package xcache_test

import (
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// lists is a handle that a program could write on Op.
type lists struct{ cache *xcache.Cache }

func (l lists) push(key string, elements ...string) *xcache.Op {
	o := xcache.NewOp(l.cache, "rpush", "RPUSH", key)
	for _, element := range elements {
		xcache.AddValue(o, element)
	}
	return o
}

func (l lists) all(key string) *xcache.Op {
	return xcache.NewOp(l.cache, "lrange", "LRANGE", key).Int(0).Int(-1)
}

func readLength(o *xcache.Op) (int64, error) { return o.Reply().AsInt() }

func readElements(o *xcache.Op) ([]string, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	var elements []string
	for i := range items {
		element, err := xcache.ReadValue[string](o, &items[i])
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	return elements, nil
}

func TestOperationsOfOthersRunAloneAndInPipelines(t *testing.T) {
	_, c := newFake(t, xcache.WithPrefix("p"))
	l := lists{c}
	n, err := xcache.Run(t.Context(), l.push("list", "a", "b"), readLength)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	p := c.Pipeline()
	pushed := xcache.Queue(p, l.push("list", "c"), readLength)
	listed := xcache.Queue(p, l.all("list"), readElements)
	_, err = listed.Value()
	require.ErrorIs(t, err, xcache.ErrNotExecuted)
	require.NoError(t, p.Exec(t.Context()))
	n, err = pushed.Value()
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	elements, err := listed.Value()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, elements)
}

func TestBadInputOfAnOperationIsItsErrorBeforeIO(t *testing.T) {
	s, c := newFake(t)
	_, err := xcache.Run(t.Context(), lists{c}.push("", "a"), readLength)
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
	o := xcache.NewOp(c, "rpush", "RPUSH", "list")
	xcache.AddValue(o, func() {})
	_, err = xcache.Run(t.Context(), o, readLength)
	require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
	var failed *xcache.OpError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "rpush", failed.Op)
	require.Equal(t, "list", failed.Key)
	require.Zero(t, s.total())
}

func TestCommandsThatNobodyKnowsAreUnsupported(t *testing.T) {
	_, c := newFake(t)
	add := func() *xcache.Op { return xcache.NewOp(c, "bf add", "BF.ADD", "filter").Field("item") }
	_, err := xcache.Run(t.Context(), add(), readLength)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	p := c.Pipeline()
	queued, set := xcache.Queue(p, add(), readLength), xcache.For[string](c).In(p).Set("k", "v")
	require.ErrorIs(t, p.Exec(t.Context()), errors.ErrUnsupported)
	require.ErrorIs(t, queued.Err(), errors.ErrUnsupported)
	require.NoError(t, set.Err())
}

func TestUserKeyAndFullKeys(t *testing.T) {
	_, c := newFake(t, xcache.WithPrefix("p"))
	c = c.Namespace("n")
	o := xcache.NewOp(c, "get", "GET", "k")
	key, ok := o.UserKey("p:1:n:other")
	require.True(t, ok)
	require.Equal(t, "other", key)
	_, ok = o.UserKey("q:1:n:other")
	require.False(t, ok)
}

// A queued operation owns copies of its arguments.
func TestQueuedOperationsOwnTheirInput(t *testing.T) {
	s := newFakeStore(t)
	c := newCache(t, s, xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})))
	p := c.Pipeline()
	value := []byte("value")
	o := xcache.NewOp(c, "rpush", "RPUSH", "list")
	xcache.AddValue(o, value)
	xcache.AddValue(o, value)
	xcache.Queue(p, o, readLength)
	copy(value, "XXXXX")
	require.NoError(t, p.Exec(t.Context()))
	cmd := driver.NewCmd("LRANGE", driver.Key(":1:list"), driver.Int(0), driver.Int(-1))
	require.NoError(t, s.store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
	for _, item := range cmd.Reply.Items {
		require.Equal(t, "value", string(item.Data))
	}
}

// A store with only the four methods runs operations on values and keys, and has no
// transactions.
func TestPipelinesOfAStoreWithoutCommander(t *testing.T) {
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { *caps = driver.Caps{} }
	c := newCache(t, s)
	v := xcache.For[string](c)
	p := c.Pipeline()
	set, added := v.In(p).Set("a", "1", xcache.TTL(time.Hour)), v.In(p).Add("a", "2")
	got, missed := v.In(p).Get("a"), v.In(p).Get("none")
	many, has, ttl, removed := v.In(p).GetMany([]string{"a", "none"}), p.Has("a"), p.TTL("a"), p.Delete("a", "none")
	require.ErrorIs(t, p.Exec(t.Context()), errors.ErrUnsupported, "TTL")
	require.NoError(t, set.Err())
	requireValue(t, false, added)
	requireValue(t, "1", got)
	require.ErrorIs(t, missed.Err(), xcache.ErrNotFound)
	requireValue(t, map[string]string{"a": "1"}, many)
	requireValue(t, true, has)
	require.ErrorIs(t, ttl.Err(), errors.ErrUnsupported)
	requireValue(t, 1, removed)

	v.In(p).Set("b", "1")
	require.ErrorIs(t, p.ExecAtomic(t.Context()), errors.ErrUnsupported)
	require.Empty(t, s.stored(t))
}

func requireValue[T any](t *testing.T, want T, r *xcache.Result[T]) {
	t.Helper()
	got, err := r.Value()
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Without a reverse function, an operation knows its own keys.
func TestUserKeyWithoutAReverseFunction(t *testing.T) {
	_, c := newFake(t, xcache.WithKeyFunc(func(_ string, _ int, key string) string { return "app/" + key }, nil))
	c = c.Namespace("n")
	buffer := []byte("k")
	p := c.Pipeline()
	read := xcache.Queue(p, xcache.NewOp(c, "lrange", "LRANGE", unsafe.String(&buffer[0], 1)).Int(0).Int(-1), func(o *xcache.Op) (string, error) {
		key, ok := o.UserKey("app/n:k")
		require.True(t, ok)
		return key, nil
	})
	buffer[0] = 'X'
	require.NoError(t, p.Exec(t.Context()))
	require.Equal(t, "k", first(read.Value()))

	copy(buffer, "k")
	o := xcache.NewOp(c, "sinter", "SINTER", unsafe.String(&buffer[0], 1)).Key("l")
	for full, want := range map[string]string{"app/n:k": "k", "app/n:l": "l", "app/n:m": "", "k": ""} {
		key, ok := o.UserKey(full)
		require.Equal(t, want, key)
		require.Equal(t, want != "", ok)
	}
	key, _ := o.UserKey("app/n:k")
	buffer[0] = 'X'
	require.Equal(t, "k", key, "is no memory of the caller's")
}
