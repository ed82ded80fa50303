package xcachetest

import (
	"bytes"
	"runtime"
)

// goroutines returns the stacks of all goroutines, by the line with the name: "goroutine
// 42".
func goroutines() map[string]string {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	all := make(map[string]string)
	for stack := range bytes.SplitSeq(buffer, []byte("\n\n")) {
		name, _, _ := bytes.Cut(stack, []byte(" ["))
		all[string(name)] = string(stack)
	}
	return all
}

// goroutinesSince returns the stacks of new goroutines.
func goroutinesSince(before map[string]string) []string {
	var since []string
	for name, stack := range goroutines() {
		if _, ok := before[name]; !ok {
			since = append(since, stack)
		}
	}
	return since
}
