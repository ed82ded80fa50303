package soak

import (
	"bytes"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A sample is the size of the heap at a time.
type sample struct {
	at   time.Duration
	heap float64
}

// heapProfiles are profiles of the heap at the first and at the last sample.
type heapProfiles struct{ first, last bytes.Buffer }

// write writes the profiles to temporary files, and returns the names of the files.
func (p *heapProfiles) write(t *testing.T) string {
	var names []string
	for _, profile := range []*bytes.Buffer{&p.first, &p.last} {
		file, err := os.CreateTemp("", "soak-heap-*.pb.gz") //nolint:usetesting // the files outlive the test
		require.NoError(t, err)
		_, err = profile.WriteTo(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		names = append(names, file.Name())
	}
	return strings.Join(names, " ")
}

// sampleHeap measures the heap until the returned function is called.
func sampleHeap(length time.Duration) (stop func() ([]sample, *heapProfiles)) {
	every := min(10*time.Second, length/10)
	began, stopping, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	var samples []sample
	profiles := new(heapProfiles)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stopping:
				return
			case <-time.After(every):
			}
			// The first tenth is left out: servers start, and pools fill.
			since := time.Since(began)
			if since <= length/10 || since >= length {
				continue
			}
			samples = append(samples, sample{since, float64(liveHeap())})
			if len(samples) == 1 {
				_ = pprof.Lookup("heap").WriteTo(&profiles.first, 0) // a buffer takes everything
			}
			profiles.last.Reset()
			_ = pprof.Lookup("heap").WriteTo(&profiles.last, 0)
		}
	}()
	return func() ([]sample, *heapProfiles) {
		close(stopping)
		<-stopped
		return samples, profiles
	}
}

// liveHeap returns the bytes that were allocated before a collection and have survived it.
// Callers allocate during the collection, and on a busy machine much: these bytes survive
// whatever they are, and do not count. What pools hold survives one collection, so that
// there is one before.
func liveHeap() uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	runtime.GC()
	runtime.ReadMemStats(&after)
	return after.HeapAlloc - min(after.HeapAlloc, after.TotalAlloc-before.TotalAlloc)
}

// slope returns the slope of the samples in bytes a minute, by linear regression, and the means of the first and of
// the last tenth.
func slope(samples []sample) (perMinute, first, last float64) {
	if len(samples) == 0 {
		return 0, 0, 0
	}
	n := float64(len(samples))
	var sumX, sumY, sumXX, sumXY float64
	for _, s := range samples {
		x := s.at.Minutes()
		sumX, sumY, sumXX, sumXY = sumX+x, sumY+s.heap, sumXX+x*x, sumXY+x*s.heap
	}
	if spread := n*sumXX - sumX*sumX; spread > 0 {
		perMinute = (n*sumXY - sumX*sumY) / spread
	}
	tenth := max(1, len(samples)/10)
	for i := range tenth {
		first += samples[i].heap / float64(tenth)
		last += samples[len(samples)-1-i].heap / float64(tenth)
	}
	return perMinute, first, last
}
