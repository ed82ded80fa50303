package structures_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// A Mail is what the workers of the queue send.
type Mail struct {
	To, Subject string
}

// work sends mails until ctx ends. While a mail is on its way the list of this worker has it,
// so that no crash loses it.
func work(ctx context.Context, mails *mixins.Lists[Mail], worker string, send func(Mail) error) error {
	if err := recoverFrom(ctx, mails, worker); err != nil { // what was begun before a crash
		return err
	}
	for ctx.Err() == nil {
		mail, err := mails.BLMove(ctx, "{mails}", "{mails}:"+worker, mixins.Left, mixins.Right, time.Minute)
		switch {
		case errors.Is(err, xcache.ErrNotFound): // nothing came within the minute
			continue
		case err != nil:
			return err
		}
		if err := send(mail); err != nil {
			return err
		}
		done := context.WithoutCancel(ctx) // the mail is sent, also if ctx has ended meanwhile
		if _, err := mails.LRem(done, "{mails}:"+worker, 1, mail); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// recoverFrom puts back, at the front, what a worker that is gone had begun.
func recoverFrom(ctx context.Context, mails *mixins.Lists[Mail], worker string) error {
	for {
		_, err := mails.LMove(ctx, "{mails}:"+worker, "{mails}", mixins.Right, mixins.Left)
		switch {
		case errors.Is(err, xcache.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
	}
}

func Example_queue() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	mails, err := mixins.NewLists[Mail](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = mails.RPush(ctx, "{mails}", Mail{"Ada", "welcome"}, Mail{"Bob", "invoice"})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = work(ctx, mails, "host-1", func(m Mail) error {
		fmt.Println(m.Subject, "to", m.To)
		if m.To == "Bob" {
			return errors.New("the mail server is down")
		}
		return nil
	})
	fmt.Println(err)
	fmt.Println(recoverFrom(ctx, mails, "host-1"))
	fmt.Println(mails.LRange(ctx, "{mails}", 0, -1))
	// Output:
	// welcome to Ada
	// invoice to Bob
	// the mail server is down
	// <nil>
	// [{Bob invoice}] <nil>
}

func Example_latest() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	viewed, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, product := range []string{"socks", "shoes", "hat"} {
		p := c.Pipeline()
		viewed.In(p).LPush("viewed:42", product)
		viewed.In(p).LTrim("viewed:42", 0, 1) // the last two
		p.Expire("viewed:42", 30*24*time.Hour)
		if err := p.Exec(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(viewed.LRange(ctx, "viewed:42", 0, -1))
	// Output: [hat shoes] <nil>
}
