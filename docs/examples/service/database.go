package main

import (
	"context"
	"errors"
	"log"
	"sync"
	"time"
)

// A User is what the service shows.
type User struct{ Name string }

var errNoUser = errors.New("no such user")

// A database takes a tenth of a second for each query.
type database struct {
	mu    sync.Mutex
	names map[string]string
}

func newDatabase() *database { return &database{names: map[string]string{"42": "Ann"}} }

// User reads a user.
func (db *database) User(ctx context.Context, id string) (User, error) {
	log.Print("the database reads user ", id)
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		return User{}, ctx.Err()
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	name, ok := db.names[id]
	if !ok {
		return User{}, errNoUser
	}
	return User{name}, nil
}

// Rename gives a user another name.
func (db *database) Rename(_ context.Context, id, name string) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if _, ok := db.names[id]; !ok {
		return errNoUser
	}
	db.names[id] = name
	return nil
}
