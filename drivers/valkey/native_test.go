package valkey_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestNativeClients(t *testing.T) { subject.NativeClients(t) }

func nativeClient(store driver.Store, addr string) (drivertest.NativeClient, error) {
	client, err := valkey.Client(store, addr)
	if err != nil {
		return drivertest.NativeClient{}, err
	}
	return drivertest.NativeClient{Client: client, Do: func(ctx context.Context, words ...string) (string, error) {
		return client.Do(ctx, client.B().Arbitrary(words...).Build()).ToString()
	}}, nil
}

// The client also uses the program's credentials.
func TestNativeClientAsksForCredentials(t *testing.T) {
	server := subject.StartServer(t, servertest.User("ann", "secret", "~*", "+@all"))
	password := "secret"
	store, err := valkey.Open("valkey://"+server.Addr+"?"+longTimeouts, valkey.WithCredentials(func(context.Context) (valkey.Credentials, error) {
		return valkey.Credentials{Username: "ann", Password: password, Expires: time.Now().Add(time.Hour)}, nil
	}))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	password = "wrong"
	_, err = valkey.Client(store, server.Addr)
	require.ErrorIs(t, err, driver.ErrAuth)
	password = "secret"
	client, err := valkey.Client(store, server.Addr)
	require.NoError(t, err)
	info, err := client.Do(t.Context(), client.B().Arbitrary("CLIENT", "INFO").Build()).ToString()
	require.NoError(t, err)
	require.Contains(t, info, "user=ann")
}

func TestNativeClientOfAServerThatIsAway(t *testing.T) {
	store := subject.Open(t, "valkey://"+drivertest.RefusingAddr(t))
	_, err := valkey.Client(store, "")
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.NotErrorIs(t, err, errors.ErrUnsupported)
}
