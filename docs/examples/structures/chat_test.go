package structures_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A Room is a chat: the stream keeps its lines, and a message on the channel of the same name
// says that there is one more.
type Room struct {
	lines *mixins.Streams[string]
	calls *mixins.PubSub[string]
	name  string
}

// say adds a line, and calls those who listen.
func (r Room) say(ctx context.Context, who, text string) error {
	newest := mixins.XAddOptions{Trim: mixins.MaxLen(1000).Approx(0)}
	id, err := r.lines.XAdd(ctx, r.name, newest, map[string]string{who: text})
	if err != nil {
		return err
	}
	_, err = r.calls.Publish(ctx, r.name, id)
	return err
}

// listen shows what was said from an ID on, and then each new line, until ctx ends. It reads
// the stream whatever the event is: at the start, for a message, and when some were missed.
func (r Room) listen(ctx context.Context, from string, show func(mixins.StreamEntry[string])) error {
	for _, err := range r.calls.Subscribe(ctx, mixins.SubscribeOptions{}, r.name) {
		if err != nil {
			return err
		}
		for line, err := range r.lines.Entries(ctx, r.name, from, "+") {
			if err != nil {
				return err
			}
			show(line)
			from = "(" + line.ID // behind this one
		}
	}
	return nil
}

func Example_chat() {
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	lines, err := mixins.NewStreams[string](c.With(xcache.ReadPrimary()))
	if err != nil {
		fmt.Println(err)
		return
	}
	calls, err := mixins.NewPubSub[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	room := Room{lines, calls, "room:1"}
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if err := room.say(ctx, "Ada", "is anybody here?"); err != nil {
		fmt.Println(err)
		return
	}
	err = room.listen(ctx, "-", func(line mixins.StreamEntry[string]) {
		fmt.Println(line.Fields)
		if line.Fields["Ada"] == "is anybody here?" {
			_ = room.say(ctx, "Bob", "yes")
			return
		}
		leave()
	})
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// map[Ada:is anybody here?]
	// map[Bob:yes]
	// true
}
