package fakeserver_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/fakeserver"
)

func TestAnswers(t *testing.T) {
	server := fakeserver.New()
	server.Set("a", []byte("1"))
	conn, err := server.Dial(t.Context(), "", "")
	require.NoError(t, err)
	for _, tt := range []struct{ request, want string }{
		{"*2\r\n$3\r\nget\r\n$1\r\na\r\n", "$1\r\n1\r\n"},
		{"*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", "$-1\r\n"},
		{"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$0\r\n\r\n", "+OK\r\n"},
		{"*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", "*3\r\n$1\r\n1\r\n$0\r\n\r\n$-1\r\n"},
		{"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", "+PONG\r\n+PONG\r\n"},
		{"*3\r\n$6\r\nUNLINK\r\n$1\r\na\r\n$1\r\nc\r\n", ":1\r\n"},
		{"*1\r\n$4\r\nEVAL\r\n", "-ERR unknown command\r\n"},
	} {
		for split := range len(tt.request) {
			// Twice the same command must answer the same, but for SET and UNLINK.
			if split > 0 && tt.want == ":1\r\n" {
				break
			}
			fmt.Fprint(conn, tt.request[:split])
			fmt.Fprint(conn, tt.request[split:])
			got := make([]byte, len(tt.want))
			_, err := io.ReadFull(conn, got)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got), "%q split at %d", tt.request, split)
		}
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		n, err := conn.Read(make([]byte, 1))
		assert.Zero(t, n, "read without a request")
		assert.ErrorIs(t, err, net.ErrClosed, "read without a request")
	})
	require.NoError(t, conn.Close())
	reader.Wait()
}

func TestACallInTwoRoundTripsIsNoticed(t *testing.T) {
	const get, answer = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$-1\r\n"
	synctest.Test(t, func(t *testing.T) {
		server := fakeserver.New()
		conn, err := server.Dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		read := func(answers int) error {
			_, err := io.ReadFull(conn, make([]byte, answers*len(answer)))
			return err
		}
		send := func() { fmt.Fprint(conn, get) }
		require.NoError(t, server.InOneRoundTrip(func() error { send(); send(); return read(2) }))
		require.NoError(t, server.InOneRoundTrip(func() error {
			var reader sync.WaitGroup
			reader.Go(func() { assert.NoError(t, read(2)) }) // beside the writes
			synctest.Wait()
			send()
			synctest.Wait()
			send()
			reader.Wait()
			return nil
		}))
		require.ErrorContains(t, server.InOneRoundTrip(func() error {
			send()
			err := read(1)
			send()
			return errors.Join(err, read(1))
		}), "waited")
		require.ErrorIs(t, server.InOneRoundTrip(func() error { return io.EOF }), io.EOF)
	})
}

func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := fakeserver.New()
	server.Set("a", []byte("1"))
	var served sync.WaitGroup
	served.Go(func() { server.Serve(listener) })
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	fmt.Fprint(client, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
	got := make([]byte, len("$1\r\n1\r\n"))
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.Equal(t, "$1\r\n1\r\n", string(got))
	require.NoError(t, errors.Join(client.Close(), listener.Close()))
	served.Wait()
}
