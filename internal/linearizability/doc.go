// Package linearizability records histories of concurrent calls of a cache, and holds them
// against a model: whether each call could have taken effect at one moment between its begin
// and its end. It is a module of its own, so that the users of the library do not inherit the
// checker.
package linearizability
