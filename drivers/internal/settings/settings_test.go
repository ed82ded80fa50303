package settings_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

func read(t *testing.T, text string) (*settings.Settings, *driver.DSN, error) {
	t.Helper()
	dsn, err := driver.ParseDSN(text)
	require.NoError(t, err)
	s, err := settings.Read(dsn)
	return s, dsn, err
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		dsn, want string
	}{
		{"redis://", "tcp localhost:6379 0 tls=false"},
		{"redis://h", "tcp h:6379 0 tls=false"},
		{"redis://h:1/2", "tcp h:1 2 tls=false"},
		{"redis://h/2?db=2", "tcp h:6379 2 tls=false"},
		{"redis://[::1]:1", "tcp [::1]:1 0 tls=false"},
		{"redis://[::1]", "tcp [::1]:6379 0 tls=false"},
		{"redis://?addr=h", "tcp h:6379 0 tls=false"},
		{"redis://?addr=h:1&db=3", "tcp h:1 3 tls=false"},
		{"redis://?addr=[::1]", "tcp [::1]:6379 0 tls=false"},
		{"redis://?addr=[::1]:1", "tcp [::1]:1 0 tls=false"},
		{"redis+unix:///a/b.sock", "unix /a/b.sock 0 tls=false"},
		{"redis+unix:///a/b.sock?db=4", "unix /a/b.sock 4 tls=false"},
		{"rediss://h", "tcp h:6379 0 tls=true h"},
		{"valkeys://h?tls_server_name=other", "tcp h:6379 0 tls=true other"},
	} {
		s, dsn, err := read(t, tt.dsn)
		require.NoError(t, err, tt.dsn)
		got := fmt.Sprintf("%s %s %d tls=%v", s.Network, s.Addr, s.DB, s.TLS != nil)
		if s.TLS != nil {
			got += " " + s.TLS.ServerName
		}
		require.Equal(t, tt.want, got, tt.dsn)
		require.NoError(t, dsn.Unread(), tt.dsn)
	}
}

func TestReadTimesAndSizes(t *testing.T) {
	s, _, err := read(t, "redis://h?dial_timeout=2s&read_timeout=3s&write_timeout=4s&pool_size=5&exclusive_size=7&client_name=shop&protocol=3")
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, s.DialTimeout, "got %+v", s)
	require.Equal(t, 3*time.Second, s.ReadTimeout, "got %+v", s)
	require.Equal(t, 4*time.Second, s.WriteTimeout, "got %+v", s)
	require.Equal(t, 5, s.PoolSize, "got %+v", s)
	require.Equal(t, 7, s.ExclusiveSize, "got %+v", s)
	require.Equal(t, "shop", s.ClientName, "got %+v", s)
	require.Equal(t, 3, s.Protocol, "got %+v", s)
	s, _, err = read(t, "redis://h")
	require.NoError(t, err, "defaults: %+v", s)
	require.Equal(t, 3*time.Second, s.OpTimeout, "defaults: %+v", s)
	require.Equal(t, time.Second, s.DialTimeout, "defaults: %+v", s)
	require.Zero(t, s.ReadTimeout, "defaults: %+v", s)
	require.Equal(t, 0, s.PoolSize, "defaults: %+v", s)
	require.Equal(t, 64, s.ExclusiveSize, "defaults: %+v", s)
	dsn, err := driver.ParseDSN("redis://h")
	require.NoError(t, err)
	dsn.OpTimeout = 100 * time.Millisecond
	s, err = settings.Read(dsn)
	require.NoError(t, err, "with a short op_timeout: %+v", s)
	require.Equal(t, dsn.OpTimeout, s.OpTimeout, "with a short op_timeout: %+v", s)
	require.LessOrEqual(t, s.DialTimeout, dsn.OpTimeout, "with a short op_timeout: %+v, %v", s, err)
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	for file, content := range map[string]string{empty: "\n", text: "no certificate"} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	for _, tt := range []struct{ dsn, says string }{
		{"redis://h/x", "parameter db"},
		{"redis://h/-1", "parameter db"},
		{"redis://h/1?db=2", "contradicts"},
		{"redis://h?db=x", "parameter db"},
		{"redis://h?addr=i", "cannot be combined"},
		{"redis://h,i", "one host"},
		{"redis://?addr=a&addr=b", "one host"},
		{"redis://?addr=a:b", "parameter addr"},
		{"redis://?addr=a:0", "parameter addr"},
		{"redis://?addr=:1", "parameter addr"},
		{"redis://?addr=a%20b", "parameter addr"},
		{"redis://?addr=", "parameter addr"},
		{"redis+unix:///s?addr=a", "parameter addr"},
		{"redis+cluster://h", "+cluster"},
		{"redis+sentinel://h?master=m", "+sentinel"},
		{"redis://h?protocol=1", "from 2 to 3"},
		{"redis://h?protocol=0", "from 2 to 3"},
		{"redis://h?hello=off&protocol=3", "parameter hello"},
		{"redis://h?hello=never", "parameter hello"},
		{"redis://h?pool_size=0", "pool_size"},
		{"redis://h?exclusive_size=0", "exclusive_size"},
		{"redis://h?dial_timeout=5", "dial_timeout"},
		{"redis://h?read_timeout=0s", "read_timeout"},
		{"redis://h?write_timeout=x", "write_timeout"},
		{"redis://h?client_name=a%20b", "client_name"},
		{"redis://h?client_name=%C3%A4", "client_name"},
		{"redis://ann@h", "needs a password"},
		{"redis://:p@h?password_file=" + text, "cannot be combined"},
		{"redis://h?password_file=" + empty, "is empty"},
		{"redis://h?password_file=/nonexistent", "cannot be read"},
		{"redis://h?tls_ca=" + text, "rediss://"},
		{"redis://h?tls_server_name=x", "rediss://"},
		{"rediss://h?tls_ca=/nonexistent", "tls_ca cannot be read"},
		{"rediss://h?tls_ca=" + text, "no certificate"},
		{"rediss://h?tls_cert=" + text, "belong together"},
		{"rediss://h?tls_key=" + text, "belong together"},
		{"rediss://h?tls_cert=" + text + "&tls_key=" + text, "cannot be used"},
	} {
		_, _, err := read(t, tt.dsn)
		require.ErrorContains(t, err, tt.says, tt.dsn)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: bad DSN: "), "%s: got %v, want it to say %s", tt.dsn, err, tt.says)
	}
}

func TestReadWhatIsNotThereYet(t *testing.T) {
	for _, dsn := range []string{"redis+cluster://h", "redis+sentinel://h", "redis://h,i", "rediss+cluster://h,i"} {
		_, _, err := read(t, dsn)
		require.ErrorIs(t, err, errors.ErrUnsupported, dsn)
	}
}

// password returns the password of a new connection, or "".
func password(t *testing.T, s *settings.Settings) (string, error) {
	t.Helper()
	login, err := s.Login(t.Context())
	if login == nil {
		return "", err
	}
	words := login.Words()
	return words[len(words)-1], err
}

func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("from file\r\n")
	for dsn, want := range map[string]string{
		"redis://h":                         "",
		"redis://:p%40ss@h":                 "p@ss",
		"redis://ann:p@h":                   "p",
		"redis://h?password_file=" + file:   "from file",
		"redis://u@h?password_file=" + file: "from file",
	} {
		s, _, err := read(t, dsn)
		require.NoError(t, err, dsn)
		got, err := password(t, s)
		require.Equal(t, want, got, dsn)
		require.NoError(t, err, dsn)
		require.Equal(t, want != "", s.HasPassword(), dsn)
		require.False(t, want != "" && want != "p" && strings.Contains(fmt.Sprintf("%v %+v %#v", s, *s, s), want), "%s: shown as", dsn)
	}
	s, _, err := read(t, "redis://h?password_file="+file)
	require.NoError(t, err)
	write("new")
	got, err := password(t, s)
	require.Equal(t, "new", got, "after a change")
	require.NoError(t, err, "after a change")
}

func TestReadHello(t *testing.T) {
	for query, off := range map[string]bool{"": false, "?hello=on": false, "?hello=on&protocol=3": false, "?hello=off": true, "?hello=off&protocol=2": true} {
		s, dsn, err := read(t, "redis://h"+query)
		require.NoError(t, err, query)
		require.Equal(t, off, s.NoHello, query)
		require.NoError(t, dsn.Unread(), query)
	}
}
