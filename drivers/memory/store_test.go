package memory_test

import (
	"testing"

	"github.com/xcache-go/xcache/drivers/memory"
)

func newStore(t testing.TB, options memory.Options) *memory.Store {
	t.Helper()
	store, err := memory.NewStore(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
