package record

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// prefix is what lines of Go's benchmark format begin with.
const prefix = "Benchmark"

// nameOf makes the name of a figure. The table's first letter becomes a
// capital, which the format asks for.
func nameOf(f figure.Figure) (string, error) {
	if f.Table == "" || !unicode.IsLower(rune(f.Table[0])) {
		return "", fmt.Errorf("table %q: want a name that begins with a small letter", f.Table)
	}
	return prefix + strings.ToUpper(f.Table[:1]) + strings.TrimSuffix(segment(f.Table[1:]), none) + "/" + segment(f.Row) + "/" + segment(f.Col), nil
}

// parse reads a line with one value.
func parse(line string) (f figure.Figure, err error) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return f, errors.New("want name, count, value and unit")
	}
	parts := strings.Split(strings.TrimPrefix(fields[0], prefix), "/")
	if len(parts) != 3 || parts[0] == "" {
		return f, errors.New("the name is not of a table, a row and a column")
	}
	parts[0] = strings.ToLower(parts[0][:1]) + parts[0][1:]
	for i, to := range []*string{&f.Table, &f.Row, &f.Col} {
		if *to, err = decode(parts[i]); err != nil {
			return f, err
		}
	}
	if f.Unit, err = decode(fields[3]); err != nil {
		return f, err
	}
	f.Value, err = strconv.ParseFloat(fields[2], 64)
	return f, err
}

// none stands for an empty name, which the format does not know.
const none = "%"

func encode(s string) string {
	if s == "" {
		return none
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == ' ':
			b.WriteByte('_')
		case r == '_' || r == '%' || unicode.IsSpace(r) || !unicode.IsPrint(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// segment is a part of a name, which "/" divides.
func segment(s string) string { return strings.ReplaceAll(encode(s), "/", "%2F") }

func decode(s string) (string, error) {
	if s == none {
		return "", nil
	}
	return url.PathUnescape(strings.ReplaceAll(s, "_", " "))
}
