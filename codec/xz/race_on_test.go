//go:build race

package xz_test

const raceEnabled = true
