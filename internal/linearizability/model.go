package linearizability

import (
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// A call is one operation on a key, of one of three kinds: a number, a list, or a hash with
// one field.
type call struct {
	name   string
	key    string
	number int64 // an argument
	old    int64 // the other argument of CompareAndSwap
}

// A result is the result of a call.
type result struct {
	number int64
	// ok is false for a miss, an empty list, and a write whose condition did not hold.
	ok bool
}

// model is the behaviour of a store: the state of a key is text, and "" for a missing
// key.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(call).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		want, after := step(state.(string), input.(call))
		return want == output.(result), after
	},
	DescribeOperation: func(input, output any) string {
		c, r := input.(call), output.(result)
		return c.name + " " + c.key + " " + strconv.FormatInt(c.number, 10) + " " + strconv.FormatInt(c.old, 10) +
			" = " + strconv.FormatInt(r.number, 10) + " " + strconv.FormatBool(r.ok)
	},
	DescribeState: func(state any) string { return state.(string) },
}

// step returns the result of a call in a state, and the state after the call.
func step(state string, c call) (result, string) {
	held, exists := number(state), state != ""
	argument := strconv.FormatInt(c.number, 10)
	switch c.name {
	case "Get", "HGet":
		return result{held, exists}, state
	case "Set":
		return result{0, true}, argument
	case "Add":
		if exists {
			return result{0, false}, state
		}
		return result{0, true}, argument
	case "Incr":
		if !exists {
			return result{}, state
		}
		return result{held + c.number, true}, strconv.FormatInt(held+c.number, 10)
	case "HIncrBy":
		return result{held + c.number, true}, strconv.FormatInt(held+c.number, 10)
	case "CompareAndSwap":
		if !exists || held != c.old {
			return result{0, false}, state
		}
		return result{0, true}, argument
	case "Delete":
		return result{0, exists}, ""
	case "RPush", "LPush":
		list := elements(state)
		if c.name == "RPush" {
			list = append(list, argument)
		} else {
			list = slices.Insert(list, 0, argument)
		}
		return result{int64(len(list)), true}, strings.Join(list, " ")
	case "LPop", "RPop":
		list := elements(state)
		if len(list) == 0 {
			return result{}, ""
		}
		at := 0
		if c.name == "RPop" {
			at = len(list) - 1
		}
		popped := number(list[at])
		return result{popped, true}, strings.Join(slices.Delete(list, at, at+1), " ")
	}
	panic("no call " + c.name)
}

func elements(state string) []string { return strings.Fields(state) }

// number returns the number in a state, 0 if the state has no number.
func number(state string) int64 {
	n, _ := strconv.ParseInt(state, 10, 64)
	return n
}
