package servertest_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

func TestServerEndsWithItsTest(t *testing.T) {
	var srv *servertest.Server
	t.Run("inner", func(t *testing.T) { srv = servertest.Redis(t) })
	if srv == nil {
		t.Skip("no server")
	}
	requireRefused(t, srv.Addr)
	requireRemoved(t, srv.Dir)
}

// endEnv tells TestChildProcess how to end; it makes sense in a child only.
const endEnv = "SERVERTEST_CHILD_ENDS_BY"

// TestNoServerIsLeftBehind runs TestChildProcess in a process of its own, which
// ends in several ways.
func TestNoServerIsLeftBehind(t *testing.T) {
	servertest.Redis(t) // skips where there is none
	for _, test := range []struct {
		end    string
		tidies bool // folders are removed, too
	}{
		{"returning", true},
		{"failing", true},
		{"panicking", false},
		{"exiting", false},
		{"killed", false},
	} {
		t.Run(test.end, func(t *testing.T) {
			if !test.tidies && runtime.GOOS != "linux" {
				t.Skip("only Linux ties a child to its parent")
			}
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildProcess$", "-test.v")
			child.Env = append(os.Environ(), endEnv+"="+test.end)
			stdout, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			servers := map[string]string{} // folders by address
			lines := bufio.NewScanner(stdout)
			for len(servers) < 4 && lines.Scan() {
				if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "server" {
					servers[fields[1]] = fields[2]
				}
			}
			require.Len(t, servers, 4, "child started %d servers", len(servers))
			if test.end == "killed" {
				require.NoError(t, child.Process.Kill())
			}
			for lines.Scan() { // until the child has ended
			}
			_ = child.Wait()
			for addr, dir := range servers {
				requireRefused(t, addr)
				if test.tidies {
					requireRemoved(t, dir)
				} else {
					require.NoError(t, os.RemoveAll(dir))
				}
			}
		})
	}
}

func TestChildProcess(t *testing.T) {
	end := os.Getenv(endEnv)
	if end == "" {
		t.Skip("is run by TestNoServerIsLeftBehind, in a process of its own")
	}
	group := replicated.Servers(t)
	for _, srv := range []*servertest.Server{standalone.Server(t), servertest.Redis(t), group.Primary, group.Replicas[0]} {
		// Not t.Log, whose lines are held back until the test ends.
		_, _ = os.Stdout.WriteString("server " + srv.Addr + " " + srv.Dir + "\n")
	}
	switch end {
	case "failing":
		require.Fail(t, "fails as it should")
	case "panicking":
		go panic("panics as it should")
		time.Sleep(time.Minute)
	case "exiting":
		os.Exit(0)
	case "killed":
		time.Sleep(time.Minute)
	}
}

func TestMissingServer(t *testing.T) {
	for _, test := range []struct {
		name, ci string
		want     string
	}{
		{"skips", "", "skipped"},
		{"fails in CI", "true", "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("XCACHE_SERVERS", t.TempDir())
			t.Setenv("PATH", "")
			t.Setenv("CI", test.ci)
			outcome, message := outcomeOf(t, func(tb testing.TB) { servertest.Redis(tb) })
			require.Equal(t, test.want, outcome, "test")
			require.Contains(t, message, `"make servers"`, "message")
		})
	}
}

func TestBrokenServerFailsEvenOutsideCI(t *testing.T) {
	standalone.Server(t) // skips where there is none
	t.Setenv("CI", "")
	outcome, message := outcomeOf(t, func(tb testing.TB) {
		servertest.Redis(tb, servertest.Config("nonsense", "1"))
	})
	require.Equal(t, "failed", outcome, "test %s with message %q, want it failed and the server's log shown", outcome, message)
	require.Contains(t, message, "nonsense", "test")
}

func TestSharedServerIsOne(t *testing.T) {
	first, second := standalone.Server(t), standalone.Server(t)
	require.Same(t, second, first, "two servers, at %s and %s", first.Addr, second.Addr)
}

func TestSharedGroupIsOne(t *testing.T) {
	first, second := watched.Servers(t), watched.Servers(t)
	require.Same(t, second, first, "two groups, %v and %v", first.Addrs(), second.Addrs())
}

func TestSharedServerNeedsMain(t *testing.T) {
	outcome, message := outcomeOf(t, func(tb testing.TB) { servertest.NewShared().Server(tb) })
	require.Equal(t, "failed", outcome, "test %s with message %q, want it failed for lack of TestMain", outcome, message)
	require.Contains(t, message, "TestMain", "test")
}

// recorder is a test that only notes how it was ended.
type recorder struct {
	testing.TB
	outcome, message string
}

func (r *recorder) Skipf(format string, args ...any)  { r.end("skipped", format, args) }
func (r *recorder) Fatalf(format string, args ...any) { r.end("failed", format, args) }

func (r *recorder) end(outcome, format string, args []any) {
	r.outcome, r.message = outcome, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// outcomeOf runs a test that is expected to end itself.
func outcomeOf(t *testing.T, test func(testing.TB)) (outcome, message string) {
	t.Helper()
	r := &recorder{TB: t, outcome: "passed"}
	done := make(chan struct{})
	go func() { // Skip and Fatal end a goroutine
		defer close(done)
		test(r)
	}()
	<-done
	return r.outcome, r.message
}

// requireEmpty checks that nothing is in a folder.
func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "left behind in %s", dir)
}

func requireRemoved(t *testing.T, dir string) {
	t.Helper()
	_, err := os.Stat(dir)
	require.ErrorIs(t, err, fs.ErrNotExist, "folder %s is still there", dir)
}
