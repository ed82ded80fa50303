package servertest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

func TestReplicasHaveWhatThePrimaryHas(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		r := servertest.Replicated(t, 2, product, servertest.TLS(), servertest.Password("secret"))
		require.Equal(t, []string{r.Primary.Addr, r.Replicas[0].Addr, r.Replicas[1].Addr}, r.Addrs(), "Addrs()")
		r.Primary.Do(t, "SET", "key", "value")
		r.AwaitReplicas(t)
		for _, replica := range r.Replicas {
			require.Equal(t, "value", replica.Do(t, "GET", "key"), "GET at a replica")
			_, err := replica.Try("SET", "key", "other")
			require.Error(t, err, "SET at a replica: error %v, want READONLY", err)
			require.True(t, strings.HasPrefix(err.Error(), "READONLY"), "SET at a replica: error %v, want READONLY", err)
			require.NoError(t, pingTLS(replica.Addr, r.Primary.Certificates.Config()), "with the certificates of the primary")
		}
	})
}

func TestReplicaLags(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		r := servertest.Replicated(t, 1, product)
		replica := r.Replicas[0]
		r.Primary.Do(t, "SET", "key", "old")
		r.AwaitReplicas(t)

		replica.PauseReplication(t)
		r.Primary.Do(t, "SET", "key", "new")
		require.Equal(t, "old", replica.Do(t, "GET", "key"), "GET at a replica that lags")
		replica.ResumeReplication(t)
		r.AwaitReplicas(t)
		require.Equal(t, "new", replica.Do(t, "GET", "key"), "GET at a replica that caught up")
	})
}

func TestReplicaIsOneAgainAfterARestart(t *testing.T) {
	t.Parallel()
	r := servertest.Replicated(t, 1)
	r.Primary.Do(t, "SET", "key", "value")
	r.Replicas[0].Restart(t)
	r.AwaitReplicas(t)
	require.Equal(t, "value", r.Replicas[0].Do(t, "GET", "key"), "GET at a replica that restarted")
}
