package mixins_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

func openTest(t *testing.T, dsn string) *xcache.Cache {
	t.Helper()
	c, err := xcache.OpenDSN(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// encrypted returns a cache that encrypts.
func encrypted(t *testing.T) *xcache.Cache {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))
	require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
	return openTest(t, "memory://?encryption_keys="+file)
}

func TestMembersNeedTheSameBytesEachTime(t *testing.T) {
	for name, c := range map[string]*xcache.Cache{"gob": openTest(t, "memory://?serializer=gob"), "encryption": encrypted(t)} {
		t.Run(name, func(t *testing.T) {
			_, err := mixins.NewSets[string](c)
			require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
			_, err = mixins.NewSortedSets[string](c)
			require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
			lists, err := mixins.NewLists[string](c)
			require.NoError(t, err, "lists need them to find an element only")
			_, err = lists.RPush(t.Context(), "l", "a", "b")
			require.NoError(t, err)
			_, err = lists.LRem(t.Context(), "l", 0, "a")
			require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
			_, err = lists.LPos(t.Context(), "l", "a", mixins.LPosOptions{})
			require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
			_, err = lists.LInsert(t.Context(), "l", mixins.Before, "a", "c")
			require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
			elements, err := lists.LRange(t.Context(), "l", 0, -1)
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b"}, elements)
		})
	}
}

func TestEncryptedElementsAreReadWhereTheyWereStored(t *testing.T) {
	c := encrypted(t)
	lists, err := mixins.NewLists[string](c)
	require.NoError(t, err)
	_, err = lists.RPush(t.Context(), "b", "one", "two")
	require.NoError(t, err)
	_, err = lists.LMove(t.Context(), "b", "a", mixins.Left, mixins.Left)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	popped, err := lists.LMPop(t.Context(), mixins.Left, 5, "a", "b")
	require.NoError(t, err)
	require.Equal(t, mixins.Popped[string]{Key: "b", Elements: []string{"one", "two"}}, popped)
	counts, err := mixins.NewHashes[int](c)
	require.NoError(t, err)
	_, err = counts.HIncrBy(t.Context(), "h", "n", 1)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestLongMembersAreNotCompressed(t *testing.T) {
	c := openTest(t, "memory://?compressor=gzip&compress_min=16")
	long := strings.Repeat("long ", 100)
	sets, err := mixins.NewSets[string](c)
	require.NoError(t, err)
	_, err = sets.SAdd(t.Context(), "s", long)
	require.NoError(t, err)
	hashes, err := mixins.NewHashes[string](c)
	require.NoError(t, err)
	_, err = hashes.HSet(t.Context(), "h", "f", long)
	require.NoError(t, err)
	stored, err := hashes.HStrLen(t.Context(), "h", "f")
	require.NoError(t, err)
	require.Less(t, stored, len(long), "values are compressed")
	raw, err := mixins.NewSets[[]byte](c.With(xcache.WithCodec(rawChain(t))))
	require.NoError(t, err)
	member, err := raw.SPop(t.Context(), "s")
	require.NoError(t, err)
	require.Equal(t, `"`+long+`"`, string(member))
}

func rawChain(t *testing.T) *codec.Chain {
	t.Helper()
	chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	require.NoError(t, err)
	return chain
}

func TestDriversWithoutAStructureAreRefused(t *testing.T) {
	c, err := xcache.New(valuesOnly{})
	require.NoError(t, err)
	_, err = mixins.NewLists[string](c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = mixins.NewHashes[string](c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = mixins.NewSets[string](c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = mixins.NewSortedSets[string](c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = mixins.NewStreams[string](c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestScansReturnEverything(t *testing.T) {
	c := openTest(t, "memory://")
	const n = 1000
	hashes, err := mixins.NewHashes[int](c)
	require.NoError(t, err)
	sorted, err := mixins.NewSortedSets[int](c)
	require.NoError(t, err)
	p := c.Pipeline()
	for i := range n {
		hashes.In(p).HSet("h", strings.Repeat("f", 1+i%7)+string(rune('a'+i%26)), i)
		sorted.In(p).ZAdd("z", mixins.Scored[int]{Member: i, Score: float64(i)})
	}
	require.NoError(t, p.Exec(t.Context()))
	all, err := hashes.HGetAll(t.Context(), "h")
	require.NoError(t, err)
	for f, err := range hashes.HScan(t.Context(), "h", mixins.ScanOptions{Count: 10}) {
		require.NoError(t, err)
		require.Equal(t, all[f.Field], f.Value)
		delete(all, f.Field)
	}
	require.Empty(t, all)
	seen := map[int]float64{}
	for m, err := range sorted.ZScan(t.Context(), "z", mixins.ScanOptions{}) {
		require.NoError(t, err)
		seen[m.Member] = m.Score
	}
	require.Len(t, seen, n)
	for _, err := range sorted.ZScan(t.Context(), "z", mixins.ScanOptions{}) {
		require.NoError(t, err)
		break // a loop that is left leaves nothing behind
	}
}

func TestAScanOfAStringFails(t *testing.T) {
	c := openTest(t, "memory://")
	require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "v"))
	sets, err := mixins.NewSets[string](c)
	require.NoError(t, err)
	calls := 0
	for _, err := range sets.SScan(t.Context(), "k", mixins.ScanOptions{}) {
		require.ErrorIs(t, err, xcache.ErrWrongType)
		calls++
	}
	require.Equal(t, 1, calls)
}

// valuesOnly is a store without optional interfaces.
type valuesOnly struct{}

func (valuesOnly) Get(context.Context, []string, []driver.Value) error { return nil }
func (valuesOnly) Set(context.Context, []driver.Entry) error           { return nil }
func (valuesOnly) Delete(context.Context, []string) (int, error)       { return 0, nil }
func (valuesOnly) Close() error                                        { return nil }
