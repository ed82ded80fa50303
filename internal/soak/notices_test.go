package soak

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The soak fails only for errors that callers notice. This test makes
// errors, and checks that the callers notice each.
func TestCallersNotice(t *testing.T) {
	server := func(d *deployment, command ...string) any { return d.data[0].Do(d.t, command...) }
	again := func(d *deployment, do func()) {
		d.eventually("nobody has noticed", func() bool {
			do()
			return d.isBroken()
		})
	}
	for _, tt := range []struct {
		name  string
		told  string // a regular expression of what the caller says who notices
		spoil func(d *deployment)
	}{
		{"keys that are lost", "", func(d *deployment) { server(d, "FLUSHALL") }},
		{"values that go back", "caller values", func(d *deployment) {
			d.callers = d.callers[:1] // the first caller uses values
			server(d, "EVAL", `for _, key in ipairs(redis.call('KEYS', 'soak:1:values*')) do redis.call('COPY', key, 'old:' .. key) end`, "0")
			again(d, func() {
				server(d, "EVAL", `for _, key in ipairs(redis.call('KEYS', 'old:*')) do redis.call('COPY', key, string.sub(key, 5), 'REPLACE') end`, "0")
			})
		}},
		// A caller reads the value, or compares it. The keys are in order, so that no old value comes
		// back to its own key.
		{"the value of another key", "holds the item of|was not swapped", func(d *deployment) {
			again(d, func() {
				server(d, "EVAL", `local keys = redis.call('KEYS', 'soak:1:values*')
					table.sort(keys)
					if #keys > 1 then redis.call('COPY', keys[1], keys[2], 'REPLACE') end`, "0")
			})
		}},
		{"an element twice", "shared:list gave", func(d *deployment) {
			again(d, func() {
				server(d, "EVAL", `local first = redis.call('LINDEX', KEYS[1], 0)
					if first then redis.call('RPUSH', KEYS[1], first) end`, "1", "soak:1:shared:list")
			})
		}},
		{"two holders of a lock", "caller lock", func(d *deployment) { again(d, func() { server(d, "DEL", "soak:lock:shared") }) }},
		{"permits beyond the capacity", "permits of", func(d *deployment) { again(d, func() { server(d, "DEL", "soak:semaphore:shared") }) }},
		{"work that is done twice", "has two results", func(d *deployment) {
			again(d, func() {
				server(d, "EVAL", `for _, key in ipairs(redis.call('KEYS', 'soak:once:*')) do redis.call('DEL', key) end`, "0")
			})
		}},
		{"a job that nobody has added", "caller consume", func(d *deployment) {
			again(d, func() {
				server(d, "EVAL", `for _, key in ipairs(redis.call('KEYS', 'soak:1:stream*')) do
						local entry = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
						if entry then redis.call('XADD', KEYS[1], '*', 'job', entry[2][2]) end
					end`, "1", "soak:1:shared:jobs")
			})
		}},
		{"units without a limit", "units were taken", func(d *deployment) { again(d, func() { server(d, "DEL", "soak:ratelimit:everybody") }) }},
		{"a tag that is still valid", "caller tags", func(d *deployment) {
			server(d, "CONFIG", "SET", "maxmemory", "0")
			again(d, func() {
				server(d, "EVAL", `for _, key in ipairs(redis.call('KEYS', 'soak:tag:*')) do redis.call('COPY', key, 'old:' .. key) end
					for _, key in ipairs(redis.call('KEYS', 'old:*')) do redis.call('COPY', key, string.sub(key, 5), 'REPLACE') end`, "0")
			})
		}},
		{"a load from before a Delete", "is from before a Delete", func(d *deployment) {
			server(d, "EVAL", `for i = 0, 2 do redis.call('COPY', 'soak:1:loaded:' .. i, 'old:' .. i) end`, "0")
			again(d, func() {
				server(d, "EVAL", `for i = 0, 2 do redis.call('COPY', 'old:' .. i, 'soak:1:loaded:' .. i, 'REPLACE') end`, "0")
			})
		}},
		{"an error that is none of servers", "nothing explains", func(d *deployment) {
			again(d, func() { server(d, "SET", "soak:1:shared:list", "no list") })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, "redis", 1)
			told := make(chan string, 1)
			d.fail = func(text string) { told <- text }
			d.start()
			d.awaitProgress()
			tt.spoil(d)
			select {
			case text := <-told:
				require.Regexp(t, tt.told, strings.SplitN(text, "\nseed", 2)[0])
				require.Positive(t, d.figures.result().Wrong+d.figures.result().Unclassified)
			case <-time.After(recoveryLimit):
				t.Error("nobody has noticed")
			}
			d.stop()
		})
	}
}
