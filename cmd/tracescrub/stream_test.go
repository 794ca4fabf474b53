//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// source makes a long stream out of a unit of text that is repeated, with
// something else once in a while.
type source struct {
	left         int64
	unit, rare   []byte
	every, count int
	rest         []byte
}

func (s *source) Read(p []byte) (int, error) {
	if s.left <= 0 && len(s.rest) == 0 {
		return 0, io.EOF
	}
	if len(s.rest) == 0 {
		s.rest = s.unit
		if s.count++; s.count%s.every == 0 {
			s.rest = s.rare
		}
		s.left -= int64(len(s.rest))
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// sink counts what comes out, and what of it is masks.
type sink struct {
	bytes int64
	masks int
	tail  []byte
}

func (s *sink) Write(p []byte) (int, error) {
	s.bytes += int64(len(p))
	text := append(s.tail, p...)
	s.masks += bytes.Count(text, []byte("[MASKED:"))
	s.tail = append([]byte{}, text[max(0, len(text)-len("[MASKED:")+1):]...)
	return len(p), nil
}

// TestConstantMemory pipes 300 MB through the binary and looks at the most
// memory it ever had. It fails on memory that grows with the input, not on time.
func TestConstantMemory(t *testing.T) {
	record := map[string]string{}
	rare, err := plantText("a line with @github@ in it\n", t.Name(), record)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("nothing to see in this line, nor in the next one; ", 20)
	span := `{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"` + line + `","status":{}}]}]}`
	for _, c := range []struct {
		name       string
		args       []string
		head, tail string
		unit, rare string
		size, peak int64
	}{
		{"lines", nil, "", "", line + "\n", rare, 300 << 20, 150 << 20},
		{"one line", nil, "", "", line, strings.TrimSpace(rare) + " ", 100 << 20, 100 << 20},
		{
			"jsonl",
			[]string{"--format", "jsonl"},
			"", "", `{"text":"` + line + `"}` + "\n",
			`{"text":"` + strings.TrimSpace(rare) + `"}` + "\n", 100 << 20, 100 << 20,
		},
		{
			"one document",
			[]string{"--format", "otlp-json"},
			`{"resourceSpans":[` + span, "]}", "," + span,
			"," + strings.ReplaceAll(span, line, strings.TrimSpace(rare)), 80 << 20, 250 << 20,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &source{left: c.size, unit: []byte(c.unit), rare: []byte(c.rare), every: 10_000}
			out := &sink{}
			cmd := exec.Command(self(t), append([]string{"mask"}, c.args...)...)
			cmd.Env = append(os.Environ(), "GOMEMLIMIT=64MiB")
			cmd.Stdout = out
			var said bytes.Buffer
			cmd.Stderr = &said
			peak := feed(t, cmd, io.MultiReader(strings.NewReader(c.head), in, strings.NewReader(c.tail)))
			if said.Len() > 0 {
				t.Errorf("%d bytes on standard error of a pipe", said.Len())
			}
			if want := in.count / in.every; out.masks != want || want == 0 {
				t.Errorf("%d masks, want %d", out.masks, want)
			}
			if out.bytes < c.size/2 {
				t.Errorf("%d bytes came out of %d", out.bytes, c.size)
			}
			t.Logf("%d MB through %d MB", c.size>>20, peak>>20)
			if peak > c.peak {
				t.Errorf("%d MB of memory for an input of %d MB", peak>>20, c.size>>20)
			}
		})
	}
}

// feed starts cmd, gives it all of in, and returns the most memory it ever had,
// in bytes, just before it is told that this was all. The kernel's own sum at
// the end of a process would count the memory of the one that started it.
func feed(t *testing.T, cmd *exec.Cmd, in io.Reader) (peak int64) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, copied := io.Copy(stdin, in)
	status, read := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err := errors.Join(copied, stdin.Close(), cmd.Wait()); err != nil {
		t.Fatalf("%v: %s", err, cmd.Stderr)
	}
	if runtime.GOOS != "linux" {
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			t.Fatal("the system does not tell how much memory a process had")
		}
		return int64(usage.Maxrss) //nolint:unconvert // 32 bits on some systems
	}
	if read != nil {
		t.Fatal(read)
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak); err == nil {
			return peak << 10
		}
	}
	t.Fatal("the system does not tell how much memory a process had")
	return 0
}

// self returns the path of the test binary as the command: TestMain puts it on
// PATH only for scripts.
func self(t *testing.T) string {
	t.Helper()
	bin := t.TempDir() + "/tracescrub"
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, bin); err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestBrokenPipe: who stops reading ends the command, without a word.
func TestBrokenPipe(t *testing.T) {
	cmd := exec.Command(self(t), "mask")
	cmd.Stdin = &source{left: 1 << 40, unit: []byte("nothing\n"), rare: []byte("nothing\n"), every: 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || said.Len() > 0 {
		t.Fatalf("%v; %d bytes on standard error", err, said.Len())
	}
	if s, ok := ended.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGPIPE {
		t.Errorf("ended with %v, want the signal of a broken pipe", ended)
	}
}

// TestInterrupt: ctrl-C while waiting for input ends the work at a whole
// record, and a file is not left half written.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(self(t), "mask", "--format", "jsonl", "--output", dir+"/out")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(in, `{"text":"one"}`); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ { // until it is up and has opened its output
		if names, _ := os.ReadDir(dir); len(names) > 0 {
			break
		}
		if i > 3000 {
			t.Fatal("no output file appeared")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != exitInterrupted {
		t.Fatalf("%v: %s", err, said.String())
	}
	if !strings.Contains(said.String(), "interrupted") {
		t.Errorf("it said %q", said.String())
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%d files are left, %v", len(names), err)
	}
}
