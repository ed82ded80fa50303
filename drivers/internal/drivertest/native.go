package drivertest

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A NativeClient is the client library's own client for a server of a store.
type NativeClient struct {
	Client any // to be compared
	Do     func(ctx context.Context, words ...string) (string, error)
}

// NativeClients tests the client library's own clients for the servers of stores. The test
// fails if a client leads to another server, or is open after the store is closed. The test
// also fails if there is a client where there should be none.
func (s *Subject) NativeClients(t *testing.T) {
	t.Run("of a server", s.nativeOfAServer)
	t.Run("of each topology", s.nativeOfEachTopology)
	t.Run("of others", s.nativeOfOthers)
}

// wantNative fails the test unless the client for each server of Inspect leads to that
// server. There must be no client for a server with the role in lacks.
func (s *Subject) wantNative(t *testing.T, store driver.Store, lacks ...driver.ServerRole) {
	t.Helper()
	inspector := store.(driver.Inspector)
	leaving := func(server driver.InspectedServer) bool { return server.State == driver.StateLeaving }
	Eventually(t, func() bool { return !slices.ContainsFunc(inspector.Inspect().Servers, leaving) }, // the seeds without slots leave
		func() string { return "servers without slots do not leave" })
	for _, server := range inspector.Inspect().Servers {
		client, err := s.Native(store, server.Addr)
		if len(lacks) > 0 && server.Role == lacks[0] {
			if err == nil {
				t.Errorf("there is a client for %s", server.Addr)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", server.Addr, err)
			continue
		}
		_, port, _ := net.SplitHostPort(server.Addr)
		if info, err := client.Do(t.Context(), "INFO", "server"); err != nil || !strings.Contains(info, "tcp_port:"+port+"\r\n") {
			t.Errorf("the client for %s is elsewhere: %v, %s", server.Addr, err, info)
		}
		if again, _ := s.Native(store, server.Addr); again.Client != client.Client {
			t.Errorf("there are two clients for %s", server.Addr)
		}
	}
	if _, err := s.Native(store, "127.0.0.1:1"); err == nil {
		t.Error("there is a client for a server that is not there")
	}
}

// wantPrimary fails the test unless the client for the primary is the client for addr.
func (s *Subject) wantPrimary(t *testing.T, store driver.Store, addr string) {
	t.Helper()
	client, err := s.Native(store, "")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := s.Native(store, addr); err != nil || at.Client != client.Client {
		t.Errorf("the client of the primary is not that of %s: %v", addr, err)
	}
}

func (s *Subject) nativeOfAServer(t *testing.T) {
	server := s.StartServer(t, servertest.TLS(), servertest.User("ann", "secret", "~*", "+@all"))
	for _, protocol := range []string{"", "&protocol=3", "&hello=off"} {
		store := s.unchecked(t, s.Scheme+"s://ann:secret@"+server.Addr+"/3?client_name=shop&tls_ca="+url.PathEscape(server.Certificates.CAFile)+protocol)
		if err := Put(t, store, "k", "v"); err != nil {
			t.Fatal(err)
		}
		client, err := s.Native(store, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := client.Do(t.Context(), "GET", "k"); got != "v" || err != nil {
			t.Errorf("another database, or another server: %q, %v", got, err)
		}
		info, err := client.Do(t.Context(), "CLIENT", "INFO")
		for _, want := range []string{"name=shop", "db=3", "user=ann"} {
			if !strings.Contains(info, want) {
				t.Errorf("%q: %v, CLIENT INFO is %s", protocol, err, info)
			}
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if _, err := client.Do(t.Context(), "PING"); err == nil {
			t.Error("the client is open after Close")
		}
		if _, err := s.Native(store, ""); err == nil {
			t.Error("there is a client after Close")
		}
		s.AwaitNoGoroutines(t)
	}
}

func (s *Subject) nativeOfEachTopology(t *testing.T) {
	replicated := s.Replicated(t).Addrs()
	store := s.Open(t, s.Scheme+"://"+strings.Join(replicated, ","))
	s.wantPrimary(t, store, replicated[0])
	s.wantNative(t, store)

	cluster := s.clusterDSN(s.Cluster(t), "")
	store = s.Open(t, cluster)
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	s.wantNative(t, store, driver.RoleReplica)
	if _, err := s.Native(store, ""); err == nil {
		t.Error("there is a client for one of several primaries")
	}
	store = s.Open(t, cluster+"?read=replica")
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	s.wantNative(t, store)

	sentinels := s.Sentinel(t)
	store = s.Open(t, s.Scheme+"+sentinel://"+sentinels.Addrs()[0]+"?read=prefer-replica&master="+sentinels.MasterName)
	if _, err := s.Native(store, ""); err == nil {
		t.Error("there is a client before the first call")
	}
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	s.wantNative(t, store)
	s.wantPrimary(t, store, sentinels.Primary(t).Addr)
}

func (s *Subject) nativeOfOthers(t *testing.T) {
	store := s.NewStore(t, s.Standalone(t).Addr, "")
	client, err := s.Native(store, "")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := client.Do(t.Context(), "PING"); text != "PONG" || err != nil {
		t.Errorf("PING = %q, %v", text, err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Native(store, ""); err == nil {
		t.Error("there is a client after Close")
	}
	if _, err := s.Native(othersStore{}, ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("of another driver's store: %v", err)
	}
}

// An othersStore is a store of a driver that this package does not know.
type othersStore struct{ driver.Store }
