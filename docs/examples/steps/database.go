package main

import (
	"context"
	"sync/atomic"
	"time"
)

// A database takes 5 ms for a query, however many rows it returns, and runs 4 queries at a time.
type database struct {
	connections chan struct{}
	queries     atomic.Int64
}

func newDatabase() *database { return &database{connections: make(chan struct{}, 4)} }

func (db *database) query(ctx context.Context) error {
	select {
	case db.connections <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-db.connections }()
	db.queries.Add(1)
	select {
	case <-time.After(5 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// User reads one user.
func (db *database) User(ctx context.Context, id string) (User, error) {
	return User{"user " + id, id + "@example.com"}, db.query(ctx)
}

// Users reads several users in one query.
func (db *database) Users(ctx context.Context, ids []string) (map[string]User, error) {
	if err := db.query(ctx); err != nil {
		return nil, err
	}
	found := make(map[string]User, len(ids))
	for _, id := range ids {
		found[id] = User{"user " + id, id + "@example.com"}
	}
	return found, nil
}
