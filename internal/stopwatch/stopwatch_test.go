//go:build unix

package stopwatch_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/stopwatch"
)

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		measure()
		return
	}
	m.Run()
}

func TestWatchShowsTheTimeOfAMachineAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopwatch.Start()
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, 2*time.Second, w.Elapsed())
		time.Sleep(time.Second)
		require.Equal(t, 3*time.Second, w.Stop())
		time.Sleep(time.Second)
		require.Equal(t, 3*time.Second, w.Elapsed(), "after Stop")
	})
}

func TestRestTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		stopwatch.Rest(20 * time.Millisecond)
		require.InDelta(t, 20*time.Millisecond, time.Since(began), float64(2*time.Millisecond))
	})
}

// child names the variable that makes this test's binary the process that is
// stopped.
const child = "XCACHE_STOPWATCH_CHILD"

// pause is how long the process does not run, at least.
const pause = 500 * time.Millisecond

// measure stops this process, and says what passed meanwhile by the wall and by a
// Watch.
func measure() {
	began, w := time.Now(), stopwatch.Start()
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		panic(err)
	}
	// The signal may reach this thread later than the others.
	for last := began; time.Since(last) < pause && time.Since(began) < time.Minute; {
		last = time.Now()
		time.Sleep(time.Millisecond)
	}
	shown := w.Stop()
	fmt.Println(int64(time.Since(began)), int64(shown))
}

func TestWatchLeavesOutTheTimeInWhichTheProcessDidNotRun(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var status syscall.WaitStatus
	_, err = syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped(), "the child ended: %v", status)
	time.Sleep(pause)
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	var passed, shown int64
	_, err = fmt.Fscan(stdout, &passed, &shown)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.GreaterOrEqual(t, time.Duration(passed), pause)
	require.Less(t, time.Duration(shown), pause/2)
}
