package boltdriver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/docs/examples/boltdriver"
)

// A cache in a file is there again after a restart of the program.
func Example() {
	folder, err := os.MkdirTemp("", "bolt")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	for range 2 {
		visits, err := visit(filepath.Join(folder, "shop.db"))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("visits:", visits)
	}
	// Output:
	// visits: 1
	// visits: 2
}

func visit(path string) (int64, error) {
	cache, err := xcache.OpenDSN("bolt://" + path + "?max_size=1GiB")
	if err != nil {
		return 0, err
	}
	defer cache.Close()
	return cache.IncrInit(context.Background(), "visits", 1, 0, xcache.TTL(24*time.Hour))
}
