//go:build !race

package xz_test

const raceEnabled = false
