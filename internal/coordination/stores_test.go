package coordination

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

var (
	redis, valkey = servertest.NewShared(), servertest.NewShared(servertest.Release("valkey"))
	cluster       = servertest.NewSharedCluster()
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(play())
	}
	servertest.Main(m, redis, valkey, cluster)
}

// size returns how many rounds a test makes: few, or the number in the environment for
// the proof.
func size(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}

// isProof reports whether the test runs as the proof, on a machine without other work.
func isProof() bool { return os.Getenv("XCACHE_COORDINATION") != "" }

// A store is a store under test, with a name and a function that returns its DSN.
type store struct {
	name string
	dsn  func(t *testing.T) string
}

// servers are the stores that several processes can share.
var servers = []store{
	{"redis", func(t *testing.T) string { return "redis://" + redis.Server(t).Addr + longTimeouts }},
	{"valkey", func(t *testing.T) string { return "valkey://" + valkey.Server(t).Addr + longTimeouts }},
	{"cluster", func(t *testing.T) string {
		return "redis+cluster://" + strings.Join(cluster.Servers(t).Addrs(), ",") + longTimeouts
	}},
}

// longTimeouts are parameters of a DSN for tests that measure no time: a process or a server may have
// to wait for the machine.
const longTimeouts = "?op_timeout=1m&dial_timeout=1m"

// stores are the servers and the store in memory.
var stores = append([]store{{"memory", func(t *testing.T) string {
	return "memory://" + strings.ReplaceAll(t.Name(), "/", "-") + "?op_timeout=1m"
}}}, servers...)

func openStore(t *testing.T, dsn string) *xcache.Cache {
	t.Helper()
	c, err := xcache.OpenDSN(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// A register is a resource that takes fences: the register rejects a write with a smaller
// fence than an earlier write.
type register struct {
	mu       sync.Mutex
	last     int64
	rejected int
}

func (r *register) write(fence int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fence < r.last {
		r.rejected++
		return false
	}
	r.last = fence
	return true
}
