package recipes_test

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

// inner is the DSN of the cache that the examples of a process use.
const inner = "RECIPES_DSN"

// open returns an empty cache, and a function that empties and closes it.
func open() (*xcache.Cache, func()) {
	c, err := xcache.OpenDSN(cmp.Or(os.Getenv(inner), "memory://"), xcache.WithPrefix("recipes-"+rand.Text()))
	if err != nil {
		panic(err)
	}
	return c, func() {
		if err := c.Close(); err != nil {
			fmt.Println(err)
		}
	}
}

var cluster = servertest.NewSharedCluster()

func TestMain(m *testing.M) {
	if os.Getenv(inner) != "" {
		os.Exit(m.Run())
	}
	servertest.Main(m, cluster)
}

func TestRecipesDoTheSameOnACluster(t *testing.T) {
	if os.Getenv(inner) != "" {
		t.Skip("this is the process with the examples")
	}
	for _, scheme := range []string{"redis", "valkey"} {
		examples := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^Example", "-test.v")
		examples.Env = append(os.Environ(), inner+"="+scheme+"+cluster://"+strings.Join(cluster.Servers(t).Addrs(), ","))
		output, err := examples.CombinedOutput()
		require.NoError(t, err, "%s:\n%s", scheme, output)
		require.Equal(t, 6, strings.Count(string(output), "--- PASS: Example"), "%s:\n%s", scheme, output)
	}
}
