package driver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestNearestScheme(t *testing.T) {
	for scheme, want := range map[string]string{
		"redis-cluster":     "redis+cluster",
		"redis_cluster":     "redis+cluster",
		"rediscluster":      "redis+cluster",
		"redis+clusters":    "redis+cluster",
		"redis+clutser":     "redis+cluster",
		"rediss-cluster":    "rediss+cluster",
		"redis+cluster+tls": "rediss+cluster",
		"redis+tls+cluster": "rediss+cluster",
		"valkey-cluster":    "valkey+cluster",
		"redis-sentinel":    "redis+sentinel",
		"redis+sentinels":   "redis+sentinel",
		"valkeys-sentinel":  "valkeys+sentinel",
		"redis+ssl":         "rediss",
		"valkey+tls":        "valkeys",
		"redis-socket":      "redis+unix",
		"unix":              "redis+unix",
		"sentinel":          "redis+sentinel",
		"reddis":            "redis",
		"valky":             "valkey",
		"mem":               "",
		"memroy":            "memory",
		"mine-cluster":      "mine",
		"postgres":          "",
		"hunter":            "",
		"":                  "",
		"redis":             "",
	} {
		require.Equal(t, want, driver.NearestScheme(scheme, "mine"), scheme)
	}
}

func TestParseDSNNamesTheSchemeThatWasMeant(t *testing.T) {
	for dsn, want := range map[string]string{
		"redis+clusters://:canary@h":      "did you mean redis+cluster://?",
		"redis+tls+cluster://:canary@h":   "did you mean rediss+cluster://?",
		"redis+socket:///canary/s":        "did you mean redis+unix://?",
		"valkeys+unix:///canary/s":        "valkey+unix://",
		" redis://:canary@h":              "white space",
		"redis://:canary@h\n":             "white space",
		"redis://:canary@h?prefix=a \r\n": "white space",
		"redis://:canary@h\u00a0":         "white space",
	} {
		_, err := driver.ParseDSN(dsn)
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := driver.ParseDSN("rediss+cluster://h")
	require.NoError(t, err)
}
