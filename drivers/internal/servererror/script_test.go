package servererror_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// The text of a script's error may begin like an error of a server. Such a text is no
// reason to run the script again.
func TestOfScript(t *testing.T) {
	for _, tt := range []struct {
		text    string
		kind    error
		refused bool // the script was not run
		again   bool // the script may be run again
	}{
		{text: "NOSCRIPT No matching script. Please use EVAL.", kind: servererror.ErrNoScript, refused: true},
		{text: "NOSCRIPT No matching script.", kind: driver.ErrScript, refused: true},
		{text: "NOSCRIPT of mine", kind: driver.ErrScript},
		{text: "ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'", kind: driver.ErrSyntax, refused: true},
		{text: "ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>' script: 12, on @user_script:1.", kind: driver.ErrSyntax, refused: true},
		{text: "ERR Function not found", kind: driver.ErrScript, refused: true},
		{text: "ERR unknown command 'EVAL_RO', with args beginning with: 'x'", kind: errors.ErrUnsupported, refused: true},
		{text: "LOADING Redis is loading the dataset in memory", kind: driver.ErrUnavailable, refused: true, again: true},
		{text: "LOADING Valkey is loading the dataset in memory", kind: driver.ErrUnavailable, refused: true, again: true},
		{text: "LOADING the lorry", kind: driver.ErrScript},
		{text: "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", kind: driver.ErrUnavailable, refused: true, again: true},
		{text: "BUSY the lock is held", kind: driver.ErrScript},
		{text: "TRYAGAIN Multiple keys request during rehashing of slot", kind: driver.ErrUnavailable, refused: true, again: true},
		{text: "TRYAGAIN in a minute", kind: driver.ErrScript},
		{text: "CLUSTERDOWN Hash slot not served", kind: driver.ErrUnavailable, refused: true, again: true},
		{text: "MOVED 3999 127.0.0.1:6381", kind: driver.ErrUnavailable, refused: true},
		{text: "MOVED to Berlin", kind: driver.ErrScript},
		{text: "NOPERM User u has no permissions to run the 'eval' command", kind: driver.ErrAuth, refused: true},
		{text: "ERR ACL failure in script: User u has no permissions to run the 'set' command", kind: driver.ErrAuth},
		{text: "READONLY You can't write against a read only replica.", kind: driver.ErrReadOnly},
		{text: "OOM command not allowed when used memory > 'maxmemory'. script: 12, on @user_script:1.", kind: driver.ErrOutOfMemory},
		{text: "ERR no such key", kind: driver.ErrScript},
		{text: "ERR no such key script: 12, on @user_script:1.", kind: driver.ErrScript},
		{text: "BUSYGROUP Consumer Group name already exists", kind: driver.ErrScript},
		{text: "WRONGTYPE Operation against a key holding the wrong kind of value script: 12, on @user_script:1.", kind: driver.ErrWrongType},
		{text: "NOSTOCK sold out", kind: driver.ErrScript},
		{text: "upstream failure", kind: driver.ErrUnavailable}, // by a proxy
	} {
		err := servererror.OfScript(servererror.Parse(tt.text, nil), false)
		require.ErrorIs(t, err, tt.kind, tt.text)
		require.Equal(t, !tt.refused, errors.Is(err, driver.ErrUnknownOutcome), "%s: the outcome is unknown", tt.text)
		e, ok := errors.AsType[*driver.Error](err)
		require.True(t, ok, tt.text)
		require.Equal(t, tt.again, e.Transient && e.Outcome == driver.NotApplied, "%s: may be run again", tt.text)
		require.NotErrorIs(t, servererror.OfScript(servererror.Parse("NOSTOCK sold out", nil), true), driver.ErrUnknownOutcome, "it only reads")
	}
	failed, ok := errors.AsType[*driver.ScriptError](servererror.OfScript(servererror.Parse("NOSTOCK sold out", nil), false))
	require.True(t, ok)
	require.Equal(t, "NOSTOCK", failed.Code())
	require.Empty(t, (&driver.ScriptError{Text: "Sold out"}).Code())
	require.Empty(t, (&driver.ScriptError{Text: "42 sold"}).Code())
}
