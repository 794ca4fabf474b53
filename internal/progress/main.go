// Command progress runs a long build command and shows that it is alive.
//
// On a terminal it keeps one status line (elapsed time, how far, what is being
// worked on); in a pipe it prints a plain line now and then. What the command
// itself prints is shown only if it fails, all of it.
//
//	progress -label "compiling" -total 1200 -- go build -v ./...
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

func main() {
	label := flag.String("label", "working", "what is being done")
	unit := flag.String("unit", "steps", "what a line of the command's output stands for")
	total := flag.Int("total", 0, "how many such lines there are at most; 0: not known")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "progress: no command given")
		os.Exit(2)
	}
	stat, err := os.Stderr.Stat()
	terminal := err == nil && stat.Mode()&os.ModeCharDevice != 0
	s := &status{label: *label, unit: *unit, total: *total, out: os.Stderr, terminal: terminal, start: time.Now()}
	os.Exit(run(s, flag.Args()))
}

// run runs the command under s and returns its exit code.
func run(s *status, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.read(r)
	}()
	stop := make(chan struct{})
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		s.show(stop)
	}()
	err := cmd.Run()
	w.Close()
	<-read
	close(stop)
	<-shown
	if err == nil {
		s.finish("done")
		return 0
	}
	s.finish("failed: " + err.Error())
	fmt.Fprint(s.out, s.output.String())
	if code := cmd.ProcessState; code != nil && code.ExitCode() > 0 {
		return code.ExitCode()
	}
	return 1
}

// status is what is known of the running command.
type status struct {
	label, unit string
	total       int
	out         io.Writer
	terminal    bool
	start       time.Time

	// mu guards what follows.
	mu     sync.Mutex
	lines  int
	last   string
	output strings.Builder
}

// read takes in the command's output until it ends.
func (s *status) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			s.mu.Lock()
			s.lines++
			s.last = strings.TrimSpace(line)
			s.output.WriteString(line)
			s.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// show prints the state of things until stop is closed: every second on a
// terminal, every fifteen seconds elsewhere.
func (s *status) show(stop <-chan struct{}) {
	every := 15 * time.Second
	if s.terminal {
		every = time.Second
	}
	if s.terminal {
		fmt.Fprintf(s.out, "\r%s", s.line(70))
	} else {
		fmt.Fprintf(s.out, "%s ...\n", s.label)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if s.terminal {
				fmt.Fprintf(s.out, "\r\x1b[K%s", s.line(40))
			} else {
				fmt.Fprintln(s.out, s.line(0))
			}
		}
	}
}

// finish ends the status line with a word.
func (s *status) finish(word string) {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	fmt.Fprintf(s.out, "%s %s\n", s.line(0), word)
}

// line is the state in one line, with at most tail bytes of what the command
// printed last.
func (s *status) line(tail int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("%s: %s", s.label, time.Since(s.start).Round(time.Second))
	switch {
	case s.total > 0:
		line += fmt.Sprintf(", %d of at most %d %s", s.lines, max(s.total, s.lines), s.unit)
	case s.lines > 0:
		line += fmt.Sprintf(", %d %s", s.lines, s.unit)
	}
	if tail > 0 && s.last != "" {
		line += "  " + s.last[max(0, len(s.last)-tail):]
	}
	return line
}
