package driver_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestParseDSN(t *testing.T) {
	type want struct {
		driver         string
		topology       driver.Topology
		tls, unix      bool
		user, password string
		hosts          string // name|port, with spaces between
		path           string
	}
	const (
		standalone = driver.Standalone
		cluster    = driver.Cluster
		sentinel   = driver.Sentinel
	)
	tests := []struct {
		text string
		want want
	}{
		{"memory://", want{driver: "memory", topology: standalone}},
		{"memory://name", want{driver: "memory", topology: standalone, hosts: "name"}},
		{"memory://name?max_entries=3", want{driver: "memory", topology: standalone, hosts: "name"}},
		{"redis://", want{driver: "redis", topology: standalone}},
		{"redis://h", want{driver: "redis", topology: standalone, hosts: "h"}},
		{"REDIS://H", want{driver: "redis", topology: standalone, hosts: "H"}},
		{"redis://h:6379", want{driver: "redis", topology: standalone, hosts: "h|6379"}},
		{"redis://h:6379/", want{driver: "redis", topology: standalone, hosts: "h|6379"}},
		{"redis://h:6379/3", want{driver: "redis", topology: standalone, hosts: "h|6379", path: "3"}},
		{"redis:///3", want{driver: "redis", topology: standalone, path: "3"}},
		{"redis://h?db=3", want{driver: "redis", topology: standalone, hosts: "h"}},
		{"rediss://h", want{driver: "redis", topology: standalone, tls: true, hosts: "h"}},
		{"valkey://h", want{driver: "valkey", topology: standalone, hosts: "h"}},
		{"valkeys://h", want{driver: "valkey", topology: standalone, tls: true, hosts: "h"}},
		{"redis+cluster://a,b", want{driver: "redis", topology: cluster, hosts: "a b"}},
		{"rediss+cluster://a", want{driver: "redis", topology: cluster, tls: true, hosts: "a"}},
		{"valkeys+sentinel://a:1,b:2?master=m", want{driver: "valkey", topology: sentinel, tls: true, hosts: "a|1 b|2"}},
		{"redis+unix:///run/redis.sock", want{driver: "redis", topology: standalone, unix: true, path: "/run/redis.sock"}},
		{"valkey+unix://u:p@/run/v%20k.sock?db=1", want{driver: "valkey", topology: standalone, unix: true, user: "u", password: "p", path: "/run/v k.sock"}},
		{"redis://h1:1,[::1]:2,h3,[fe80::1%25eth0]:4", want{driver: "redis", topology: standalone, hosts: "h1|1 ::1|2 h3 fe80::1%eth0|4"}},
		{"redis://[2001:db8::1]", want{driver: "redis", topology: standalone, hosts: "2001:db8::1"}},
		{"redis://h:1,h:65535", want{driver: "redis", topology: standalone, hosts: "h|1 h|65535"}},
		{"redis://u@h", want{driver: "redis", topology: standalone, user: "u", hosts: "h"}},
		{"redis://u:p@h", want{driver: "redis", topology: standalone, user: "u", password: "p", hosts: "h"}},
		{"redis://:p@h", want{driver: "redis", topology: standalone, password: "p", hosts: "h"}},
		{"redis://u:@h", want{driver: "redis", topology: standalone, user: "u", hosts: "h"}},
		{"redis://@h", want{driver: "redis", topology: standalone, hosts: "h"}},
		{"redis://u%40v:p%3A%2F%3F%23%25%40@h", want{driver: "redis", topology: standalone, user: "u@v", password: "p:/?#%@", hosts: "h"}},
		{"redis://u:p+q@h", want{driver: "redis", topology: standalone, user: "u", password: "p+q", hosts: "h"}},
		{"other-driver2://h", want{driver: "other-driver2", topology: standalone, hosts: "h"}},
	}
	for _, test := range tests {
		d, err := driver.ParseDSN(test.text)
		require.NoError(t, err, test.text)
		got := want{d.Driver, d.Topology, d.TLS, d.Unix, d.User, d.Password.Reveal(), "", d.Path}
		var names []string
		for _, h := range d.Hosts {
			names = append(names, strings.TrimSuffix(h.Name+"|"+h.Port, "|"))
		}
		got.hosts = strings.Join(names, " ")
		require.Equal(t, test.want, got, test.text)
		require.NoError(t, d.Err(), "%s: Err()", test.text)
	}
}

func TestParseDSNRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "no scheme"},
		{"localhost:6379", "no scheme"},
		{"redis:/h", "no scheme"},
		{"://h", "not a name"},
		{"re dis://h", "not a name"},
		{"1redis://h", "not a name"},
		{"redis+://h", "not a name"},
		{"redis+ring://h", "unknown suffix"},
		{"redis+cluster+unix://h", "not a name"},
		{"rediss+unix:///run/r.sock", "unix socket has no TLS"},
		{"redis+unix://", "names no socket"},
		{"redis+unix:///", "names no socket"},
		{"redis+unix://h/run/r.sock", "unix socket has no host"},
		{"redis://h#1", "holds a #"},
		{"redis://u:p@q@h", "raw @ or :"},
		{"redis://u:p:q@h", "raw @ or :"},
		{"redis://u:p/q@h", "@ after the hosts"},
		{"redis://u:p?q@h", "@ after the hosts"},
		{"redis://h?prefix=a@b", "@ after the hosts"},
		{"redis://u%zz@h", "user name has a %"},
		{"redis://u:%p@h", "password has a %"},
		{"redis://h/%", "path has a %"},
		{"redis://h?prefix=%", "value of parameter prefix has a %"},
		{"redis://h:", "host 1: its port is empty"},
		{"redis://h:x", "host 1: its port is not a number"},
		{"redis://h:0", "from 1 to 65535"},
		{"redis://h:65536", "from 1 to 65535"},
		{"redis://h:-1", "from 1 to 65535"},
		{"redis://a,", "host 2: it is empty"},
		{"redis://,a", "host 1: it is empty"},
		{"redis://a,:1", "host 2: its name is empty"},
		{"redis://::1", "in [ ]"},
		{"redis://[::1", "lacks its ]"},
		{"redis://[]", "not an IPv6 address"},
		{"redis://[localhost]:1", "not an IPv6 address"},
		{"redis://[::1]1", "must follow the ]"},
		{"redis://[::1]:", "port is empty"},
		{"redis://a b", "not a host name"},
		{"redis://a%20b", "not a host name"},
		{"redis://a%3Ab", "not a host name"},
		{"redis://a%2Cb", "not a host name"},
		{"redis://h?Prefix=a", "parameter 1 has an unreadable name"},
		{"redis://h?ttl=1s&=a", "parameter 2 has an unreadable name"},
		{"redis://h?ttl", "parameter 1 has no value"},
	}
	for _, test := range tests {
		d, err := driver.ParseDSN(test.text)
		require.ErrorContains(t, err, test.want, "%q: %v", test.text, d)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: bad DSN: "), "%q: %v, %v, want an error that says %q", test.text, d, err, test.want)
	}
}

func TestHostAddr(t *testing.T) {
	for _, test := range []struct {
		host driver.Host
		want string
	}{
		{driver.Host{Name: "h"}, "h:6379"},
		{driver.Host{Name: "h", Port: "1"}, "h:1"},
		{driver.Host{Name: "::1"}, "[::1]:6379"},
		{driver.Host{Name: "fe80::1%eth0", Port: "2"}, "[fe80::1%eth0]:2"},
	} {
		require.Equal(t, test.want, test.host.Addr("6379"), test.host)
	}
}

// equalDSN compares two parsed DSNs but for their secrets.
func equalDSN(a, b *driver.DSN) bool {
	withheld := func(d *driver.DSN) bool { return d.Password.Reveal() == "" && !d.Has("password_file") }
	users := a.User == b.User || withheld(a) && (a.User == "") == (b.User == "")
	return users && a.Scheme == b.Scheme && a.Driver == b.Driver && a.Topology == b.Topology && a.TLS == b.TLS && a.Unix == b.Unix &&
		(a.Password.Reveal() == "") == (b.Password.Reveal() == "") && reflect.DeepEqual(a.Hosts, b.Hosts) && a.Path == b.Path &&
		a.String() == b.String()
}

func FuzzParseDSN(f *testing.F) {
	for _, text := range []string{
		"", "memory://", "memory://name?max_entries=3", "redis://u:p%40w@h1:1,[::1]:2,h3/3?ttl=1s&prefix=a%2Bb%20c",
		"rediss+cluster://h", "redis+unix:///run/x.sock?db=1", "valkey+sentinel://:p@a,b?master=m&sentinel_password=s",
		"redis://u@h?password_file=/run/p", "redis://[fe80::1%25eth0]", "redis://h//x%2F%40?a=1&a=2&b=", "redis://u:ca/nary@host",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := driver.ParseDSN(text)
		if err != nil {
			require.Nil(t, d, "%q", text)
			require.True(t, strings.HasPrefix(err.Error(), "xcache: bad DSN: "), "%q: %v, %v", text, d, err)
			return
		}
		again, err := driver.ParseDSN(d.String())
		require.NoError(t, err, "%q is shown as %q, which cannot be parsed", text, d)
		require.True(t, equalDSN(d, again), "%q is shown as %q, which is parsed as %q", text, d, again)
		require.False(t, d.Password.Reveal() != "" && len(d.Password.Reveal()) > 40 && strings.Contains(d.String(), d.Password.Reveal()), "%q shows its password: %q", text, d)
	})
}
