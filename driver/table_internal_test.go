package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a later release adds to a group is not what the group is asked for.
func TestFirstReleaseOfAGroup(t *testing.T) {
	later := []Command{
		{Name: "LNEW", Group: GroupLists, Since: 3},
		{Name: "LPUSH", Group: GroupLists, Since: 1},
		{Name: "LRANGE", Group: GroupLists, Since: 1},
		{Name: "XADD", Group: GroupStreams, Since: 2},
		{Name: "XNEW", Group: GroupStreams, Since: 3},
	}
	names := func(group Group) (list []string) {
		for _, c := range firstOf(later, group) {
			list = append(list, c.Name)
		}
		return list
	}
	require.Equal(t, []string{"LPUSH", "LRANGE"}, names(GroupLists))
	require.Equal(t, []string{"XADD"}, names(GroupStreams))
	require.Empty(t, names(GroupSets))
}
