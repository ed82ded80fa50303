package driver_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

const canary = "canary"

// canaryDSNs returns good and bad DSNs in which the password is the canary, or
// holds it between characters that ought to be escaped.
func canaryDSNs() []string {
	schemes := []string{"redis://", "rediss://", "valkey+cluster://", "redis+sentinel://", "redis+unix://", "memory://", "REDIS://", "unknown+x://", "", "redis:", "redis:/"}
	passwords := []string{
		canary, canary + "@", canary + ":", canary + "/", canary + "?", canary + "#", canary + "%", canary + ",", canary + "&", canary + "=", canary + "[", canary + " ",
		"@" + canary, ":" + canary, "/" + canary, "?" + canary, "#" + canary, "%" + canary, "," + canary, "[" + canary, "]" + canary, "x=" + canary, "\x00" + canary, "\n" + canary, "%25" + canary, "%40" + canary, "%zz" + canary, "é" + canary,
	}
	var all []string
	for _, scheme := range schemes {
		for _, p := range passwords {
			all = append(all,
				scheme+"user:"+p+"@host:6379/0",
				scheme+":"+p+"@host",
				scheme+"user:"+p+"@host:port",          // a bad port
				scheme+"user:"+p+"@a,[::1,b?ttl=1s",    // a bad host
				scheme+"user:"+p+"@host?unknown=1&ttl", // a bad parameter
				scheme+"user:"+p+"@/run/redis.sock",
			)
		}
		all = append(all,
			scheme+"user:"+canary,                            // no host
			scheme+"user:"+canary+",host",                    // no @
			scheme+canary+"@host:6379",                       // no colon
			scheme+"user:"+canary+"@host@other",              // two @
			scheme+"user:a:"+canary+"@host",                  // two colons
			scheme+"host?password="+canary,                   // as a parameter
			scheme+"host?sentinel_password="+canary,          //
			scheme+"host?password="+canary+"&password=again", //
			scheme+"host?pasword="+canary,                    // misspelled
			scheme+"host?sentinel_pasword="+canary,           //
			scheme+"host?passwd="+canary,                     //
			scheme+"host?pwd="+canary,                        //
			scheme+"host?auth="+canary,                       //
			scheme+"host?auth_token="+canary,                 //
			scheme+"host?client_secret="+canary,              //
			scheme+"host?"+canary,                            // as the name of one
			scheme+"host?Password:"+canary+"=1",              //
			scheme+"host?ttl="+canary,                        // as the value of another
			scheme+"host?db="+canary,                         //
			scheme+"host?read="+canary,                       //
			scheme+"host?tls="+canary,                        //
			scheme+"host?max_bytes="+canary,                  //
			scheme+"host?jitter="+canary,                     //
		)
	}
	return all
}

// shown returns all the ways in which v may find its way into a log.
func shown(v any) []string {
	var all []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t", "%100v", "%-5.3s", "%+q", "% x"} {
		all = append(all, fmt.Sprintf(verb, v))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "value", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "value", v)
	encoded, err := json.Marshal(v)
	return append(all, fmt.Sprint(v), fmt.Sprint(&v), fmt.Sprint([]any{v}), log.String(), string(encoded), fmt.Sprint(err))
}

func checkHidden(t *testing.T, dsn, what string, v any) {
	t.Helper()
	for _, text := range shown(v) {
		require.NotContains(t, text, canary, "%q: %s shows the password", dsn, what)
		require.NotContains(t, text, fmt.Sprintf("%x", canary), "%q: %s shows the password", dsn, what)
		require.NotContains(t, text, fmt.Sprintf("%X", canary), "%q: %s shows the password", dsn, what)
	}
}

func TestNoPasswordIsEverShown(t *testing.T) {
	type options struct {
		Pointer *driver.DSN
		Value   driver.DSN
		Secret  driver.Secret
		hidden  driver.Secret
	}
	good, bad := 0, 0
	for _, text := range canaryDSNs() {
		d, err := driver.ParseDSN(text)
		if err != nil {
			bad++
			checkHidden(t, text, "the error of ParseDSN", err)
			continue
		}
		good++
		// As the value of a parameter that is no secret, it may be shown by
		// the DSN, but not by an error.
		if !strings.Contains(text, "ttl="+canary) && !strings.Contains(text, "db=") && !strings.Contains(text, "read=") &&
			!strings.Contains(text, "tls=") && !strings.Contains(text, "max_bytes=") && !strings.Contains(text, "jitter=") {
			checkHidden(t, text, "the DSN", d)
			checkHidden(t, text, "the DSN as a value", *d)
			checkHidden(t, text, "a struct", options{d, *d, d.Password, d.Password})
			checkHidden(t, text, "a pointer to a struct", &options{d, *d, d.Password, d.Password})
			checkHidden(t, text, "a map", map[string]*driver.DSN{"dsn": d})
		}
		checkHidden(t, text, "Unread", d.Unread())
		d.Duration("ttl", time.Second)
		d.TTL("ttl", time.Second)
		d.Int("db", 0, 0, 15)
		d.Word("read", "primary", "replica")
		d.Bool("tls", false)
		d.Size("max_bytes", 0)
		d.Float("jitter", 0, 0, 1)
		d.Text("prefix", "")
		for _, name := range []string{"password", "sentinel_password", "pasword", "auth"} {
			checkHidden(t, text, "a secret", d.Secret(name))
			d.Refuse(name, "must not be empty")
		}
		checkHidden(t, text, "Err", d.Err())
		checkHidden(t, text, "Unread", d.Unread())
	}
	require.GreaterOrEqual(t, good, 50, "%d good and %d bad DSNs, want more", good, bad)
	require.GreaterOrEqual(t, bad, 200, "%d good and %d bad DSNs, want more", good, bad)
	t.Logf("%d good and %d bad DSNs", good, bad)
}

func TestWhatIsReadAsASecretIsNotShown(t *testing.T) {
	d, err := driver.ParseDSN("redis://host?pin=" + canary)
	require.NoError(t, err)
	require.Equal(t, canary, d.Secret("pin").Reveal(), "Reveal()")
	checkHidden(t, "redis://host?pin=…", "the DSN", d)
}

func TestWhatIsShown(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"redis://u:p@h:1/2?ttl=1s", "redis://u:xxxxx@h:1/2?ttl=1s"},
		{"redis://:p@h", "redis://:xxxxx@h"},
		{"redis://u@h", "redis://xxxxx@h"},
		{"redis://u@h?password_file=/run/p", "redis://u@h?password_file=%2Frun%2Fp"},
		{"redis+sentinel://a,b?sentinel_password=p&master=m", "redis+sentinel://a,b?master=m&sentinel_password=xxxxx"},
		{"redis+unix:///run/r%20s.sock", "redis+unix:///run/r%20s.sock"},
		{"redis://[fe80::1%25eth0]:1?addr=a&addr=b", "redis://[fe80::1%25eth0]:1?addr=a&addr=b"},
		{"redis://h?tls_key=/k", "redis://h?tls_key=%2Fk"},
	} {
		d, err := driver.ParseDSN(test.text)
		require.NoError(t, err)
		for _, got := range []string{d.String(), fmt.Sprint(d), fmt.Sprint(*d), fmt.Sprintf("%+v", d)} {
			require.Equal(t, test.want, got, "%s is shown as", test.text)
		}
	}
	require.Equal(t, "<nil>", fmt.Sprint((*driver.DSN)(nil)), "a nil DSN is shown as")
	require.Equal(t, "://", fmt.Sprint(driver.DSN{}), "the zero DSN is shown as")
	require.Equal(t, `xxxxx|"xxxxx"|`, fmt.Sprintf("%v|%#v|%v", driver.NewSecret("p"), driver.NewSecret("p"), driver.NewSecret("")), "secrets are shown as")
}
