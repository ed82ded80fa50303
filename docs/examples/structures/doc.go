// Package structures has the jobs of the guides on lists, sets, hashes, sorted sets and
// messages, as examples that run.
package structures
