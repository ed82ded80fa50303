package formats_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// This file measures the work that hostile input is for a decoder.
//
// The kernel takes part in that work, when the decoder touches memory that the process had
// given back: on some virtual machines 75 µs for a page, which is a second for 50 MB. So the
// process with bounded memory, which gives back all memory before each measurement, only
// finds what may be too slow. A second process, without bounds, keeps its memory, and
// decodes the same again.

const (
	// mostWork is what is promised, in units of the reference. What is read, a
	// million elements say, and all that these take, may need slowest.
	mostWork = 3.0
	slowest  = 16.0
)

// mostWorkOf is the bound of the work for an input.
func mostWorkOf(name string) float64 {
	if strings.HasPrefix(name, "bomb-") {
		return slowest
	}
	return mostWork
}

// A slowInput is an input that took too long in a process with bounded memory.
type slowInput struct {
	Name, How string
	Way       int    // the index of the way of reading
	Data      []byte // nil for a whole file of the job, which may be large
}

// measureWork decodes inputs again. What is slow once may be so because of the machine; what
// is so each time is.
func (p *hostileProcess) measureWork(t *testing.T, job string, slow []byte) {
	var inputs []slowInput
	require.NoError(t, json.Unmarshal(slow, &inputs))
	// Beside memory in use of this size, which is never touched, nothing gives back what the
	// rounds use.
	ballast := make([]byte, 128<<20)
	defer runtime.KeepAlive(ballast)
	for range 32 { // some 400 MB in all, so that each page of the heap is touched once
		doReferenceWork()
	}
	for _, input := range inputs {
		if input.Data == nil {
			var err error
			input.Data, err = os.ReadFile(filepath.Join(job, input.Name))
			require.NoError(t, err)
		}
		p.name = input.Name
		p.begin(input.Data, input.How)
		least, most := math.Inf(1), mostWorkOf(input.Name)
		for round := 0; round < 20 && least > most; round++ {
			start := processorTime()
			_ = p.subject.ways[input.Way](input.Data) // what becomes of the input is tested before
			took := processorTime() - start
			p.measureReference() // in the same state of the memory and of the machine
			least = min(least, p.work(took))
		}
		if least > p.Slowest {
			p.Slowest, p.SlowestOf = least, fmt.Sprintf("%s, %s, way %d", p.name, input.How, input.Way)
		}
		if least > most {
			p.violation(fmt.Sprintf("%s, way %d: %.1f times the work of the reference", input.How, input.Way, least), input.Data)
		}
	}
}

// The reference is work that a decoder of the standard library does: encoding/json
// reads an array of 16 Ki numbers, 16 times. The time of the processor that hostile
// input may take is a multiple of what that takes in the same process, on this
// machine and while others use it as well.
var referenceText = []byte("[" + strings.Repeat("0,", 1<<14-1) + "0]")

func doReferenceWork() {
	for range 16 {
		var list []any
		if err := json.Unmarshal(referenceText, &list); err != nil {
			panic(err)
		}
	}
}

// measureReference takes the least of three times.
func (p *hostileProcess) measureReference() {
	p.Reference = math.MaxInt64
	for range 3 {
		start := processorTime()
		doReferenceWork()
		p.Reference = min(p.Reference, processorTime()-start)
	}
}

// work returns a time in units of the reference.
func (p *hostileProcess) work(took time.Duration) float64 {
	return float64(took) / float64(p.Reference)
}

// processorTime is what the process has used of it, all its threads.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
