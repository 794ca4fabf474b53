//go:build linux || darwin

package local

import "syscall"

// freeSpace is how many bytes a user may still write.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // of another type on other systems
}
