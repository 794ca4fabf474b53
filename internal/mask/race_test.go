//go:build race

package mask

// Under the race detector pools forget at random, and with them engines what they remember.
func init() { racing = true }
