package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

func readServers(t *testing.T, text string) (*settings.Servers, *driver.DSN, error) {
	t.Helper()
	dsn, err := driver.ParseDSN(text)
	require.NoError(t, err)
	servers, err := settings.ReadServers(dsn)
	return servers, dsn, err
}

func TestReadServers(t *testing.T) {
	for _, tt := range []struct{ dsn, want string }{
		{"redis://", "prefer-replica localhost:6379"},
		{"redis://h", "prefer-replica h:6379"},
		{"redis://h?read=primary", "primary h:6379"},
		{"redis://h?read=prefer-replica", "prefer-replica h:6379"},
		{"redis://h,i:1", "prefer-replica h:6379 i:1"},
		{"redis://h,i,[::1]/2?read=replica", "replica h:6379/2 i:6379/2 [::1]:6379/2"},
		{"redis://?addr=h&addr=i:1&read=primary", "primary h:6379 i:1"},
		{"rediss://h,i", "prefer-replica h:6379 as h i:6379 as i"},
		{"rediss://h,i?tls_server_name=x", "prefer-replica h:6379 as x i:6379 as x"},
		{"redis+unix:///s", "prefer-replica /s"},
	} {
		servers, dsn, err := readServers(t, tt.dsn)
		require.NoError(t, err, tt.dsn)
		got := string(servers.Reads)
		for _, s := range servers.Each {
			got += " " + s.Addr
			if s.DB != 0 {
				got += fmt.Sprint("/", s.DB)
			}
			if s.TLS != nil {
				got += " as " + s.TLS.ServerName
			}
		}
		require.Equal(t, tt.want, got, tt.dsn)
		require.NoError(t, dsn.Unread(), tt.dsn)
	}
}

func TestReadServersRefuses(t *testing.T) {
	for _, tt := range []struct{ dsn, says string }{
		{"redis://h?read=replica", "redis://primary,replica"},
		{"redis+unix:///s?read=replica", "parameter read"},
		{"redis://h,i?read=nearest", "one of primary, replica, prefer-replica"},
		{"redis://h,i?read=", "parameter read"},
		{"redis://h,i?addr=j", "one of the two ways"},
		{"redis://h,i?db=x", "parameter db"},
		{"redis+cluster://h,i", "+cluster"},
	} {
		_, _, err := readServers(t, tt.dsn)
		require.ErrorContains(t, err, tt.says, tt.dsn)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: bad DSN: "), "%s: got %v, want it to say %s", tt.dsn, err, tt.says)
	}
}
