package docs

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// TestACLOfConsumers holds docs/streams.md to what it says that a consumer needs: all of that
// is enough, and without any one of it the consumer ends with ErrAuth.
func TestACLOfConsumers(t *testing.T) {
	commands := permissionsOn(t, "streams.md", "**Permissions** of a consumer:")
	require.Len(t, commands, 7)
	eachServer(t, func(t *aclTest) {
		require.ErrorIs(t, t.consume(commands), context.Canceled, "with all")
		for i, command := range commands {
			require.ErrorIs(t, t.consume(slices.Delete(slices.Clone(commands), i, i+1)), xcache.ErrAuth, "without %s", command)
		}
	})
}

// permissionsOn returns the commands that a page names behind a heading, up to a semicolon.
func permissionsOn(t *testing.T, page, heading string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, line, ok := strings.Cut(string(text), heading)
	require.True(t, ok, "%s tells %s", page, heading)
	line, _, _ = strings.Cut(line, ";")
	for _, found := range regexp.MustCompile("`\\+([a-z]+)`").FindAllStringSubmatch(line, -1) {
		commands = append(commands, found[1])
	}
	return commands
}

// consume consumes, as a user who may run commands, a stream with an entry that another
// consumer left and one that nobody has read. Both handlers take longer than MinIdle and fail.
// It ends when both entries are dead letters.
func (t *aclTest) consume(commands []string) error {
	t.Helper()
	server := t.primary(":1:s")
	server.Do(t, "FLUSHALL")
	server.Do(t, "XADD", ":1:s", "1-0", "f", `"a"`)
	server.Do(t, "XGROUP", "CREATE", ":1:s", "g", "0")
	server.Do(t, "XREADGROUP", "GROUP", "g", "other", "STREAMS", ":1:s", ">")
	server.Do(t, "XADD", ":1:s", "2-0", "f", `"b"`)
	t.allow(commands)
	cache, err := xcache.OpenDSN(t.dsn, longTimeout)
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	streams, err := mixins.NewStreams[string](cache)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var dead atomic.Int32
	return streams.Consume(ctx, "s", "g", "c", func(ctx context.Context, _ mixins.Delivered[string]) error {
		select {
		case <-ctx.Done():
		case <-time.After(150 * time.Millisecond):
		}
		return errors.New("it fails")
	}, mixins.ConsumeOptions{
		MinIdle: 100 * time.Millisecond, MaxDeliveries: 2, DeadLetter: "dead",
		Observe: func(e mixins.ConsumeEvent) {
			if e.Kind == mixins.EntryDeadLettered && dead.Add(1) == 2 {
				cancel()
			}
		},
	})
}
