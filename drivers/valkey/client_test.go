package valkey_test

import (
	"context"
	"errors"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestCloseLeavesTheClientOfTheProgram(t *testing.T) {
	client := newClient(t, valkeygo.ClientOption{InitAddress: []string{standalone.Server(t).Addr}})
	defer client.Close()
	s := valkey.NewStore(client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.Set(ctx, []driver.Entry{{Key: key(t, "k"), TTL: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err != nil {
		t.Errorf("the client was closed: %v", err)
	}
}

func TestCloseClient(t *testing.T) {
	client := newClient(t, valkeygo.ClientOption{InitAddress: []string{standalone.Server(t).Addr}})
	if err := valkey.NewStore(client, valkey.CloseClient()).Close(); err != nil {
		t.Error(err)
	}
	if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err == nil {
		t.Error("the client is open")
	}
	awaitNoGoroutines(t)
}

func TestClientOfTheProgramHasItsOwnTimeouts(t *testing.T) {
	s := valkey.NewStore(newClient(t, valkeygo.ClientOption{InitAddress: []string{standalone.Server(t).Addr}}), valkey.CloseClient())
	defer func() { _ = s.Close() }()
	if d := s.Limits().CallTimeout; d != 0 {
		t.Errorf("CallTimeout is %v, which the store cannot promise", d)
	}
}

func TestClientOfTheProgramIsPrompt(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	client := newClient(t, valkeygo.ClientOption{InitAddress: []string{proxy.Addr()}, ConnWriteTimeout: 500 * time.Millisecond})
	s := valkey.NewStore(client, valkey.CloseClient())
	defer func() { _ = s.Close() }()
	for _, w := range writes {
		if err := w.run(t.Context(), s, key(t, "k")); err != nil {
			t.Fatal(err)
		}
	}
	proxy.StallReplies()
	for _, w := range writes {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		wantPrompt(t, w.name, ctx, func() error { return w.run(ctx, s, key(t, "k")) }, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
}

// clusterClient is a client that has found a cluster.
type clusterClient struct{ valkeygo.Client }

func (clusterClient) Mode() valkeygo.ClientMode { return valkeygo.ClientModeCluster }

func TestClientForAClusterIsRefused(t *testing.T) {
	s := valkey.NewStore(clusterClient{})
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, w := range writes {
		wantErr(t, w.run(ctx, s, "k"), driver.NotApplied, errors.ErrUnsupported)
	}
}
