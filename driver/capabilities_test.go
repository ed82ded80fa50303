package driver_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// A plainStore has the four methods and nothing else.
type plainStore struct{}

func (plainStore) Get(context.Context, []string, []driver.Value) error { return nil }
func (plainStore) Set(context.Context, []driver.Entry) error           { return nil }
func (plainStore) Delete(context.Context, []string) (int, error)       { return 0, nil }
func (plainStore) Close() error                                        { return nil }

// A fullStore has every optional interface.
type fullStore struct{ plainStore }

func (fullStore) Commands() driver.CommandSet                            { return driver.NewCommandSet("GET") }
func (fullStore) Do(context.Context, []*driver.Cmd, driver.How) error    { return nil }
func (fullStore) GetTTL(context.Context, []string, []driver.Value) error { return nil }
func (fullStore) TTL(context.Context, []string, []driver.Value) error    { return nil }
func (fullStore) Expire(context.Context, []driver.Entry) error           { return nil }
func (fullStore) Incr(context.Context, string, int64) (int64, error)     { return 0, nil }
func (fullStore) IncrInit(context.Context, string, int64, int64, time.Duration) (int64, error) {
	return 0, nil
}
func (fullStore) Swap(context.Context, *driver.Entry, *driver.Value) error { return nil }
func (fullStore) CompareAndSwap(context.Context, *driver.Entry, []byte) (bool, error) {
	return false, nil
}
func (fullStore) CompareAndDelete(context.Context, string, []byte) (bool, error) { return false, nil }
func (fullStore) Rename(context.Context, string, string) error                   { return nil }
func (fullStore) RenameNX(context.Context, string, string) (bool, error)         { return false, nil }
func (fullStore) Scan(context.Context, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}
func (fullStore) Flush(context.Context) error { return nil }
func (fullStore) Ping(context.Context) error  { return nil }
func (fullStore) Subscribe(context.Context, driver.SubscriptionKind, []string, func(driver.Message)) error {
	return nil
}
func (fullStore) Track(context.Context, []string, func([]string)) error { return nil }
func (fullStore) Primary() driver.Store                                 { return fullStore{} }
func (fullStore) Disconnect()                                           {}
func (fullStore) Inspect() driver.Inspection                            { return driver.Inspection{} }
func (fullStore) Exclusive(context.Context, ...string) (driver.Session, error) {
	return nil, errors.ErrUnsupported
}
func (fullStore) Locate(string) string { return "" }
func (fullStore) Watch(context.Context, ...string) (driver.Transaction, error) {
	return nil, errors.ErrUnsupported
}
func (fullStore) Limits() driver.Limits { return driver.Limits{KeyLength: 250} }

// A wrapper forwards pings, and nothing else.
type wrapper struct{ fullStore }

func (w wrapper) Caps() driver.Caps { return driver.Caps{Pinger: w.fullStore} }

// fields returns the names of the fields of caps that are set.
func fields(caps driver.Caps) (set, unset []string) {
	v := reflect.ValueOf(caps)
	for field, value := range v.Fields() {
		if value.IsZero() {
			unset = append(unset, field.Name)
		} else {
			set = append(set, field.Name)
		}
	}
	return set, unset
}

func TestCapsOfFindsEveryInterface(t *testing.T) {
	_, missing := fields(driver.CapsOf(fullStore{}))
	require.Empty(t, missing, "CapsOf, or the store of this test, lacks")
}

func TestAStoreOfFourMethodsCanDoNothingElse(t *testing.T) {
	found, _ := fields(driver.CapsOf(plainStore{}))
	require.Empty(t, found, "CapsOf found")
}

func TestAWrapperSaysItself(t *testing.T) {
	detected, _ := fields(driver.DetectCaps(wrapper{}))
	require.Contains(t, detected, "Exclusive", "DetectCaps found")
	found, _ := fields(driver.CapsOf(wrapper{}))
	require.Equal(t, []string{"Pinger"}, found, "CapsOf found")
}

// Every field of Caps but Limits is an interface, and the store of this test
// has its methods: a field that is added needs a line in CapsOf.
func TestEveryCapabilityIsAnInterface(t *testing.T) {
	for field := range reflect.TypeFor[driver.Caps]().Fields() {
		require.False(t, field.Type != reflect.TypeFor[driver.Limits]() && field.Type.Kind() != reflect.Interface, "%s is a %v", field.Name, field.Type)
	}
}
