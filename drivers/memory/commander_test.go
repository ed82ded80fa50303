package memory_test

import (
	"slices"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func TestStoreRunsEveryCommandThereIs(t *testing.T) {
	var want []string
	for _, row := range driver.Commands() {
		want = append(want, row.Name)
	}
	if got := newStore(t, memory.Options{}).Commands().Names(); !slices.Equal(got, want) {
		t.Errorf("Commands() = %q, want the table: %q", got, want)
	}
}
