//go:build linux || darwin

package drivertest

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// takeDescriptors takes all file descriptors of the process, until the test calls release.
func takeDescriptors(t *testing.T) (release func()) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const few = 64 // the limit is so far above the first free descriptor
	first, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	taken := []*os.File{first}
	lower := limit
	lower.Cur = uint64(first.Fd()) + few
	release = func() {
		for _, file := range taken {
			_ = file.Close()
		}
		taken = nil
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(release)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	for {
		file, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			return release
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, file)
	}
}
