package dialect

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// The versions of RESP shape some replies differently. The drivers answer with one shape:
// scores are numbers, and pairs are flat, a name and its value in turn.

// reshapings has the function that reshapes the reply of a command, by the index of the
// command's row. Most commands have none.
var reshapings = func() []func(c *driver.Cmd) {
	byName := map[string]func(*driver.Cmd){
		"XREAD":       func(c *driver.Cmd) { flatten(&c.Reply) },
		"XREADGROUP":  func(c *driver.Cmd) { flatten(&c.Reply) },
		"XPENDING":    pendingSummary,
		"XINFO":       streamInfo,
		"BZMPOP":      func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) }, // in sessions, by Do
		"BZPOPMAX":    func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) },
		"BZPOPMIN":    func(c *driver.Cmd) { ReshapeWaiting(c.Name, &c.Reply) },
		"HRANDFIELD":  func(c *driver.Cmd) { flatten(&c.Reply) },
		"ZADD":        func(c *driver.Cmd) { scoreUnlessCount(&c.Reply) },
		"ZINCRBY":     func(c *driver.Cmd) { score(&c.Reply) },
		"ZSCORE":      func(c *driver.Cmd) { score(&c.Reply) },
		"ZMSCORE":     func(c *driver.Cmd) { each(c.Reply.Items, score) },
		"ZRANK":       func(c *driver.Cmd) { second(&c.Reply, score) },
		"ZREVRANK":    func(c *driver.Cmd) { second(&c.Reply, score) },
		"ZPOPMIN":     func(c *driver.Cmd) { scoredMembers(&c.Reply) },
		"ZPOPMAX":     func(c *driver.Cmd) { scoredMembers(&c.Reply) },
		"ZMPOP":       func(c *driver.Cmd) { second(&c.Reply, scoredMembers) },
		"ZSCAN":       func(c *driver.Cmd) { second(&c.Reply, scoredMembers) },
		"ZRANGE":      withScores(3),
		"ZRANDMEMBER": withScores(2),
		"ZDIFF":       withScores(2),
		"ZINTER":      withScores(2),
		"ZUNION":      withScores(2),
	}
	rows := driver.Commands()
	list := make([]func(*driver.Cmd), len(rows))
	for i := range rows {
		list[i] = byName[rows[i].Name]
	}
	return list
}()

// reshape gives the replies of commands the common shape.
func reshape(cmds []*driver.Cmd) {
	for _, c := range cmds {
		if errors.Is(c.Err, driver.ErrCrossSlot) && inOneSlot(c) {
			c.Err = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("the server takes other arguments for keys than those that are given as keys"))
		}
		if errors.Is(c.Err, errors.ErrUnsupported) && hasSubcommand(c) {
			c.Err = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("wrong number of arguments for "+c.Name+" "+c.Args[0].String()))
		}
		i := c.Command().Index()
		if i < 0 || reshapings[i] == nil || c.Err != nil {
			continue
		}
		reshapings[i](c)
	}
}

// ReshapeWaiting gives the reply of a command that waits the common shape. The arguments of
// the command have no influence.
func ReshapeWaiting(name string, reply *driver.Reply) {
	switch name {
	case "BZPOPMIN", "BZPOPMAX":
		if len(reply.Items) == 3 {
			score(&reply.Items[2])
		}
	case "BZMPOP":
		second(reply, scoredMembers)
	case "XREAD", "XREADGROUP":
		flatten(reply)
	}
}

// subcommands are the subcommands that every server has. Redis 6.0 has the same error for a
// wrong number of arguments and for an unknown subcommand.
var subcommands = map[string][]string{
	"XGROUP": {"CREATE", "DELCONSUMER", "DESTROY", "SETID"},
	"XINFO":  {"CONSUMERS", "GROUPS", "STREAM"},
}

// hasSubcommand reports whether every server has the subcommand of a command.
func hasSubcommand(c *driver.Cmd) bool {
	return len(c.Args) > 0 && slices.ContainsFunc(subcommands[c.Name], func(name string) bool {
		return strings.EqualFold(name, c.Args[0].String())
	})
}

// inOneSlot reports whether the keys of a command are in one slot of a cluster. A server
// that disagrees has read other arguments as keys, after a wrong number of keys, for
// example.
func inOneSlot(c *driver.Cmd) bool {
	first := -1
	for i := range c.Args {
		if c.Args[i].Role != driver.RoleKey {
			continue
		}
		switch slot := int(keyslot.Of(c.Args[i].Text)); first {
		case -1, slot:
			first = slot
		default:
			return false
		}
	}
	return true
}

// score converts the text of a number to a number. Another reply stays, so that the caller
// sees the wrong shape.
func score(r *driver.Reply) {
	switch r.Kind {
	case driver.ReplyInt:
		*r = driver.FloatReply(float64(r.Int))
	case driver.ReplyData:
		if f, err := strconv.ParseFloat(string(r.Data), 64); err == nil {
			*r = driver.FloatReply(f)
		}
	}
}

// scoreUnlessCount is score for a reply that may be a count of members.
func scoreUnlessCount(r *driver.Reply) {
	if r.Kind == driver.ReplyData {
		score(r)
	}
}

func each(items []driver.Reply, change func(*driver.Reply)) {
	for i := range items {
		change(&items[i])
	}
}

// second changes the second of exactly two elements.
func second(r *driver.Reply, change func(*driver.Reply)) {
	if len(r.Items) == 2 {
		change(&r.Items[1])
	}
}

// scoredMembers changes a list of members and scores.
func scoredMembers(r *driver.Reply) {
	flatten(r)
	for i := 1; i < len(r.Items); i += 2 {
		score(&r.Items[i])
	}
}

// withScores changes a list of members and scores if the arguments have WITHSCORES at an
// index or later.
func withScores(from int) func(*driver.Cmd) {
	return func(c *driver.Cmd) {
		for i := from; i < len(c.Args); i++ {
			if c.Args[i].Role != driver.RoleKey && strings.EqualFold(c.Args[i].String(), "WITHSCORES") {
				scoredMembers(&c.Reply)
				return
			}
		}
	}
}

// flatten replaces a list of pairs by the list of their elements.
func flatten(r *driver.Reply) {
	if len(r.Items) == 0 || r.Items[0].Kind != driver.ReplyArray {
		return
	}
	flat := make([]driver.Reply, 0, 2*len(r.Items))
	for i := range r.Items {
		if len(r.Items[i].Items) != 2 {
			return
		}
		flat = append(flat, r.Items[i].Items...)
	}
	r.Items = flat
}

// pendingSummary changes the reply of XPENDING without a range. The fourth element is the
// list of consumers, each with a number as text.
func pendingSummary(c *driver.Cmd) {
	if len(c.Args) != 2 || len(c.Reply.Items) != 4 {
		return
	}
	consumers := &c.Reply.Items[3]
	flatten(consumers)
	for i := 1; i < len(consumers.Items); i += 2 {
		if n, err := consumers.Items[i].AsInt(); err == nil {
			consumers.Items[i] = driver.IntReply(n)
		}
	}
}

// The names in replies of XINFO, in their order. Newer servers add names in between.
var (
	streamNames   = []string{"length", "last-generated-id", "max-deleted-entry-id", "entries-added", "recorded-first-entry-id", "groups", "first-entry", "last-entry"}
	groupNames    = []string{"name", "consumers", "pending", "last-delivered-id", "entries-read", "lag"}
	consumerNames = []string{"name", "pending", "idle", "inactive"}
)

func streamInfo(c *driver.Cmd) {
	switch subcommand := c.Args[0].String(); {
	case strings.EqualFold(subcommand, "STREAM"):
		sortNames(&c.Reply, streamNames)
	case strings.EqualFold(subcommand, "GROUPS"):
		each(c.Reply.Items, func(r *driver.Reply) { sortNames(r, groupNames) })
	case strings.EqualFold(subcommand, "CONSUMERS"):
		each(c.Reply.Items, func(r *driver.Reply) { sortNames(r, consumerNames) })
	}
}

// sortNames sorts the pairs of a flat list by names, with unknown names at the end.
func sortNames(r *driver.Reply, names []string) {
	pairs, err := r.AsPairs()
	if err != nil {
		return
	}
	place := func(p driver.Pair) int {
		if i := slices.Index(names, string(p.Name)); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(pairs, func(a, b driver.Pair) int { return cmp.Compare(place(a), place(b)) })
	items := make([]driver.Reply, 0, 2*len(pairs))
	for _, p := range pairs {
		items = append(items, driver.DataReply(p.Name), *p.Value)
	}
	r.Items = items
}
