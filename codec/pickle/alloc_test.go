package pickle_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/internal/race"
)

type small struct {
	ID   int64
	Name string
	Tags []string
}

var smallValue = small{7, "Ada", []string{"a", "b"}}

// allocations returns the smallest number of allocations in a few runs, because a garbage
// collection in a run empties the pools.
func allocations(f func()) float64 {
	fewest := testing.AllocsPerRun(100, f)
	for range 4 {
		fewest = min(fewest, testing.AllocsPerRun(100, f))
	}
	return fewest
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("pools drop what they are given now and then")
	}
	fail := func(err error) {
		require.NoError(t, err)
	}
	var value any = &smallValue
	stored, err := pickle.Serializer.Append(nil, value)
	fail(err)
	text, err := pickle.Serializer.Append(nil, "some text")
	fail(err)
	buf := make([]byte, 0, 1<<10)
	var anyText any = "some text"
	for _, test := range []struct {
		name string
		most float64
		f    func()
	}{
		{"write a str", 0, func() { _, err := pickle.Serializer.Append(buf, anyText); fail(err) }},
		{"read a str", 3, func() { var s string; fail(pickle.Serializer.Unmarshal(text, &s)) }},
		{"write a struct", 0, func() { _, err := pickle.Serializer.Append(buf, value); fail(err) }},
		// The struct, its string, the slice and its strings.
		{"read a struct", 5, func() { var s small; fail(pickle.Serializer.Unmarshal(stored, &s)) }},
		{"recognise a struct", 0, func() { recognize(stored) }},
	} {
		got := allocations(test.f)
		t.Logf("%s: %v allocations", test.name, got)
		require.LessOrEqual(t, got, test.most, "allocations to %s", test.name)
	}
}

func BenchmarkAppend(b *testing.B) {
	var value any = &smallValue
	buf := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Serializer.Append(buf, value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	stored, err := pickle.Serializer.Append(nil, smallValue)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var s small
		if err := pickle.Serializer.Unmarshal(stored, &s); err != nil {
			b.Fatal(err)
		}
	}
}
