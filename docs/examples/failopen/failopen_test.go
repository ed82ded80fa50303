package failopen

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestAServiceGoesOnWithoutItsCache(t *testing.T) {
	server := servertest.Redis(t)
	c, err := Open("redis://" + server.Addr + "?op_timeout=20s&dial_timeout=20s") // the machine may be slow
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	ctx, loads := t.Context(), 0
	load := func(context.Context) (string, error) { loads++; return "Ada", nil }
	for range 3 {
		name, err := Profile(ctx, c, "42", load)
		require.NoError(t, err)
		require.Equal(t, "Ada", name)
	}
	require.Equal(t, 1, loads)
	require.NoError(t, LogOut(ctx, c, "s1"))

	server.Kill(t)
	for range 10 {
		name, err := Profile(ctx, c, "42", load)
		require.NoError(t, err)
		require.Equal(t, "Ada", name)
	}
	require.Equal(t, 11, loads)
	err = LogOut(ctx, c, "s1")
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	answer := httptest.NewRecorder()
	RefuseWhileOpen(answer, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.NotEmpty(t, answer.Header().Get("Retry-After"))
	require.Eventually(t, func() bool { // a probe may ask the server at the moment
		page := httptest.NewRecorder()
		Page(c)(page, nil)
		return strings.Contains(page.Body.String(), `"state":"open"`)
	}, time.Minute, 10*time.Millisecond)
	require.EqualValues(t, 10, c.FailedOpen().Reads.Total())

	server.Start(t)
	require.Eventually(t, func() bool { return LogOut(ctx, c, "s1") == nil }, time.Minute, 10*time.Millisecond)
}
