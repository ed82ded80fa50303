// Package linearizability records histories of concurrent calls of a cache, and checks
// the histories against a model: each call must take effect at one moment between its
// beginning and its end. The package is a module of its own, so that the users of the
// library do not inherit the checker.
package linearizability
