//go:build !race

package s2_test

const raceEnabled = false
