package attempt_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/attempt"
)

func TestMayFollow(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"passes, and changed nothing": {&driver.Error{Kind: driver.ErrUnavailable, Transient: true}, true},
		"passes, and may have":        {&driver.Error{Kind: driver.ErrUnavailable, Transient: true, Outcome: driver.Unknown}, false},
		"lasts":                       {&driver.Error{Kind: driver.ErrAuth}, false},
		"another's":                   {errors.New("other"), false},
		"none":                        {nil, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, attempt.MayFollow(test.err)) })
	}
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.True(t, attempt.Pause(t.Context(), time.Second))
		require.Equal(t, time.Second, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.False(t, attempt.Pause(ctx, time.Hour))
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}
