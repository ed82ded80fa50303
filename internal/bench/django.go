package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/internal/djangotest"
	"github.com/xcache-go/xcache/internal/servertest"
)

// djangoTable times Django's cache framework and this library on one server, with one
// caller and values in the same format, pickle.
type djangoTable struct{ turn *time.Duration }

func (djangoTable) title() string { return "One caller, values as pickle" }

func (t djangoTable) record(rounds int) (r record, err error) {
	var once sync.Once
	testing.Benchmark(func(b *testing.B) { // the server needs a testing.TB
		once.Do(func() { r, err = t.measure(servertest.Redis(b).Addr, rounds) })
	})
	return r, err
}

//go:embed django_timing.py
var djangoScript []byte

// A djangoUser is the value that django_timing.py stores.
type djangoUser struct {
	ID          int64
	Name, Email string
	Roles       []string
	Credit      float64
}

func (t djangoTable) measure(addr string, rounds int) (record, error) {
	cache := must(xcache.OpenDSN("redis://" + addr + "?prefix=xcache&serializer=pickle"))
	defer func() { _ = cache.Close() }()
	operations := djangoOperations(cache)
	django, own := make([]measurement, len(operations)), make([]measurement, len(operations))
	for range rounds {
		python, err := t.runPython(addr)
		if err != nil {
			return record{}, err
		}
		for i, operation := range operations {
			perCall, _, err := together(1, *t.turn, operation.call, true)
			if err != nil {
				return record{}, fmt.Errorf("%s: %w", operation.name, err)
			}
			django[i].nanoseconds = append(django[i].nanoseconds, python[operation.django])
			own[i].nanoseconds = append(own[i].nanoseconds, perCall)
		}
	}
	r := record{Heads: []string{t.title(), "xcache"}, Columns: []column{{"Django", nanoseconds}, {"xcache", nanoseconds}, {"Django × xcache", ratios}}}
	for i, operation := range operations {
		r.Rows = append(r.Rows, row{[]string{operation.django, operation.name}, []float64{
			median(django[i].nanoseconds), median(own[i].nanoseconds), ratio(django[i], own[i]),
		}})
	}
	return r, nil
}

// runPython returns nanoseconds by operation.
func (t djangoTable) runPython(addr string) (map[string]float64, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	script := filepath.Join(dir, "django_timing.py")
	if err := os.WriteFile(script, djangoScript, 0o600); err != nil {
		return nil, err
	}
	cmd, err := djangotest.Command(script, addr, fmt.Sprint(t.turn.Seconds()))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var took map[string]float64
	return took, json.Unmarshal(output, &took)
}

type djangoOperation struct {
	django, name string
	call         caller
}

func djangoOperations(cache *xcache.Cache) []djangoOperation {
	ctx := context.Background()
	users := xcache.For[djangoUser](cache)
	one := djangoUser{42, "Ann", "ann@example.com", []string{"editor", "billing"}, 12.5}
	all, keys := make(map[string]djangoUser, many), keyNames(many)
	for _, key := range keys {
		all[key] = one
	}
	mustDo(users.Set(ctx, "user", one))
	mustDo(users.SetMany(ctx, all))
	must(cache.IncrInit(ctx, "count", 0, 0, xcache.TTL(xcache.NoExpiry)))
	return []djangoOperation{
		{"get", "Get", func(ctx context.Context) error {
			got, err := users.Get(ctx, "user")
			if err == nil && got.Name != one.Name {
				err = errors.New("another value")
			}
			return err
		}},
		{"get, a miss", "Get, a miss", func(ctx context.Context) error {
			_, err := users.Get(ctx, missing)
			return wantMiss(errors.Is(err, xcache.ErrNotFound))
		}},
		{"set", "Set", func(ctx context.Context) error { return users.Set(ctx, "user", one) }},
		{"get_many of 100", "GetMany of 100", func(ctx context.Context) error {
			got, err := users.GetMany(ctx, keys)
			return sameLength(err, len(got), many)
		}},
		{"set_many of 100", "SetMany of 100", func(ctx context.Context) error { return users.SetMany(ctx, all) }},
		{"incr", "Incr", func(ctx context.Context) error { _, err := cache.Incr(ctx, "count", 1); return err }},
		{"delete", "Delete", func(ctx context.Context) error { _, err := cache.Delete(ctx, missing); return err }},
	}
}
