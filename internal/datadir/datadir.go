// Package datadir says where components keep their files by default.
package datadir

import "os"

// Default is the directory that TRACESCRUB_DATA names, else data in the
// working directory.
func Default() string {
	if dir := os.Getenv("TRACESCRUB_DATA"); dir != "" {
		return dir
	}
	return "data"
}
