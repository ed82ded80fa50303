package lua_test

import (
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func BenchmarkScript(b *testing.B) {
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, source string }{
		{"nothing", "return 1"},
		{"counter", "return redis.call('INCRBY', KEYS[1], ARGV[1])"},
		{"loop of 1000", "local n = 0 for i = 1, 1000 do n = n + i end return n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			script := mixins.NewScript(scripts, bench.source, mixins.AsInt)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := script.Run(b.Context(), []string{"n"}, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
