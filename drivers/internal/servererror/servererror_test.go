package servererror_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text      string
		kind      error
		transient bool
		unknown   bool
	}{
		{text: "WRONGTYPE Operation against a key holding the wrong kind of value", kind: driver.ErrWrongType},
		{text: "ERR Error running script (call to f_0): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value", kind: driver.ErrWrongType, unknown: true},
		{text: "ERR value is not an integer or out of range", kind: driver.ErrWrongType},
		{text: "ERR hash value is not an integer", kind: driver.ErrWrongType},
		{text: "ERR value is not a valid float", kind: driver.ErrWrongType},
		{text: "ERR increment or decrement would overflow", kind: driver.ErrOverflow},
		{text: "LOADING Redis is loading the dataset in memory", kind: driver.ErrUnavailable, transient: true},
		{text: "LOADING Valkey is loading the dataset in memory", kind: driver.ErrUnavailable, transient: true},
		{text: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", kind: driver.ErrUnavailable, transient: true},
		{text: "CLUSTERDOWN Hash slot not served", kind: driver.ErrUnavailable, transient: true},
		{text: "TRYAGAIN Multiple keys request during rehashing of slot", kind: driver.ErrUnavailable, transient: true},
		{text: "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", kind: driver.ErrUnavailable, transient: true},
		{text: "ERR max number of clients reached", kind: driver.ErrUnavailable, transient: true},
		{text: "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", kind: driver.ErrUnavailable},
		{text: "READONLY You can't write against a read only replica.", kind: driver.ErrReadOnly, transient: true},
		{text: "OOM command not allowed when used memory > 'maxmemory'.", kind: driver.ErrOutOfMemory},
		{text: "NOAUTH Authentication required.", kind: driver.ErrAuth},
		{text: "WRONGPASS invalid username-password pair or user is disabled.", kind: driver.ErrAuth},
		{text: "NOPERM this user has no permissions to run the 'get' command", kind: driver.ErrAuth},
		{text: "NOPERM No permissions to access a key", kind: driver.ErrAuth},
		{text: "EXECABORT Transaction discarded because of: NOPERM User probe has no permissions to run the 'exec' command", kind: driver.ErrAuth},
		{text: "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.", kind: driver.ErrReadOnly, transient: true},
		{text: "The user executing the script can't run this command or subcommand", kind: driver.ErrAuth},
		{text: "ERR The user executing the script can't run this command or subcommand script: 219bb33e, on @user_script:1.", kind: driver.ErrAuth, unknown: true},
		{text: "ERR ACL failure in script: User u has no permissions to run the 'set' command", kind: driver.ErrAuth},
		{text: "CROSSSLOT Keys in request don't hash to the same slot", kind: driver.ErrCrossSlot},
		{text: "ERR SELECT is not allowed in cluster mode", kind: errors.ErrUnsupported},
		{text: "ERR DB index is out of range", kind: errors.ErrUnsupported},
		{text: "ERR Protocol error: invalid bulk length", kind: driver.ErrTooLarge},
		{text: "ERR string exceeds maximum allowed size (proto-max-bulk-len)", kind: driver.ErrTooLarge},
		{text: "ERR unknown command 'XYZ', with args beginning with: 'a'", kind: errors.ErrUnsupported},
		{text: "ERR command 'HELLO' is not allowed", kind: errors.ErrUnsupported},
		{text: "ERR unsupported command 'HELLO'", kind: errors.ErrUnsupported},
		{text: "unsupported command 'HELLO'", kind: errors.ErrUnsupported}, // the next errors are Envoy's
		{text: "no upstream host", kind: driver.ErrUnavailable, transient: true},
		{text: "upstream failure", kind: driver.ErrUnavailable, transient: true, unknown: true},
		{text: "upstream protocol error", kind: driver.ErrUnavailable, unknown: true},
		{text: "finished with 2 error(s)", kind: driver.ErrUnavailable, unknown: true},
		{text: "invalid request", kind: servererror.ErrRefused},
		{text: "ERR Connection refused", kind: driver.ErrUnavailable, transient: true, unknown: true}, // the next errors are twemproxy's
		{text: "ERR Connection timed out", kind: driver.ErrUnavailable, transient: true, unknown: true},
		{text: "ERR Connection reset by peer", kind: driver.ErrUnavailable, transient: true, unknown: true},
		{text: "ERR Host is down", kind: driver.ErrUnavailable, transient: true, unknown: true},
		{text: "ERR Invalid argument", kind: driver.ErrUnavailable, unknown: true},
		{text: "ERR unknown", kind: driver.ErrUnavailable, unknown: true},
		{text: "SERVER_ERROR Connection refused", kind: driver.ErrUnavailable, unknown: true},
		{text: "Server Error: could not send", kind: driver.ErrUnavailable, unknown: true},
		{text: "ERR unknown command 'XYZ'", kind: errors.ErrUnsupported},
		{text: "NOSCRIPT No matching script. Please use EVAL.", kind: servererror.ErrNoScript},
		{text: "ERR Key should be of string type if conditions are specified", kind: driver.ErrWrongType},
		{text: "ERR syntax error", kind: driver.ErrSyntax},
		{text: "ERR syntax error script: 219bb33e, on @user_script:1.", kind: driver.ErrSyntax, unknown: true},
		{text: "ERR Error running script (call to f_0): @user_script:1: ERR syntax error", kind: servererror.ErrRefused, unknown: true},
		{text: "ERR wrong number of arguments for 'get' command", kind: driver.ErrSyntax},
		{text: "ERR Unsupported option NOSUCH", kind: driver.ErrSyntax},
		{text: "ERR unknown argument: ZZ", kind: driver.ErrSyntax},
		{text: "ERR invalid number of fields", kind: driver.ErrSyntax},
		{text: "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified", kind: driver.ErrSyntax},
		{text: "ERR invalid expire time in 'set' command", kind: driver.ErrSyntax},
		{text: "ERR value is out of range, must be positive", kind: driver.ErrSyntax},
		{text: "ERR NX and XX, GT or LT options at the same time are not compatible", kind: driver.ErrSyntax},
		{text: "ERR Number of keys can't be greater than number of args", kind: driver.ErrSyntax},
		{text: "ERR min or max is not a float", kind: driver.ErrSyntax},
		{text: "ERR Invalid stream ID specified as stream command argument", kind: driver.ErrSyntax},
		{text: "ERR some other refusal", kind: servererror.ErrRefused},
		{text: "ERR user_script:1: Script attempted to access nonexistent global variable 'x'", kind: servererror.ErrRefused, unknown: true},
	} {
		err := servererror.Parse(tt.text, nil)
		require.ErrorIs(t, err, tt.kind, "%q", tt.text)
		var e *driver.Error
		require.ErrorAs(t, err, &e, "%q: got a %T", tt.text, err)
		require.Equal(t, tt.transient, e.Transient, "%q: transient", tt.text)
		require.Equal(t, tt.unknown, errors.Is(err, driver.ErrUnknownOutcome), "%q: unknown outcome", tt.text)
	}
}

// A plain DSN on a cluster does not work, and the errors of the cluster do not name the
// reason.
func TestRefusalsOfAClusterNameTheSchemeForOne(t *testing.T) {
	for _, text := range []string{"MOVED 3999 127.0.0.1:6381", "CROSSSLOT Keys in request don't hash to the same slot"} {
		err := servererror.Parse(text, nil)
		for _, part := range []string{"redis+cluster://", "valkey+cluster://", text} {
			require.ErrorContains(t, err, part)
		}
	}
}

func TestParseMissingKeyIsBare(t *testing.T) {
	require.Same(t, driver.ErrNotFound, servererror.Parse("ERR no such key", nil))
}

type nativeError string

func (e nativeError) Error() string { return string(e) }

func TestParseKeepsTheCause(t *testing.T) {
	err := servererror.Parse("OOM command not allowed", func(text string) error { return nativeError(text) })
	var native nativeError
	require.ErrorAs(t, err, &native)
	require.Equal(t, nativeError("OOM command not allowed"), native)
}

func TestCleanCutsKeysAndValues(t *testing.T) {
	const canary = "canary"
	for _, tt := range []struct{ text, want string }{
		{"ERR unknown command 'FOO', with args beginning with: 'canary' 'canary' ", "ERR unknown command 'FOO'"},
		{"ERR unknown command `FOO`, with args beginning with: `canary`, ", "ERR unknown command 'FOO'"},
		{"ERR wrong number of arguments for 'get' command", "ERR wrong number of arguments for 'get' command"},
		{"NOPERM this user has no permissions to run the 'config|get' command", "NOPERM this user has no permissions to run the 'config|get' command"},
		{"NOPERM User bob has no permissions to access the 'canary' key", "NOPERM User bob has no permissions to access the '…' key"},
		{"ERR Bad value: \"canary canary\" given", "ERR Bad value: '…' given"},
		{"ERR Bad value: 'canary", "ERR Bad value: '…'"},
		{"READONLY You can't write against a read only replica.", "READONLY You can't write against a read only replica."},
		{"CROSSSLOT Keys in request don't hash to 'canary' the same", "CROSSSLOT Keys in request don't hash to '…' the same"},
		{"unsupported command 'HELLO'", "unsupported command 'HELLO'"},
		{"unsupported command 'canary canary'", "unsupported command '…'"},
		{"ERR command 'HELLO' is not allowed", "ERR command 'HELLO' is not allowed"},
		{"ERR first line\ncanary", "ERR first line"},
		{"ERR \xff\xfe", "ERR ?"},
		{"ERR " + strings.Repeat("x", 500), "ERR " + strings.Repeat("x", 196) + "…"},
	} {
		got := servererror.Clean(tt.text)
		require.Equal(t, tt.want, got, "%q", tt.text)
		require.NotContains(t, got, canary, "%q", tt.text)
	}
}

func TestOfArguments(t *testing.T) {
	for text, want := range map[string]error{
		"ERR value is not an integer or out of range":                       driver.ErrSyntax,
		"ERR value is not a valid float":                                    driver.ErrSyntax,
		"WRONGTYPE Operation against a key holding the wrong kind of value": driver.ErrWrongType,
		"ERR syntax error": driver.ErrSyntax,
		"OOM command not allowed when used memory > 'maxmemory'.": driver.ErrOutOfMemory,
	} {
		err := servererror.OfArguments(servererror.Parse(text, nil))
		require.ErrorIs(t, err, want, text)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome, text)
	}
	require.NoError(t, servererror.OfArguments(nil))
	require.Equal(t, driver.ErrNotFound, servererror.OfArguments(driver.ErrNotFound))
}

// A circuit breaker counts the replies that speak of the whole server.
func TestRepliesTellWhetherTheServerServesOthers(t *testing.T) {
	for text, answered := range map[string]bool{
		"LOADING Redis is loading the dataset in memory":           false,
		"MASTERDOWN Link with MASTER is down":                      false,
		"CLUSTERDOWN Hash slot not served":                         false,
		"BUSY Redis is busy running a script.":                     false,
		"ERR max number of clients reached":                        false,
		"no upstream host":                                         false,
		"NOREPLICAS Not enough good replicas to write.":            true,
		"MISCONF Redis is configured to save RDB snapshots":        true,
		"TRYAGAIN Multiple keys request during rehashing of slot":  true,
		"MOVED 3999 127.0.0.1:6381":                                true,
		"OOM command not allowed when used memory > 'maxmemory'.":  true,
		"WRONGTYPE Operation against a key holding the wrong kind": true,
		"NOPERM No permissions to access a key":                    true,
		"READONLY You can't write against a read only replica.":    true,
		"ERR a text that no rule knows":                            true,
	} {
		require.Equal(t, answered, driver.IsAnswered(servererror.Parse(text, nil)), text)
	}
}
