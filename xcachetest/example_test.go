package xcachetest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/xcachetest"
)

// The driver is an embedded cache. A driver for a server sets Addr and OpenAt instead of
// InProcess.
func ExampleRun() {
	// In a test file: func TestConformance(t *testing.T) { … }
	_ = func(t *testing.T) {
		xcachetest.Run(t, xcachetest.Harness{
			Open: func(t testing.TB) driver.Store {
				store, err := memory.NewStore(memory.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return store
			},
			InProcess: true,
			Exclusive: true,
			Lacks:     []string{"Subscriber", "Tracker", "Replicated", "Disconnector", "Exclusive"},
		})
	}
	// Output:
}

// A program, outside of a test, reports whether a driver conforms.
func ExampleConform() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report := xcachetest.Conform(ctx, func() (driver.Store, error) {
		return memory.NewStore(memory.Options{})
	})
	if !report.OK() {
		fmt.Println(report) // the broken rules, with the violations
	}
	fmt.Println(report.Failed, "rules are broken")
	// Output: 0 rules are broken
}

func ExampleReport_WriteJUnit() {
	_ = func(report xcachetest.Report, file io.Writer) error {
		return report.WriteJUnit(file)
	}
	// Output:
}

func ExampleChecks() {
	for _, c := range xcachetest.Checks() {
		if strings.HasPrefix(c.Name, "rename-nx/o") {
			fmt.Printf("%s (needs %s)\n\t%s\n", c.Name, strings.Join(c.Needs, ", "), c.Rule)
		}
	}
	// Output:
	// rename-nx/occupied (needs Mover, Keeps)
	// 	RenameNX onto a key that exists reports false and leaves both as they are
	// rename-nx/onto-itself (needs Mover, Keeps)
	// 	RenameNX of a key to its own name reports false; of an absent one it is ErrNotFound
}

// A driver's own test checks that a write is not sent again when its reply is lost.
func ExampleProxy() {
	_ = func(t *testing.T, addr string, open func(addr string) driver.Store) {
		proxy := xcachetest.NewProxy(t, addr)
		store := open(proxy.Addr())
		defer store.Close()

		proxy.CutReply(0)
		entries := []driver.Entry{{Key: "unique-key", Value: []byte("v"), TTL: driver.NoExpiry}}
		err := store.Set(context.Background(), entries)
		if sent := bytes.Count(proxy.Transcript(), []byte("unique-key")); err == nil || sent != 1 {
			t.Errorf("Set = %v and was sent %d times, want an error and 1", err, sent)
		}
	}
	// Output:
}
