package servertest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest"
)

func TestReplicasHaveWhatThePrimaryHas(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		r := servertest.Replicated(t, 2, product, servertest.TLS(), servertest.Password("secret"))
		if want := []string{r.Primary.Addr, r.Replicas[0].Addr, r.Replicas[1].Addr}; !slices.Equal(r.Addrs(), want) {
			t.Errorf("Addrs() = %v, want %v", r.Addrs(), want)
		}
		r.Primary.Do(t, "SET", "key", "value")
		r.AwaitReplicas(t)
		for _, replica := range r.Replicas {
			if got := replica.Do(t, "GET", "key"); got != "value" {
				t.Errorf("GET at a replica = %v", got)
			}
			if _, err := replica.Try("SET", "key", "other"); err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
				t.Errorf("SET at a replica: error %v, want READONLY", err)
			}
			if err := pingTLS(replica.Addr, r.Primary.Certificates.Config()); err != nil {
				t.Errorf("with the certificates of the primary: %v", err)
			}
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
		if got := replica.Do(t, "GET", "key"); got != "old" {
			t.Errorf("GET at a replica that lags = %v, want the old value", got)
		}
		replica.ResumeReplication(t)
		r.AwaitReplicas(t)
		if got := replica.Do(t, "GET", "key"); got != "new" {
			t.Errorf("GET at a replica that caught up = %v, want the new value", got)
		}
	})
}

func TestReplicaIsOneAgainAfterARestart(t *testing.T) {
	t.Parallel()
	r := servertest.Replicated(t, 1)
	r.Primary.Do(t, "SET", "key", "value")
	r.Replicas[0].Restart(t)
	r.AwaitReplicas(t)
	if got := r.Replicas[0].Do(t, "GET", "key"); got != "value" {
		t.Errorf("GET at a replica that restarted = %v", got)
	}
}
