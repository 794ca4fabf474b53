//go:build !unix

package keyfiles

import "io/fs"

func ownedByRoot(fs.FileInfo) bool { return false }
