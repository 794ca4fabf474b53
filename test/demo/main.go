// Command demo shows what the distribution does: it sends recorded agent
// telemetry to one that is running (`make run`), waits for what that writes
// out, and puts the two side by side.
//
// The telemetry is testdata/corpus filled with fresh random secrets, so what is
// shown in the clear was made up a moment ago and opens nothing. Every value is
// compared, not only the lines that are shown: the exit code is 1 if a secret
// is found in the output or if anything but a secret has changed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/internal/datadir"
)

// settings are what the flags and the environment say.
type settings struct {
	grpc, http string // addresses
	admin, cli string // the admin API's address, and the command that speaks to it
	data       string // the distribution's data directory
	corpus     string // the folder of templates
	wait       time.Duration
	seed       uint64
	screen     screen
	// review stands in for the command line in tests.
	review func(ctx context.Context, args ...string) ([]byte, error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	set := settings{seed: rand.Uint64(), screen: terminal(os.Stdout)}
	flag.StringVar(&set.grpc, "grpc", "127.0.0.1:4317", "address of OTLP/gRPC")
	flag.StringVar(&set.http, "http", "127.0.0.1:4318", "address of OTLP/HTTP")
	flag.StringVar(&set.admin, "admin", "127.0.0.1:8686", "address of the admin API")
	flag.StringVar(&set.cli, "cli", filepath.Join("bin", "tracescrub"), "the command line, which approves what is held")
	flag.StringVar(&set.data, "data", datadir.Default(), "data directory of the running distribution")
	flag.StringVar(&set.corpus, "corpus", filepath.Join("testdata", "corpus"), "folder of recorded telemetry")
	flag.DurationVar(&set.wait, "wait", 20*time.Second, "how long to wait for the output")
	flag.Parse()
	if err := run(ctx, set, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// terminal asks a file how wide it is and whether colours make sense.
func terminal(f *os.File) screen {
	s := screen{width: 100}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		s.width, s.colour = w, os.Getenv("NO_COLOR") == ""
	}
	return s
}

var errFailed = errors.New("the output is not what it should be, see above")

func run(ctx context.Context, set settings, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, set.wait)
	defer cancel()
	for _, addr := range []string{set.grpc, set.http, set.admin} {
		if err := reachable(ctx, addr); err != nil {
			return err
		}
	}
	loaded, err := corpus.Load(os.DirFS(set.corpus))
	if err != nil {
		return fmt.Errorf("loading the recorded telemetry (run this in the repository's root): %w", err)
	}
	fmt.Fprintln(out, set.screen.fit("Every secret below was made up a moment ago and opens nothing.", set.screen.width))
	watched := watch(filepath.Join(set.data, "out"))
	sender, err := newSender(set.grpc, set.http)
	if err != nil {
		return err
	}
	defer sender.close()

	review := newReviewer(set, time.Now())
	if set.review != nil {
		review.command = set.review
	}
	var total summary
	for i, d := range dialects {
		c, err := d.fill(loaded, set.seed, i)
		if err != nil {
			return err
		}
		transport, err := sender.send(ctx, i, c)
		if err != nil {
			return fmt.Errorf("sending %s: %w", d.name, err)
		}
		if i == len(dialects)-1 {
			review.show = out
		}
		written, err := watched.await(ctx, c, review.review)
		if err != nil {
			return err
		}
		result := corpus.Score(c.Case, written)
		if err := set.screen.show(out, d, c, transport, written); err != nil {
			return err
		}
		total.add(c, result)
	}
	total.held = review.count
	if total.entries, err = review.recorded(ctx, set.data); err != nil {
		return err
	}
	return total.show(out, set)
}
