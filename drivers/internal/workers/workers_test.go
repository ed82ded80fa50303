package workers_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/workers"
)

func TestEveryJobIsDoneBeforeCloseReturns(t *testing.T) {
	for _, maxIdle := range []int{0, 1, 64} {
		synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
			var done atomic.Int32
			p := workers.NewPool(maxIdle, func(n int32) { done.Add(n) })
			var callers sync.WaitGroup
			for range 8 {
				callers.Go(func() {
					for range 100 {
						p.Run(1)
					}
				})
			}
			callers.Wait()
			p.Close()
			require.EqualValues(t, 800, done.Load(), "with %d idle at most", maxIdle)
		})
	}
}

func TestJobsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jobs = 10
		var begun sync.WaitGroup
		begun.Add(jobs)
		p := workers.NewPool(1, func(struct{}) { begun.Done(); begun.Wait() })
		for range jobs {
			p.Run(struct{}{})
		}
		p.Close() // a deadlock if one worker had to wait for the end of another
	})
}
