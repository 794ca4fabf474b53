package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is where a command writes its result: standard output, or a file that
// appears under its name only when it is complete.
type output struct {
	*bufio.Writer
	file *os.File // nil for standard output
	name string
}

// openOutput opens the named file, or standard output if name is empty.
func openOutput(stdout io.Writer, name string) (*output, error) {
	if name == "" {
		return &output{Writer: bufio.NewWriterSize(stdout, 256<<10)}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, fmt.Errorf("opening the output: %w", err)
	}
	return &output{Writer: bufio.NewWriterSize(f, 256<<10), file: f, name: name}, nil
}

// close ends the output. With failed, a file leaves nothing behind, and
// standard output keeps the whole records that were written.
func (o *output) close(failed error) error {
	err := o.Flush()
	if o.file == nil {
		return errors.Join(failed, err)
	}
	if failed == nil && err == nil {
		err = o.file.Sync()
	}
	err = errors.Join(failed, err, o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(o.file.Name()))
	}
	return nil
}
