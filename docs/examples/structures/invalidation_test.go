package structures_test

import (
	"context"
	"fmt"

	"github.com/xcache-go/xcache"
)

// A Page is rendered from a user and templates.
type Page struct{ Title string }

func Example_invalidation() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://?format=tagged&require=tags")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	pages := xcache.For[Page](c.Namespace("page"))

	renders := 0
	render := func(context.Context) (Page, error) {
		renders++
		return Page{fmt.Sprint("rendering ", renders)}, nil
	}
	for _, path := range []string{"/ann", "/ann/orders"} {
		page, err := pages.GetOrSet(ctx, path, render, xcache.Tags("user:ann", "templates"))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(path, page.Title)
	}

	// Ann has a new name: all that shows her is rendered again.
	if err := pages.InvalidateTags(ctx, "user:ann"); err != nil {
		fmt.Println(err)
		return
	}
	page, err := pages.GetOrSet(ctx, "/ann", render, xcache.Tags("user:ann", "templates"))
	fmt.Println(page.Title, err)
	// Output:
	// /ann rendering 1
	// /ann/orders rendering 2
	// rendering 3 <nil>
}
