// Package redaction_test is about what errors show, whatever format the value has: it
// links all of them, which the tests of the core must not.
package redaction_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/cbor"
	"github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

const canary = "canary7f3d"

func second[T any](_ T, err error) error { return err }

// shown returns every form in which a program may print or log an error.
func shown(t *testing.T, err error) string {
	t.Helper()
	var b bytes.Buffer
	for _, v := range []any{err, map[string]any{"err": err}, struct{ Err error }{err}} {
		encoded, marshalErr := json.Marshal(v)
		require.NoError(t, marshalErr)
		b.Write(encoded)
		fmt.Fprintf(&b, "%v %+v %#v %s %q", v, v, v, v, v)
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "err", err)
	slog.New(slog.NewTextHandler(&b, nil)).Error("failed", "err", err)
	return b.String()
}

// parsedTime and parsedNumber read their text with the standard library, whose errors
// keep what they could not read.
type parsedTime struct{ time.Time }

func (p *parsedTime) UnmarshalText(text []byte) (err error) {
	p.Time, err = time.Parse(time.DateOnly, string(text))
	return err
}

func (p *parsedTime) UnmarshalBinary(data []byte) error { return p.UnmarshalText(data) }

type parsedNumber struct{ n int }

func (p *parsedNumber) UnmarshalText(text []byte) (err error) {
	p.n, err = strconv.Atoi(string(text))
	return err
}

func (p *parsedNumber) UnmarshalBinary(data []byte) error { return p.UnmarshalText(data) }

// canaryText writes itself as those types read themselves.
type canaryText string

func (c canaryText) MarshalText() ([]byte, error)   { return []byte(c), nil }
func (c canaryText) MarshalBinary() ([]byte, error) { return []byte(c), nil }

func TestNoFormOfAnErrorShowsAValue(t *testing.T) {
	for _, serializer := range []codec.Serializer{codec.JSON, codec.Gob, msgpack.Serializer, cbor.Serializer, pickle.Serializer} {
		t.Run(serializer.Name(), func(t *testing.T) {
			chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{serializer}, Format: codec.Tagged})
			require.NoError(t, err)
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			c, err := xcache.New(store, xcache.WithCodec(chain))
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			require.NoError(t, xcache.For[string](c).Set(t.Context(), "text", canary))
			require.NoError(t, xcache.For[map[string]string](c).Set(t.Context(), "map", map[string]string{"N": canary, "T": canary}))
			_ = xcache.For[canaryText](c).Set(t.Context(), "own", canary) // where the serializer takes such types

			failures := 0
			check := func(err error) {
				t.Helper()
				if err == nil || errors.Is(err, xcache.ErrNotFound) {
					return
				}
				failures++
				require.NotContains(t, shown(t, err), canary)
			}
			for _, key := range []string{"text", "map", "own"} {
				check(second(xcache.For[int](c).Get(t.Context(), key)))
				check(second(xcache.For[time.Time](c).Get(t.Context(), key)))
				check(second(xcache.For[time.Duration](c).Get(t.Context(), key)))
				check(second(xcache.For[*big.Int](c).Get(t.Context(), key)))
				check(second(xcache.For[parsedTime](c).Get(t.Context(), key)))
				check(second(xcache.For[parsedNumber](c).Get(t.Context(), key)))
				check(second(xcache.For[struct{ N int }](c).Get(t.Context(), key)))
				check(second(xcache.For[struct{ T time.Time }](c).Get(t.Context(), key)))
				check(second(xcache.For[struct{ T parsedTime }](c).Get(t.Context(), key)))
			}
			_, err = xcache.For[time.Time](c).GetMany(t.Context(), []string{"text", "map"})
			check(err)
			p := c.Pipeline()
			xcache.For[time.Time](c).In(p).Get("text")
			check(p.Exec(t.Context()))
			require.Greater(t, failures, 10)
		})
	}
}

// What a client library's error keeps stays in it as well.
func TestNoFormOfAnErrorShowsWhatItsCauseKeeps(t *testing.T) {
	_, number := strconv.Atoi(canary)
	_, date := time.Parse(time.DateOnly, canary)
	for _, cause := range []error{number, date, &json.UnmarshalTypeError{Value: canary}} {
		quiet := &quietError{cause}
		failed := driver.Fail(driver.ErrUnavailable, driver.Unknown, quiet)
		for _, err := range []error{
			failed,
			&xcache.OpError{Driver: "redis", Op: "get", Key: "k", Err: failed},
			&xcache.OpError{Op: "get", Key: "k", Err: quiet},
			&xcache.OpError{Op: "get many", Err: &xcache.BatchError{Errs: map[string]error{"k": quiet}}},
			&xcache.BatchError{Errs: map[string]error{"k": failed}},
			&xcache.UnreadReplyError{Reply: driver.DataReply([]byte(canary)), Err: quiet},
		} {
			text := shown(t, err)
			require.NotContains(t, text, canary)
			require.True(t, strings.Contains(text, "quiet"))
		}
	}
}

// A quietError has a safe text, and a field that is not.
type quietError struct{ Err error }

func (e *quietError) Error() string { return "quiet" }
func (e *quietError) Unwrap() error { return e.Err }
