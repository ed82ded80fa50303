package driver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestCommandsCarryTheirRows(t *testing.T) {
	get := driver.NewCmd("GET", driver.Key("k"))
	require.Equal(t, "GET", get.Command().Name)
	require.True(t, get.Command().ReadOnly)
	require.Same(t, get.Command(), (&driver.Cmd{Name: "GET"}).Command(), "also of a command that NewCmd did not make")
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = get.Command().ReadOnly }))

	unknown := driver.NewCmd("NO.SUCH")
	require.NotNil(t, unknown.Command())
	require.Equal(t, driver.Command{}, *unknown.Command(), "a write of no group")
	require.False(t, unknown.IsCustom())

	custom := driver.NewCustomCmd("BF.ADD", driver.Key("filter"), driver.Val([]byte("v")))
	require.True(t, custom.IsCustom())
	require.False(t, custom.Command().ReadOnly)
	require.Equal(t, driver.GroupCustom, custom.Command().Group)
	require.Equal(t, "filter", custom.Key())
	require.Equal(t, -1, custom.Command().Index())

	known := driver.NewCustomCmd("GET", driver.Key("k"))
	require.False(t, known.IsCustom(), "the table has it")
	require.Same(t, get.Command(), known.Command())
}

func TestIndexOfARow(t *testing.T) {
	for i, row := range driver.Commands() {
		require.Equal(t, i, row.Index(), row.Name)
		require.GreaterOrEqual(t, row.Since, 1, row.Name)
		require.LessOrEqual(t, row.Since, driver.Release, row.Name)
	}
}

func TestCommandSetOfRows(t *testing.T) {
	set := driver.NewCommandSet("GET", "OWN.COMMAND")
	require.True(t, set.Runs(driver.NewCmd("GET")))
	require.True(t, set.Runs(&driver.Cmd{Name: "GET"}))
	require.False(t, set.Runs(driver.NewCmd("SET")))
	require.True(t, set.Runs(driver.NewCmd("OWN.COMMAND")))
	require.False(t, set.Runs(driver.NewCustomCmd("BF.ADD")))
	require.False(t, driver.CommandSet{}.Runs(driver.NewCmd("GET")))
}

func TestGroupsOfACommandSet(t *testing.T) {
	var lists []string
	for _, row := range driver.Commands() {
		if row.Group == driver.GroupLists && !row.Blocking {
			lists = append(lists, row.Name)
		}
	}
	require.True(t, driver.NewCommandSet(lists...).HasGroup(driver.GroupLists))
	require.False(t, driver.NewCommandSet(lists[1:]...).HasGroup(driver.GroupLists))
	require.False(t, driver.NewCommandSet(lists...).HasGroup(driver.GroupSets))
	require.False(t, driver.NewCommandSet(lists...).HasGroup("nosuch"))
}

func TestCommandsThatWait(t *testing.T) {
	for _, name := range []string{"BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"} {
		row, ok := driver.LookupCommand(name)
		require.True(t, ok && row.Blocking && !row.ReadOnly, name)
		require.True(t, driver.NewCustomCmd(name).Waits(), name)
	}
	block, streams, key := driver.Literal("block"), driver.Literal("STREAMS"), driver.Key("BLOCK")
	for _, name := range []string{"XREAD", "XREADGROUP"} {
		require.False(t, driver.NewCmd(name, streams, key, driver.Literal("0")).Waits())
		require.True(t, driver.NewCmd(name, block, driver.Int(0), streams, key, driver.Literal("0")).Waits())
		require.True(t, driver.NewCmd(name, block, driver.WaitMilliseconds(0), streams, key, driver.Literal("0")).Waits())
	}
	require.False(t, driver.NewCmd("SET", key, block).Waits())
}

func TestCommandsThatAReplicaAnswers(t *testing.T) {
	for name, want := range map[string]bool{"GET": true, "ZRANGE": true, "SET": false, "ZSCAN": false, "EVAL": false, "XRANGE": true, "XPENDING": false, "XINFO": false} {
		row, _ := driver.LookupCommand(name)
		require.Equal(t, want, row.AtReplica(), name)
	}
	scan, _ := driver.LookupCommand("ZSCAN")
	require.True(t, scan.ReadOnly, "it may be sent again")
}
