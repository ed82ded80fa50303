// Package xcachetest proves that a cache driver behaves as every other one.
package xcachetest
