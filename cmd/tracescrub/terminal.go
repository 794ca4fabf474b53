package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// terminal is what a command sees of the world.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	// outTTY and errTTY say whether out and err are looked at by someone,
	// inTTY whether someone can answer.
	outTTY, errTTY, inTTY bool
	// width is that of the terminal behind out, 0 if there is none.
	width int
	now   func() time.Time
}

func osTerminal() *terminal {
	t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now}
	t.outTTY = term.IsTerminal(int(os.Stdout.Fd()))
	t.errTTY = term.IsTerminal(int(os.Stderr.Fd()))
	t.inTTY = term.IsTerminal(int(os.Stdin.Fd()))
	if t.outTTY {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			t.width = w
		}
	}
	return t
}

// colour wraps s in an ANSI attribute where someone can see it and has not
// objected (https://no-color.org).
func (t *terminal) colour(attribute, s string) string {
	if !t.outTTY || t.getenv("NO_COLOR") != "" || t.getenv("TERM") == "dumb" {
		return s
	}
	return "\x1b[" + attribute + "m" + s + "\x1b[0m"
}

// say writes a line for whoever runs the command. Names of files, and what
// systems and servers answer, are shown as they are only where they are harmless.
func (t *terminal) say(format string, args ...any) {
	fmt.Fprintln(t.err, screen.Plain(fmt.Sprintf(format, args...), false))
}

// inSize returns how many bytes stand ahead of the input, 0 if unknown.
func inSize(in io.Reader) int64 {
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// confirm asks whoever sits there whether to do something.
func confirm(t *terminal, yes bool, what string) error {
	if yes {
		return nil
	}
	what = screen.Plain(what, false)
	if !t.inTTY || !t.errTTY {
		return usef("%s: nobody is here to ask; --yes does it", what)
	}
	fmt.Fprintf(t.err, "%s? [y/N] ", what)
	answer, err := bufio.NewReader(t.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); err == nil && (answer == "y" || answer == "yes") {
		return nil
	}
	return usef("nothing was done")
}
