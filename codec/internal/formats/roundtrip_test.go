package formats_test

import (
	"bytes"
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

func mustChain(tb testing.TB, config codec.Config) *codec.Chain {
	tb.Helper()
	chain, err := codec.New(config)
	require.NoError(tb, err)
	return chain
}

// equal is reflect.DeepEqual, but times are equal that show the same: what a
// decoder makes of a zone is another pointer.
func equal(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	}
	return reflect.DeepEqual(a, b)
}

// readAs decodes into a new value of the type of like.
func readAs(chain *codec.Chain, stored []byte, like any) (any, codec.Read, error) {
	into := reflect.New(reflect.TypeOf(like))
	read, err := chain.Decode(stored, into.Interface())
	return into.Elem().Interface(), read, err
}

func TestEveryClassComesBackEqualAndOfItsType(t *testing.T) {
	for _, compressMin := range []int{codec.CompressAlways, 0} {
		for _, single := range formats.Singles(compressMin) {
			for _, class := range formats.Classes() {
				want, wantErr := class.Stored(single.Serializer.Name())
				stored, err := single.Chain.Append([]byte("before"), class.Value)
				if wantErr != nil {
					require.ErrorIs(t, err, wantErr, "%s stores a %s", single.Name, class.Name)
					require.Equal(t, "before", string(stored), "%s stores a %s", single.Name, class.Name)
					continue
				}
				require.NoError(t, err, "%s, %s", single.Name, class.Name)
				stored = stored[len("before"):]
				kept := bytes.Clone(stored)
				got, read, err := readAs(single.Chain, stored, class.Value)
				require.NoError(t, err, "%s, %s: stored %#v, read %#v by %+v, %v", single.Name, class.Name, class.Value, got, read, err)
				require.True(t, equal(got, want), "%s, %s: stored %#v, read %#v by %+v, %v", single.Name, class.Name, class.Value, got, read, err)
				require.False(t, read.Fallback, "%s, %s: stored %#v, read %#v by %+v, %v", single.Name, class.Name, class.Value, got, read, err)
				require.Equal(t, string(kept), string(stored), "%s, %s: Decode changed its input", single.Name, class.Name)
			}
		}
	}
}

// What chain A wrote is read where A is behind another, and what the other writes
// there is read where it is behind A.
func TestFallbackInBothDirections(t *testing.T) {
	singles := formats.Singles(codec.CompressAlways)
	classes := formats.Classes()
	type written struct {
		stored []byte
		want   any // what comes back
		ok     bool
	}
	writes := make([][]written, len(singles)) // by class
	for i, a := range singles {
		writes[i] = make([]written, len(classes))
		for j, class := range classes {
			want, err := class.Stored(a.Serializer.Name())
			if err != nil {
				continue
			}
			stored, err := a.Chain.Append(nil, class.Value)
			require.NoError(t, err, "%s, %s", a.Name, class.Name)
			writes[i][j] = written{stored, want, true}
		}
	}
	pairs, refused := 0, 0
	for k, a := range singles {
		for _, b := range singles {
			abConfig := behind(a, b)
			ab, err1 := codec.New(abConfig)
			ba, err2 := codec.New(behind(b, a))
			if err1 != nil || err2 != nil {
				refused++
				continue
			}
			if a.Config.Format != b.Config.Format && !plainIsRead(a, b) {
				refused++
				continue
			}
			if onlyRaw(abConfig) && (a.Config.Format == codec.Plain || b.Config.Format == codec.Plain) {
				refused++ // plain and alone, it takes tagged values for bytes
				continue
			}
			pairs++
			for i, class := range classes {
				w := writes[k][i]
				if !w.ok || (pairs+i)%16 != 0 && valuesPerChain(t) == fewValues {
					continue
				}
				for order, chain := range map[string]*codec.Chain{"behind": ba, "before": ab} {
					got, read, err := readAs(chain, w.stored, class.Value)
					require.NoError(t, err, "%s written by %s, which is %s %s: %#v by %+v, %v", class.Name, a.Name, order, b.Name, got, read, err)
					require.True(t, equal(got, w.want), "%s written by %s, which is %s %s: %#v by %+v, %v", class.Name, a.Name, order, b.Name, got, read, err)
				}
			}
		}
	}
	t.Logf("%d pairs, %d refused", pairs, refused)
}

// behind returns the chain of first that reads what second writes as well.
func behind(first, second formats.Single) codec.Config {
	c := codec.Config{Format: first.Config.Format, CompressMin: codec.CompressAlways}
	for _, s := range []formats.Single{first, second} {
		if len(c.Serializers) == 0 || c.Serializers[0] != s.Serializer {
			c.Serializers = append(c.Serializers, s.Serializer)
		}
		if s.Compressor != nil && (len(c.Compressors) == 0 || c.Compressors[0].Name() != s.Compressor.Name()) {
			c.Compressors = append(c.Compressors, s.Compressor)
		}
	}
	return c
}

// plainIsRead reports whether a chain of the members of a and b reads plain
// values of both: whether their plain chain is accepted.
func plainIsRead(a, b formats.Single) bool {
	c := behind(a, b)
	c.Format = codec.Plain
	_, err := codec.New(c)
	return err == nil
}

func ExampleSingles() {
	for _, s := range formats.Singles(0)[:3] {
		fmt.Println(s.Name)
	}
	// Output:
	// json+none/plain
	// json+none/tagged
	// json+gzip/plain
}
