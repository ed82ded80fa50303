package settings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

func readSentinel(t *testing.T, text string) (*settings.Sentinel, *driver.DSN, error) {
	t.Helper()
	dsn, err := driver.ParseDSN(text)
	require.NoError(t, err)
	s, err := settings.ReadSentinel(dsn)
	return s, dsn, err
}

func TestReadSentinel(t *testing.T) {
	for _, tt := range []struct{ dsn, want string }{
		{"redis+sentinel://h?master=m", "m primary h:26379"},
		{"redis+sentinel://?master=m", "m primary localhost:26379"},
		{"redis+sentinel://h,i:1,[::1]/2?master=m&read=replica", "m replica h:26379 i:1 [::1]:26379 db=2"},
		{"redis+sentinel://?addr=h&addr=i:1&addr=[::1]&master=m&db=3", "m primary h:26379 i:1 [::1]:26379 db=3"},
		{"rediss+sentinel://h?master=m&read=prefer-replica", "m prefer-replica h:26379 tls=h,server"},
		{"valkeys+sentinel://h?master=m&tls_server_name=x", "m primary h:26379 tls=x,x"},
	} {
		s, dsn, err := readSentinel(t, tt.dsn)
		require.NoError(t, err, tt.dsn)
		server, sentinel := s.ServerAt("server:1"), s.SentinelAt(s.Addrs[0])
		got := strings.Join(append([]string{s.Master, string(s.Reads)}, s.Addrs...), " ")
		if server.DB != 0 {
			got += fmt.Sprint(" db=", server.DB)
		}
		if server.TLS != nil {
			got += " tls=" + sentinel.TLS.ServerName + "," + server.TLS.ServerName
		}
		require.Equal(t, tt.want, got, tt.dsn)
		require.Equal(t, "server:1", server.Addr, tt.dsn)
		require.Equal(t, s.Addrs[0], sentinel.Addr, tt.dsn)
		require.Equal(t, 0, sentinel.DB, "%s: sentinels are asked with database or another timeout", tt.dsn)
		require.Equal(t, server.DialTimeout, sentinel.OpTimeout, "%s: sentinels are asked with database or another timeout", tt.dsn)
		require.NoError(t, dsn.Unread(), tt.dsn)
	}
}

func TestSentinelsHaveCredentialsOfTheirOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("filed-canary\n"), 0o600))
	for _, tt := range []struct{ dsn, server, sentinel string }{
		{"redis+sentinel://h?master=m", ":", ":"},
		{"redis+sentinel://:a-canary@h?master=m", ":a-canary", ":"},
		{"redis+sentinel://ann:a-canary@h?master=m&sentinel_user=sam&sentinel_password=b-canary", "ann:a-canary", "sam:b-canary"},
		{"redis+sentinel://h?master=m&sentinel_password=b-canary", ":", ":b-canary"},
		{"redis+sentinel://:a-canary@h?master=m&sentinel_password_file=" + file, ":a-canary", ":filed-canary"},
		{"redis+sentinel://h?master=m&sentinel_password=b-canary&password_file=" + file, ":filed-canary", ":b-canary"},
	} {
		s, dsn, err := readSentinel(t, tt.dsn)
		require.NoError(t, err, tt.dsn)
		for _, half := range []struct {
			settings *settings.Settings
			want     string
		}{{s.ServerAt("x:1"), tt.server}, {s.SentinelAt("y:1"), tt.sentinel}} {
			login, err := half.settings.Login(t.Context())
			require.NoError(t, err, tt.dsn)
			words := []string{"", ""}
			if login != nil {
				words = append([]string{""}, login.Words()[1:]...)
			}
			require.Equal(t, half.want, words[len(words)-2]+":"+words[len(words)-1], tt.dsn)
			require.Equal(t, login != nil, half.settings.HasPassword(), tt.dsn)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v %v", half.settings, *half.settings, half.settings, s), "canary", "%s: shown as", tt.dsn)
		}
		require.NotContains(t, fmt.Sprintf("%v %#v %s", dsn, dsn, dsn.String()), "canary", "%s: shown as", tt.dsn)
	}
}

func TestReadSentinelRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct{ dsn, says string }{
		{"redis+sentinel://h", "parameter master is needed"},
		{"redis+sentinel://:canary@h?master=", "parameter master is needed"},
		{"redis+sentinel://h?master=a&master=b", "parameter master was given 2 times"},
		{"redis+sentinel://h?master=m&read=nearest", "one of primary, replica, prefer-replica"},
		{"redis+sentinel://h?master=m&sentinel_user=sam", "sentinel_user needs sentinel_password"},
		{"redis+sentinel://h?master=m&sentinel_password=canary&sentinel_password_file=" + empty, "sentinel_password_file cannot be combined"},
		{"redis+sentinel://h?master=m&sentinel_password_file=" + empty, "sentinel_password_file " + empty + " is empty"},
		{"redis+sentinel://h?master=m&sentinel_password_file=/nonexistent", "sentinel_password_file cannot be read"},
		{"redis+sentinel://h?master=m&sentinel_password=canary&sentinel_password=canary", "sentinel_password was given 2 times"},
		{"redis+sentinel://ann@h?master=m", "needs a password"},
		{"redis+sentinel://h/x?master=m", "parameter db"},
		{"redis+sentinel://h?master=m&addr=i", "parameter addr"},
		{"redis+sentinel://?master=m&addr=i:x", "parameter addr"},
		{"redis+sentinel://h?master=m&tls_ca=/x", "rediss://"},
	} {
		_, _, err := readSentinel(t, tt.dsn)
		require.ErrorContains(t, err, tt.says, tt.dsn)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: bad DSN: "), "%s: got %v, want it to say %s", tt.dsn, err, tt.says)
		require.NotContains(t, err.Error(), "canary", "%s: got %v, want it to say %s", tt.dsn, err, tt.says)
	}
}
