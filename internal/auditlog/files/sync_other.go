//go:build !linux

package files

import "os"

func dataSync(f *os.File) error { return f.Sync() }
