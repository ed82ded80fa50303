package mixins_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
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
	// The script returns the value from before, and stores a new value, which any view can
	// read.
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

// Arguments are plain texts and numbers. Encoded arguments are written by the codec.
func ExampleArgument() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	store := mixins.NewScript(scripts, "return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])", mixins.AsNothing)
	order := mixins.Encoded(Order{"Ada", 1999}) // a mixins.Argument
	_, err = store.Run(ctx, []string{"order:1"}, order, 60)
	fmt.Println(err)
	fmt.Println(xcache.For[Order](c).Get(ctx, "order:1"))
	// Output:
	// <nil>
	// {Ada 1999} <nil>
}

// The deployment has loaded the library of the function at the servers.
func ExampleFunction() {
	ctx := context.Background()
	c := open() // memory has no functions, and NewFunction returns an error
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	reserve, err := mixins.NewFunction(scripts, "reserve", mixins.AsInt)
	if err != nil {
		fmt.Println(errors.Is(err, errors.ErrUnsupported))
		return
	}
	fmt.Println(reserve.FCall(ctx, []string{"stock:42"}, 3))
	// Output: true
}

func ExampleQueuedFunction() {
	ctx := context.Background()
	c := open() // memory has no functions, and NewFunction returns an error
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	reserve, err := mixins.NewFunction(scripts, "reserve", mixins.AsInt)
	if err != nil {
		fmt.Println(errors.Is(err, errors.ErrUnsupported))
		return
	}
	p := c.Pipeline()
	first, second := reserve.In(p).FCall([]string{"stock:1"}, 3), reserve.In(p).FCall([]string{"stock:2"}, 1)
	if err := p.Exec(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.Value())
	fmt.Println(second.Value())
	// Output: true
}

// Readers can be combined, and a program may write its own.
func ExampleReader() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	// asPercent reads a number between 0 and 1, which a script returns as text.
	asPercent := func(o *xcache.Op, r *driver.Reply) (string, error) {
		share, err := mixins.AsFloat(o, r)
		return fmt.Sprintf("%.0f %%", 100*share), err
	}
	shares := mixins.NewScript(scripts, "return {tostring(1/4), tostring(3/4)}", mixins.AsSlice(asPercent))
	fmt.Println(shares.Run(ctx, nil))
	// Output: [25 % 75 %] <nil>
}

// A script that only reads may run at a replica, and again if its reply is lost.
func ExampleScript() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	scripts, err := mixins.NewScripts(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	longest := mixins.NewScript(scripts, `
		local most = 0
		for _, key in ipairs(KEYS) do
			most = math.max(most, redis.call('LLEN', key))
		end
		return most`, mixins.AsInt)
	jobs, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = jobs.RPush(ctx, "{jobs}:mail", "welcome", "invoice")
	fmt.Println(longest.RunRO(ctx, []string{"{jobs}:mail", "{jobs}:print"}))
	// Output: 2 <nil>
}

// A script uses the keys of its cache.
func ExampleScripts() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	shop := c.Namespace("shop")
	scripts, err := mixins.NewScripts(shop)
	if err != nil {
		fmt.Println(err)
		return
	}
	touch := mixins.NewScript(scripts, "redis.call('INCR', KEYS[1]); return KEYS[1]", mixins.AsKey)
	fmt.Println(touch.Run(ctx, []string{"visits"}))
	fmt.Println(xcache.For[int](shop).Get(ctx, "visits"))
	// Output:
	// visits <nil>
	// 1 <nil>
}
