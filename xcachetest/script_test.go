package xcachetest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// handleTypes are the handles on structures, by the groups of their commands.
var handleTypes = map[driver.Group]reflect.Type{
	driver.GroupLists:      reflect.TypeFor[*mixins.Lists[string]](),
	driver.GroupSets:       reflect.TypeFor[*mixins.Sets[string]](),
	driver.GroupHashes:     reflect.TypeFor[*mixins.Hashes[string]](),
	driver.GroupSortedSets: reflect.TypeFor[*mixins.SortedSets[string]](),
	driver.GroupStreams:    reflect.TypeFor[*mixins.Streams[string]](),
}

func TestEveryCommandOfAStructureHasAMethod(t *testing.T) {
	for _, row := range driver.Commands() {
		handle, ok := handleTypes[row.Group]
		if !ok {
			continue
		}
		has := false
		for method := range handle.Methods() {
			name := strings.ToUpper(method.Name)
			has = has || name == row.Name || (row.Name == "XGROUP" || row.Name == "XINFO") && strings.HasPrefix(name, row.Name)
		}
		if !has {
			t.Errorf("%s is a command on %s, and %s has no such method", row.Name, row.Group, handle)
		}
	}
}

// Methods that wait, and loops, have checks of their own.
func TestEveryMethodOfAHandleIsInAScript(t *testing.T) {
	elsewhere := []string{"In", "WithTx", "SScan", "HScan", "ZScan", "Entries", "Follow", "Consume", "DeadLetters"}
	inScripts := make(map[string]bool)
	for _, scripts := range allScripts() {
		for _, sc := range scripts {
			for _, c := range sc.calls {
				inScripts[c.method] = true
			}
		}
	}
	for group, handle := range handleTypes {
		for method := range handle.Methods() {
			row, _ := driver.LookupCommand(strings.ToUpper(method.Name))
			if !inScripts[method.Name] && !row.Blocking && !slices.Contains(elsewhere, method.Name) {
				t.Errorf("no script of %s calls %s", group, method.Name)
			}
		}
	}
}
