package failopen

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestAServiceGoesOnWithoutItsCache(t *testing.T) {
	server := servertest.Redis(t)
	c, err := Open("redis://" + server.Addr)
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
	page := httptest.NewRecorder()
	Page(c)(page, nil)
	require.Contains(t, page.Body.String(), `"state":"open"`)
	require.EqualValues(t, 10, c.FailedOpen().Reads.Total())

	server.Start(t)
	require.Eventually(t, func() bool { return LogOut(ctx, c, "s1") == nil }, time.Minute, 10*time.Millisecond)
}
