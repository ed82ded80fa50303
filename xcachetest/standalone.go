package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

// A standalone is the testing.TB of a check outside of a test.
//
// All methods may be called concurrently, except methods that end the check. Only the
// goroutine of the check may call these.
type standalone struct {
	name   string
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	failed   bool
	skipped  bool
	log      strings.Builder
	cleanups []func()
}

func newStandalone(ctx context.Context, name string) *standalone {
	t := &standalone{name: name}
	t.ctx, t.cancel = context.WithCancel(ctx)
	return t
}

// TB returns t as a testing.TB. The interface has a method that only package testing
// can implement. No code calls this method.
func (t *standalone) TB() testing.TB {
	type below struct{ testing.TB }
	return struct {
		*standalone
		below
	}{standalone: t}
}

// itself returns t, also from inside of another type.
func (t *standalone) itself() *standalone { return t }

// finish runs the functions of Cleanup after the check, the last first. The result has
// their panics.
func (t *standalone) finish() error {
	t.cancel()
	var errs []error
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return errors.Join(errs...)
		}
		next := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		// The function may end its goroutine.
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() {
				if p := recover(); p != nil {
					errs = append(errs, fmt.Errorf("panic in clean-up: %v\n%s", p, debug.Stack()))
				}
			}()
			next()
		}()
		<-ended
	}
}

// said returns the logs.
func (t *standalone) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.log.String())
}

func (t *standalone) Name() string             { return t.name }
func (t *standalone) Context() context.Context { return t.ctx }
func (t *standalone) Helper()                  {}

func (t *standalone) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *standalone) Fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

func (t *standalone) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *standalone) FailNow() {
	t.Fail()
	runtime.Goexit()
}

func (t *standalone) Skipped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.skipped
}

func (t *standalone) SkipNow() {
	t.mu.Lock()
	t.skipped = true
	t.mu.Unlock()
	runtime.Goexit()
}

// Write writes to the log, for Output.
func (t *standalone) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.log.Write(p)
}

func (t *standalone) Output() io.Writer                 { return t }
func (t *standalone) Log(args ...any)                   { fmt.Fprintln(t, args...) }
func (t *standalone) Logf(format string, args ...any)   { fmt.Fprintf(t, format+"\n", args...) }
func (t *standalone) Error(args ...any)                 { t.Log(args...); t.Fail() }
func (t *standalone) Errorf(format string, args ...any) { t.Logf(format, args...); t.Fail() }
func (t *standalone) Fatal(args ...any)                 { t.Log(args...); t.FailNow() }
func (t *standalone) Fatalf(format string, args ...any) { t.Logf(format, args...); t.FailNow() }
func (t *standalone) Skip(args ...any)                  { t.Log(args...); t.SkipNow() }
func (t *standalone) Skipf(format string, args ...any)  { t.Logf(format, args...); t.SkipNow() }
func (t *standalone) Attr(key, value string)            { t.Logf("%s=%s", key, value) }

func (t *standalone) TempDir() string {
	dir, err := os.MkdirTemp("", "xcachetest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (t *standalone) ArtifactDir() string { return t.TempDir() }

// Setenv and Chdir would change the whole program.

func (t *standalone) Setenv(string, string) {
	panic("xcachetest: Setenv is for stores that a test opens")
}
func (t *standalone) Chdir(string) { panic("xcachetest: Chdir is for stores that a test opens") }
