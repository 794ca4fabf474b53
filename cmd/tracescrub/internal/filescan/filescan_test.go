package filescan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/window"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needles finds the word "needle".
func needles(dst []mask.Hit, text []byte) []mask.Hit {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte("needle"))
		if i < 0 {
			return dst
		}
		dst = append(dst, mask.Hit{Finding: rules.Finding{Start: from + i, End: from + i + 6}})
		from += i + 6
	}
}

func inAll(string) window.Find { return needles }

func utf16Bytes(s string, mark, big bool) []byte {
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	var out []byte
	for _, u := range units {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

func TestStream(t *testing.T) {
	const text = "first\nä€😀 needle x\n"
	for _, c := range []struct {
		name   string
		in     []byte
		binary bool
		want   string
	}{
		{"text", []byte(text), false, "2:5-2:11"},
		{"empty", nil, false, ""},
		{"latin-1", []byte("caf\xe9 needle"), false, "1:6-1:12"},
		{"binary", []byte("needle\x00\x01\x02needle"), true, ""},
		{"UTF-16LE with a mark", utf16Bytes(text, true, false), false, "2:5-2:11"},
		{"UTF-16BE with a mark", utf16Bytes(text, true, true), false, "2:5-2:11"},
		{"UTF-16LE", utf16Bytes("a needle in ASCII\n", false, false), false, "1:3-1:9"},
		{"UTF-16BE", utf16Bytes("a needle in ASCII\n", false, true), false, "1:3-1:9"},
		{"far behind", []byte(strings.Repeat("0123456\n", 1<<19) + "needle"), false, "524289:1-524289:7"},
		{"in a long line", []byte(strings.Repeat("01234567", 1<<19) + "needle"), false, "1:4194305-1:4194311"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Stream(t.Context(), "x", bytes.NewReader(c.in), Options{Find: inAll})
			var got []string
			for _, x := range f.Findings {
				got = append(got, fmt.Sprintf("%d:%d-%d:%d", x.Line, x.Column, x.EndLine, x.EndColumn))
			}
			if f.Err != nil || f.Binary != c.binary || strings.Join(got, " ") != c.want {
				t.Errorf("%v, binary %v, %v; want %q", f.Err, f.Binary, got, c.want)
			}
		})
	}
}

// TestOrder: many workers, and yet the order of the walk.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 200 {
		name := filepath.Join(dir, fmt.Sprintf("%03d", i))
		body := strings.Repeat("needle\n", i%3) + strings.Repeat("x", (i*7919)%20000)
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(name, i%3))
	}
	for range 3 {
		var got []string
		err := Scan(t.Context(), []string{dir}, Options{Find: inAll, Workers: 8}, func(f File) error {
			got = append(got, fmt.Sprint(f.Path, len(f.Findings)))
			return f.Err
		})
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%v: another order, or other findings", err)
		}
	}
}

func TestEndsEarly(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("needle"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	n := 0
	err := Scan(t.Context(), []string{dir}, Options{Find: inAll, Workers: 2}, func(File) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Fatalf("%v after %d files", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Scan(ctx, []string{dir}, Options{Find: inAll}, func(File) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("needle"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ownFile), []byte("[bad\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := Scan(t.Context(), []string{filepath.Join(dir, "missing"), dir}, Options{Find: inAll}, func(f File) error {
		got = append(got, fmt.Sprintf("%s %d %v", filepath.Base(f.Path), len(f.Findings), f.Err != nil))
		if f.Err != nil && filepath.Base(f.Path) == "missing" && !errors.Is(f.Err, fs.ErrNotExist) {
			t.Errorf("got %v", f.Err)
		}
		return nil
	})
	want := "missing 0 true|.tracescrubignore 0 true|.tracescrubignore 0 false|a 1 false"
	if err != nil || strings.Join(got, "|") != want {
		t.Fatalf("%v: got %s, want %s", err, strings.Join(got, "|"), want)
	}
	err = Scan(t.Context(), []string{dir}, Options{Find: inAll, Exclude: []string{"[bad"}}, func(File) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "--exclude") {
		t.Fatalf("got %v", err)
	}
}
