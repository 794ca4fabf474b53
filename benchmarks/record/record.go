// Package record keeps what was measured: a file for each part of the
// benchmarks and each day, in Go's benchmark format, so that benchstat can
// compare two of them, and so that the page of numbers can be made of them
// again without measuring.
//
// The name of a line is made of table, row and column of the figure. In it a
// space is "_", and "_", "/" and "%" are percent-encoded, as are all signs that
// would end the name.
package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// Series are the values of one place in a table, one for each run. The value
// of its Figure is their median.
type Series struct {
	figure.Figure
	Values []float64
}

// Gather puts the runs of each figure together, in the order of the first run.
func Gather(all []figure.Figure) []*Series {
	var list []*Series
	at := map[figure.Figure]*Series{}
	for _, f := range all {
		v := f.Value
		f.Value = 0
		s := at[f]
		if s == nil {
			s = &Series{Figure: f}
			at[f] = s
			list = append(list, s)
		}
		s.Values = append(s.Values, v)
	}
	for _, s := range list {
		s.Value = figure.Quantile(slices.Clone(s.Values), 0.5)
	}
	return list
}

// Place says where and of what figures were taken.
type Place struct{ Machine, Go, Commit, Date string }

// Record is one part of the benchmarks, measured once.
type Record struct {
	Place
	Part   string
	Series []*Series
}

// keys are the lines above the figures, in their order.
func (r *Record) keys() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{{"part", &r.Part}, {"machine", &r.Machine}, {"go", &r.Go}, {"commit", &r.Commit}, {"date", &r.Date}}
}

// Write writes the record, a line for each value of each series.
func (r *Record) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, k := range r.keys() {
		_, _ = fmt.Fprintf(b, "%s: %s\n", k.name, *k.value) // an error comes back from Flush
	}
	_, _ = b.WriteString("\n")
	var units []string
	for _, s := range r.Series {
		if !slices.Contains(units, s.Unit) {
			units = append(units, s.Unit)
			_, _ = fmt.Fprintf(b, "Unit %s better=%s\n", encode(s.Unit), better(s.Unit))
		}
	}
	_, _ = b.WriteString("\n")
	for _, s := range r.Series {
		name, err := nameOf(s.Figure)
		if err != nil {
			return err
		}
		for _, v := range s.Values {
			_, _ = fmt.Fprintf(b, "%s 1 %s %s\n", name, strconv.FormatFloat(v, 'g', 6, 64), encode(s.Unit))
		}
	}
	return b.Flush()
}

// better says whether more or less of a unit is.
func better(unit string) string {
	if strings.HasSuffix(unit, "/s") {
		return "higher"
	}
	return "lower"
}

// Read reads what Write wrote.
func Read(in io.Reader) (*Record, error) {
	r := &Record{}
	var all []figure.Figure
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch key, value, ok := strings.Cut(line, ": "); {
		case line == "" || strings.HasPrefix(line, "Unit "):
		case strings.HasPrefix(line, prefix):
			f, err := parse(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			all = append(all, f)
		case !ok || !r.set(key, value):
			return nil, fmt.Errorf("line %d is neither a figure nor a known key", n)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for _, k := range r.keys() {
		if *k.value == "" {
			return nil, fmt.Errorf("the key %q is missing", k.name)
		}
	}
	r.Series = Gather(all)
	return r, nil
}

func (r *Record) set(key, value string) bool {
	for _, k := range r.keys() {
		if k.name == key {
			*k.value = value
			return true
		}
	}
	return false
}

// Files matches the names of records in the directory of a part. The last one
// in the order of names is the last one.
const Files = "[0-9]*.txt"

// Latest reads the last record of a part below dir. Without one it returns
// neither a record nor an error.
func Latest(dir, part string) (r *Record, err error) {
	files, err := filepath.Glob(filepath.Join(dir, part, Files))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	f, err := os.Open(slices.Max(files))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if r, err = Read(f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return r, nil
}

// Save writes the record into its file below dir, over one of the same day.
func (r *Record) Save(dir string) (file string, err error) {
	dir = filepath.Join(dir, r.Part)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: files of the repository
		return "", err
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		return "", err
	}
	file = filepath.Join(dir, r.Date+".txt")
	return file, os.WriteFile(file, []byte(b.String()), 0o644) //nolint:gosec // G306: a file of the repository
}
