// Package structures has the jobs that the guides on lists, sets, hashes and sorted sets do,
// as examples that run.
package structures
