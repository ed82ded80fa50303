package docs

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// An aclForm is one way of calling an operation. It returns an error unless the
// operation did its work.
type aclForm func(ctx context.Context, v *xcache.View[string]) error

// An aclOperation is an operation that asks the server something.
type aclOperation struct {
	name string
	// usual are the ways that take the commands of the page's second column,
	// special those that take the ones of its third column, too.
	usual, special []aclForm
	// queue queues the operation in a pipeline, in all those ways. nil if it
	// cannot be queued.
	queue func(p *xcache.Pipeline, v *xcache.View[string])
}

func forms(list ...aclForm) []aclForm { return list }

// done makes an error of a false.
func done(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("it reports false")
	}
	return err
}

// without drops the result of an operation.
func without[T any](_ T, err error) error { return err }

var (
	expired  = xcache.TTL(0)
	noExpiry = xcache.TTL(xcache.NoExpiry)
	aMinute  = xcache.TTL(time.Minute)
	keepTTL  = xcache.KeepTTL()
	sliding  = xcache.Sliding(time.Minute)
)

// notStored is an Observer that keeps why a loaded value was not stored.
type notStored struct{ err error }

func (*notStored) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (*notStored) End(context.Context, *xcache.Operation)                         {}

func (n *notStored) Event(e xcache.Event) {
	if e.Kind == driver.LoadedValueNotStored {
		n.err = e.Err
	}
}

// loadAndStore is GetOrSet, which has no error when it cannot store.
func loadAndStore(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) error {
	var told notStored
	v = v.With(xcache.WithObserver(&told))
	_, err := v.GetOrSet(ctx, key, func(context.Context) (string, error) { return "loaded", nil }, opts...)
	return errors.Join(err, told.err)
}

// loadAndStoreMany is loadAndStore for GetOrSetMany.
func loadAndStoreMany(ctx context.Context, v *xcache.View[string], keys []string, opts ...xcache.SetOption) error {
	var told notStored
	v = v.With(xcache.WithObserver(&told))
	_, err := v.GetOrSetMany(ctx, keys, func(_ context.Context, missing []string) (map[string]string, error) {
		values := map[string]string{}
		for _, key := range missing {
			values[key] = "loaded"
		}
		return values, nil
	}, opts...)
	return errors.Join(err, told.err)
}

// The keys text, number and bye hold "hello", 5 and "bye".
var aclOperations = []aclOperation{
	{
		name:  "Get",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Get(ctx, "text")) }),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.With(sliding).Get(ctx, "text"))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Get("text") },
	}, {
		name:  "GetOr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.GetOr(ctx, "none", "")) }),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.With(sliding).GetOr(ctx, "none", ""))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).GetOr("none", "") },
	}, {
		name: "GetMany",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.GetMany(ctx, []string{"text"}))
			},
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.GetMany(ctx, []string{"text", "bye", "none"}))
			},
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.With(sliding).GetMany(ctx, []string{"text", "bye"}))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).GetMany([]string{"text", "bye"}) },
	}, {
		name: "GetOrSet",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none") },
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none", noExpiry) },
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return loadAndStore(ctx, v.With(sliding), "text")
			},
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "none", expired) },
			// An integer is no string, so what is loaded takes its place.
			func(ctx context.Context, v *xcache.View[string]) error { return loadAndStore(ctx, v, "number") },
			func(ctx context.Context, v *xcache.View[string]) error {
				return loadAndStore(ctx, v, "number", expired)
			},
		),
	}, {
		name: "GetOrSetMany",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return loadAndStoreMany(ctx, v, []string{"none", "missing"})
		}),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return loadAndStoreMany(ctx, v, []string{"none"})
			},
			func(ctx context.Context, v *xcache.View[string]) error {
				return loadAndStoreMany(ctx, v, []string{"none", "missing"}, expired)
			},
		),
	}, {
		name:  "Take",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Take(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Take("text") },
	}, {
		name:  "Invalidate",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Invalidate(ctx, "text") }),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.With(xcache.StaleOnError(time.Hour)).Invalidate(ctx, "text")
		}),
	}, {
		name: "InvalidateTags",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			chain, err := codec.New(codec.Config{Format: codec.Tagged})
			return errors.Join(err, v.With(xcache.WithCodec(chain)).InvalidateTags(ctx, "a"))
		}),
	}, {
		name: "Set",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x") },
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", noExpiry) },
			func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", keepTTL) },
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x", expired) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) {
			v.In(p).Set("text", "x")
			v.In(p).Set("text", "x", expired)
		},
	}, {
		name: "SetMany",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.SetMany(ctx, map[string]string{"text": "x", "bye": "y"})
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.SetMany(ctx, map[string]string{"text": "x", "bye": "y"}, expired)
		}),
	}, {
		name: "Replace",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Replace(ctx, "text", "x")) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return done(v.Replace(ctx, "text", "x", keepTTL))
			},
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Replace(ctx, "text", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Replace("text", "x") },
	}, {
		name:  "Add",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Add(ctx, "none", "x")) }),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Add(ctx, "none", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Add("none", "x") },
	}, {
		name: "Swap",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return without(v.Swap(ctx, "text", "x")) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.Swap(ctx, "text", "x", keepTTL))
			},
		),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.Swap(ctx, "text", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Swap("text", "x") },
	}, {
		name: "CompareAndSwap",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndSwap(ctx, "text", "hello", "x"))
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndSwap(ctx, "text", "hello", "x", expired))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).CompareAndSwap("text", "hello", "x") },
	}, {
		name: "CompareAndDelete",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.CompareAndDelete(ctx, "text", "hello"))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).CompareAndDelete("text", "hello") },
	}, {
		name:  "Delete",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Delete(ctx, "text", "bye")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Delete("text", "bye") },
	}, {
		name:  "Has",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Has(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Has("text") },
	}, {
		name:  "TTL",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.TTL(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.TTL("text") },
	}, {
		name: "TTLMany",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return without(v.TTLMany(ctx, []string{"text", "bye"}))
		}),
	}, {
		name: "Touch",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text")) },
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", aMinute)) },
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", expired)) },
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Touch(ctx, "text", noExpiry)) },
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) {
			p.Touch("text", noExpiry)
			p.Touch("text")
			p.Touch("text", expired)
		},
	}, {
		name: "Expire",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.Expire(ctx, "text", time.Minute))
		}),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error { return done(v.Expire(ctx, "text", 0)) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return done(v.Expire(ctx, "text", xcache.NoExpiry))
			},
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Expire("text", time.Minute) },
	}, {
		name: "ExpireAt",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.ExpireAt(ctx, "text", time.Now().Add(time.Hour)))
		}),
		special: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return done(v.ExpireAt(ctx, "text", time.Now()))
		}),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.ExpireAt("text", time.Now().Add(time.Hour)) },
	}, {
		name:  "Persist",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.Persist(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Persist("text") },
	}, {
		name:  "Incr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Incr(ctx, "number", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Incr("number", 1) },
	}, {
		name:  "Decr",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Decr(ctx, "number", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Decr("number", 1) },
	}, {
		name: "IncrInit",
		usual: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "number", 1, 0))
			},
			func(ctx context.Context, v *xcache.View[string]) error { return without(v.IncrInit(ctx, "none", 1, 0)) },
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "none", 1, 0, noExpiry))
			},
		),
		special: forms(
			func(ctx context.Context, v *xcache.View[string]) error {
				return without(v.IncrInit(ctx, "none", 1, 0, expired))
			},
			func(ctx context.Context, v *xcache.View[string]) error {
				_, err := v.IncrInit(ctx, "none", 1, math.MaxInt64)
				return done(errors.Is(err, xcache.ErrOverflow), ignore(err, xcache.ErrOverflow))
			},
		),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.IncrInit("none", 1, 0) },
	}, {
		name:  "IncrVersion",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.IncrVersion(ctx, "text", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.IncrVersion("text", 1) },
	}, {
		name:  "DecrVersion",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.DecrVersion(ctx, "text", 1)) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.DecrVersion("text", 1) },
	}, {
		name:  "Rename",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "bye") }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Rename("text", "bye") },
	}, {
		name:  "RenameNX",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return done(v.RenameNX(ctx, "text", "none")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.RenameNX("text", "none") },
	}, {
		name:  "Type",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return without(v.Type(ctx, "text")) }),
		queue: func(p *xcache.Pipeline, v *xcache.View[string]) { p.Type("text") },
	}, {
		name: "Keys",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n := 0
			for _, err := range v.Keys(ctx, "*") {
				if err != nil {
					return err
				}
				n++
			}
			return done(n == 3, nil)
		}),
	}, {
		name: "DeletePattern",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.DeletePattern(ctx, "*e*")
			return done(n == 3, err)
		}),
	}, {
		name: "Clear",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.Clear(ctx)
			return done(n == 3, err)
		}),
	}, {
		name: "ClearAllVersions",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			n, err := v.ClearAllVersions(ctx)
			return done(n == 3, err)
		}),
	}, {
		name:  "FlushDB",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.FlushDB(ctx) }),
	}, {
		name:  "Ping",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error { return v.Ping(ctx) }),
	}, {
		name: "Watch",
		usual: forms(func(ctx context.Context, v *xcache.View[string]) error {
			return v.Watch(ctx, func(context.Context, *xcache.Tx) error { return nil }, "text")
		}),
	},
}

// ignore returns err unless it is the one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
