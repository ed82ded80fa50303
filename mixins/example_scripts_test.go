package mixins_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory/lua"
	"github.com/xcache-go/xcache/mixins"
)

const reserveSource = `
local left = tonumber(redis.call('GET', KEYS[1]) or 0) - tonumber(ARGV[1])
if left < 0 then
	return redis.error_reply('NOSTOCK sold out')
end
redis.call('SET', KEYS[1], left)
return left`

func ExampleNewScript() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	scripts, err := mixins.NewScripts(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	reserve := mixins.NewScript(scripts, reserveSource, mixins.AsInt)

	_ = xcache.For[int](c).Set(ctx, "stock:42", 5)
	left, err := reserve.Run(ctx, []string{"stock:42"}, 3)
	fmt.Println(left, err)

	_, err = reserve.Run(ctx, []string{"stock:42"}, 3)
	if failed, ok := errors.AsType[*xcache.ScriptError](err); ok && failed.Code() == "NOSTOCK" {
		fmt.Println("sold out")
	}
	// Output:
	// 2 <nil>
	// sold out
}

func ExampleEncoded() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	type profile struct{ Name string }
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	// What was there before, and a new value, which a view reads as any other.
	replace := mixins.NewScript(scripts, `
		local old = redis.call('GET', KEYS[1])
		redis.call('SET', KEYS[1], ARGV[1])
		return old`, mixins.AsPointer(mixins.AsValue[profile]))
	old, err := replace.Run(ctx, []string{"profile:42"}, mixins.Encoded(profile{"Ada"}))
	fmt.Println(old, err)
	now, err := xcache.For[profile](c).Get(ctx, "profile:42")
	fmt.Println(now.Name, err)
	// Output:
	// <nil> <nil>
	// Ada <nil>
}

func ExampleQueuedScript() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	add := mixins.NewScript(scripts, "return redis.call('INCRBY', KEYS[1], ARGV[1])", mixins.AsInt)
	p := c.Pipeline()
	first, second := add.In(p).Run([]string{"a"}, 1), add.In(p).Run([]string{"b"}, 2)
	if err := p.Exec(ctx); err != nil {
		fmt.Println(err)
		return
	}
	a, _ := first.Value()
	b, _ := second.Value()
	fmt.Println(a, b)
	// Output: 1 2
}
