package memory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// This test does not import package lua.
func TestScriptsNeedAnImportThatTheErrorNames(t *testing.T) {
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c, err := xcache.New(store)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })

	_, err = mixins.NewScripts(c)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "xcache/drivers/memory/lua")

	for _, name := range []string{"EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO"} {
		cmd := driver.NewCmd(name, driver.Literal("return 1"), driver.Int(0))
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		require.ErrorIs(t, cmd.Err, errors.ErrUnsupported, name)
		require.ErrorContains(t, cmd.Err, "xcache/drivers/memory/lua", name)
		require.ErrorIs(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Atomic), errors.ErrUnsupported, name)
	}
}
