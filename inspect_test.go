package xcache_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// An inspectedStore returns the inspection of a test.
type inspectedStore struct {
	*fakeStore
	shown driver.Inspection
}

func (s inspectedStore) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Inspector = s
	return caps
}

func (s inspectedStore) Inspect() driver.Inspection { return s.shown }

func TestInspectIsTheStores(t *testing.T) {
	shown := driver.Inspection{Driver: "redis", Topology: driver.Cluster, Servers: []driver.InspectedServer{{Addr: "h:1", Role: driver.RolePrimary}}}
	c, err := xcache.New(inspectedStore{newFakeStore(t), shown})
	require.NoError(t, err)
	got, err := c.Inspect()
	require.NoError(t, err)
	require.Equal(t, shown, got)
	require.NoError(t, c.Close())
	_, err = c.Inspect()
	require.NoError(t, err, "after Close")
}

func TestInspectOfAStoreThatDoesNotTell(t *testing.T) {
	_, c := newFake(t)
	_, err := c.Inspect()
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestInspectOfMemory(t *testing.T) {
	c, err := xcache.OpenDSN("memory://shop?max_entries=2")
	require.NoError(t, err)
	defer c.Close()
	for i := range 5 {
		require.NoError(t, xcache.For[int](c).Set(context.Background(), fmt.Sprint(i), i))
	}
	shown, err := c.Inspect()
	require.NoError(t, err)
	require.Equal(t, "memory", shown.Driver)
	require.Empty(t, shown.Servers)
	require.Equal(t, 2, shown.Contents.Entries)
	require.Equal(t, 2, shown.Contents.MaxEntries)
	require.EqualValues(t, 3, shown.Contents.Evictions)
	require.Positive(t, shown.Contents.Bytes)
	for _, verb := range []string{"%v", "%+v", "%s"} {
		require.Equal(t, "memory store shop", fmt.Sprintf(verb, c.Store()))
	}
	require.Equal(t, `"memory store shop"`, fmt.Sprintf("%#v", c.Store()))
}

// Tools read the names of fields, which must not change.
func TestJSONOfAnInspection(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	text, err := json.Marshal(driver.Inspection{
		Driver: "valkey", Topology: driver.Cluster, Database: 1, Learnt: at, LearntFrom: "h:1", LearnError: "e",
		Servers: []driver.InspectedServer{{
			Addr: "h:1", Role: driver.RolePrimary, State: driver.StateUp, Since: at,
			Connections: &driver.Connections{InUse: 1, Idle: 2}, Calls: 3,
			Slots: []driver.SlotRange{{First: 0, Last: 5}}, SlotCount: 6, Version: "valkey 9.1.2",
			LastError: "f", LastErrorAt: at, Details: map[string]string{"a": "b"},
		}},
		Details: map[string]string{"c": "d"},
	})
	require.NoError(t, err)
	require.Equal(t, `{"driver":"valkey","topology":"cluster","database":1,"learnt":"2026-03-01T12:00:00Z","learnt_from":"h:1","learn_error":"e",`+
		`"servers":[{"addr":"h:1","role":"primary","state":"up","since":"2026-03-01T12:00:00Z","connections":{"in_use":1,"idle":2},"calls":3,`+
		`"slots":[{"first":0,"last":5}],"slot_count":6,"version":"valkey 9.1.2","last_error":"f","last_error_at":"2026-03-01T12:00:00Z","details":{"a":"b"}}],`+
		`"details":{"c":"d"}}`, string(text))
	text, err = json.Marshal(driver.Inspection{})
	require.NoError(t, err)
	require.Equal(t, "{}", string(text))
}
