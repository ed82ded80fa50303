package servererror_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

func TestRedirect(t *testing.T) {
	native := errors.New("native")
	for _, tt := range []struct {
		text string
		want *servererror.RedirectError // nil without a redirection
	}{
		{"MOVED 3999 127.0.0.1:6381", &servererror.RedirectError{Slot: 3999, Host: "127.0.0.1", Port: "6381"}},
		{"ASK 16383 cache-2.example:6379", &servererror.RedirectError{Slot: 16383, Host: "cache-2.example", Port: "6379", Ask: true}},
		{"MOVED 1 ::1:6381", &servererror.RedirectError{Slot: 1, Host: "::1", Port: "6381"}},
		{"MOVED 1 [::1]:6381", &servererror.RedirectError{Slot: 1, Host: "::1", Port: "6381"}},
		{"MOVED 0 :6381", &servererror.RedirectError{Slot: 0, Port: "6381"}},
		{"MOVED 1 ?:6381", &servererror.RedirectError{Slot: 1, Host: "?", Port: "6381"}},
		{"MOVED 16384 127.0.0.1:6381", nil},
		{"MOVED x 127.0.0.1:6381", nil},
		{"MOVED 1 127.0.0.1:", nil},
		{"MOVED 1 127.0.0.1", nil},
		{"MOVED 1", nil},
		{"CLUSTERDOWN The cluster is down", nil},
	} {
		err := servererror.Parse(tt.text, func(string) error { return native })
		require.ErrorIs(t, err, driver.ErrUnavailable, tt.text)
		require.ErrorIs(t, err, native, tt.text)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome, tt.text)
		var got *servererror.RedirectError
		require.Equal(t, tt.want != nil, errors.As(err, &got), tt.text)
		if got == nil || tt.want == nil {
			continue
		}
		require.Equal(t, tt.want.Slot, got.Slot, tt.text)
		require.Equal(t, tt.want.Host, got.Host, tt.text)
		require.Equal(t, tt.want.Port, got.Port, tt.text)
		require.Equal(t, tt.want.Ask, got.Ask, tt.text)
	}
}

func TestIsTryAgain(t *testing.T) {
	for text, want := range map[string]bool{
		"TRYAGAIN Multiple keys request during rehashing of slot": true,
		"CLUSTERDOWN Hash slot not served":                        false,
		"ERR no such key":                                         false,
	} {
		require.Equal(t, want, servererror.IsTryAgain(servererror.Parse(text, nil)), text)
	}
}

func TestMarkSelfRedirect(t *testing.T) {
	for text, want := range map[string]bool{
		"MOVED 1 h:1":                 true,
		"MOVED 1 :1":                  true,
		"MOVED 1 h:2":                 false,
		"MOVED 1 g:1":                 false,
		"MOVED 1 ?:1":                 false,
		"ASK 1 h:1":                   false,
		"ERR no such thing":           false,
		"CLUSTERDOWN the cluster is.": true, // transient already
	} {
		err := servererror.MarkSelfRedirect(servererror.Parse(text, nil), "h:1")
		var e *driver.Error
		require.ErrorAs(t, err, &e, "%s: got %+v", text, e)
		require.Equal(t, want, e.Transient, "%s: got %+v", text, e)
		require.Equal(t, driver.NotApplied, e.Outcome, "%s: got %+v", text, e)
	}
	require.NoError(t, servererror.MarkSelfRedirect(nil, "h:1"))
}
