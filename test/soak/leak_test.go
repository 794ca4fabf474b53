//go:build e2e

package soak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// forms are the pieces that any leak of a secret with these ends would hold one of.
func forms(ends ...string) (all [][]byte) {
	for _, end := range ends {
		all = append(all, []byte(end), []byte(hex.EncodeToString([]byte(end))))
		for shift := range 3 { // base64 has three faces of the same bytes
			s := base64.RawStdEncoding.EncodeToString([]byte("xxx"[:shift] + end))
			all = append(all, []byte(s[(shift*8+5)/6:(shift+len(end))*8/6]))
		}
	}
	return all
}

// leaks says whether a text has a secret.
func (l *ledger) leaks(text []byte) bool {
	for _, form := range l.forms {
		if bytes.Contains(text, form) {
			return true
		}
	}
	return false
}

// search looks for secrets in all files below a directory.
func (l *ledger) search(dir string) (files int, size int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		n, leak, err := l.searchFile(path)
		files, size = files+1, size+n
		if leak {
			l.complain("a secret is in %s", strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err == nil && (files == 0 || size == 0) {
		err = errors.New("nowhere to look")
	}
	return files, size, err
}

// searchFile reads a file in parts that overlap.
func (l *ledger) searchFile(path string) (size int64, leak bool, err error) {
	const overlap = 64
	f, err := os.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	buf := make([]byte, overlap, overlap+1<<20)
	for {
		n, err := io.ReadFull(f, buf[overlap:cap(buf)])
		size += int64(n)
		if leak = leak || l.leaks(buf[:overlap+n]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return size, leak, err
		}
		buf = buf[:cap(buf)]
		copy(buf, buf[len(buf)-overlap:])
		buf = buf[:overlap]
	}
}
