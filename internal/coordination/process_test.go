package coordination

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// The environment variables of a child process: its role, its DSN, and its lease.
const (
	roleVariable  = "XCACHE_TEST_ROLE"
	dsnVariable   = "XCACHE_TEST_DSN"
	leaseVariable = "XCACHE_TEST_LEASE"
)

// roles are the work of child processes. A child process writes a line when it is ready,
// and ends at the end of its standard input.
var roles = map[string]func(ctx context.Context, c *xcache.Cache, lease time.Duration) error{
	"lock":   playLock,
	"permit": playPermit,
	"rates":  playRates,
	"once":   playOnce,
	"load":   playLoad,

	"stampede":       playStampede,
	"load at length": playLoadAtLength,

	"load without leases": playLoadWithoutLeases,
	"load stale values":   playLoadOfStale,
}

// play is the main function of a child process.
func play() int {
	lease, err := time.ParseDuration(os.Getenv(leaseVariable))
	if err == nil {
		var c *xcache.Cache
		if c, err = xcache.OpenDSN(os.Getenv(dsnVariable)); err == nil {
			err = roles[os.Getenv(roleVariable)](context.Background(), c, lease)
		}
	}
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	return 0
}

// playLock holds a lock. For each line on standard input, playLock writes with its fence
// without a look at the context, as a careless holder does. Afterwards playLock says how
// the context ended.
func playLock(ctx context.Context, c *xcache.Cache, lease time.Duration) error {
	locks, err := mixins.NewLocks(c)
	if err != nil {
		return err
	}
	ctx, lock, err := locks.Acquire(ctx, "l", mixins.LockOptions{Lease: lease})
	if err != nil {
		return err
	}
	fmt.Println("holds", lock.Fence())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println("writes", lock.Fence())
		<-ctx.Done()
		fmt.Println("lost", errors.Is(context.Cause(ctx), mixins.ErrLockLost), errors.Is(lock.Release(ctx), mixins.ErrLockNotHeld))
	}
	return nil
}

// A holder is a child process.
type holder struct {
	cmd   *exec.Cmd
	in    *os.File
	lines *bufio.Scanner
}

// hold starts a child process. The end of the test ends the process.
func hold(t *testing.T, role, dsn string, lease time.Duration) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // this test
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dsnVariable+"="+dsn, leaseVariable+"="+lease.String())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdin, cmd.Stderr = read, os.Stderr
	require.NoError(t, cmd.Start())
	require.NoError(t, read.Close())
	h := &holder{cmd: cmd, in: write, lines: bufio.NewScanner(out)}
	t.Cleanup(h.kill)
	return h
}

// holdWithoutLoss starts a child process, and returns the process when two leases have passed
// without a loss. said is what the process said when its first lease began. lost reports whether
// the lease is lost, and leaves the key free then. A machine may stop the process, or its server,
// for longer than a lease: then another child process begins. A process that does not renew its
// lease always loses the lease, which fails the test.
func holdWithoutLoss(t *testing.T, role, dsn string, lease time.Duration, lost func(h *holder) bool) (h *holder, said string) {
	t.Helper()
	const tries = 3
	for range tries {
		h := hold(t, role, dsn, lease)
		said := h.says(t, "holds")
		time.Sleep(2 * lease)
		if !lost(h) {
			return h, said
		}
		t.Logf("a holder has lost its lease of %v", lease)
		h.kill()
	}
	require.Fail(t, "each of the holders has lost its lease", "%d holders", tries)
	return nil, ""
}

// kill ends the process, frozen or not.
func (h *holder) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
		_ = h.in.Close()
		_ = h.cmd.Wait()
	}
}

func (h *holder) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, h.cmd.Process.Signal(signal))
}

// says returns the rest of the next line of the process; the line must begin with word.
func (h *holder) says(t *testing.T, word string) string {
	t.Helper()
	require.True(t, h.lines.Scan(), "the holder has ended before it said %q", word)
	rest, ok := strings.CutPrefix(h.lines.Text(), word+" ")
	require.True(t, ok, "the holder says %q, want %q", h.lines.Text(), word)
	return rest
}

func (h *holder) fence(t *testing.T, word string) (fence int64) {
	t.Helper()
	_, err := fmt.Sscan(h.says(t, word), &fence)
	require.NoError(t, err)
	return fence
}

func (h *holder) ask(t *testing.T) {
	t.Helper()
	_, err := h.in.WriteString("\n")
	require.NoError(t, err)
}
