package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// The exit codes; every help text names them in these words.
const (
	exitDone        = 0
	exitFindings    = 1   // findings, or verification failed
	exitWrong       = 2   // wrong use or broken input
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// errFindings makes the exit code 1; everything worth saying has been said.
var errFindings = errors.New("findings")

// errUse marks wrong use, after which the way to the help is shown.
type errUse struct{ error }

func (e errUse) Unwrap() error { return e.error }

func usef(format string, args ...any) error { return errUse{fmt.Errorf(format, args...)} }

// run executes a command line and returns the exit code.
func run(args []string, t *terminal) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the work in order; a second one finds the default again.
	context.AfterFunc(ctx, stop)
	root := newRoot(t)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return exitCode(t, cmd, err)
}

// exitCode says what went wrong and returns the code for it.
func exitCode(t *terminal, cmd *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, context.Canceled):
		t.say("tracescrub: interrupted: %v", err)
		return exitInterrupted
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" { // Cobra's suggestions have blank lines and tabs
			fmt.Fprintf(t.err, "tracescrub: %s\n", screen.Plain(line, false)) // it may quote what a server said
		}
	}
	var use errUse
	if errors.As(err, &use) || strings.HasPrefix(err.Error(), "unknown command") {
		fmt.Fprintf(t.err, "hint: %s --help\n", cmd.CommandPath())
	}
	return exitWrong
}

func newRoot(t *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "tracescrub",
		Short: "Mask and find secrets in telemetry, logs and files",
		Long: `tracescrub masks and finds secrets in telemetry, logs and files, with the
rules and the code of the Collector's processor secret_mask.

Exit codes: 0 done; 1 findings, or verification failed; 2 wrong use or broken
input.`,
		Example: `  tracescrub mask < session.log > session.masked.log
  tracescrub mask --format otlp-json < traces.json > masked.json
  tracescrub scan .
  tracescrub explain --rule named-password < line.txt
  tracescrub rules list
  tracescrub items list
  tracescrub audit verify`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       buildVersion().short(),
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetVersionTemplate("tracescrub {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errUse{err} })
	root.AddCommand(newMask(t), newScan(t), newExplain(t), newRules(t), newCheck(t), newItems(t), newKeys(t), newAudit(t), newSetup(t), newHealthy(t), newVersion(t))
	// Cobra adds `completion bash|zsh|fish|powershell` and `help` by itself.
	return root
}

// exactly is cobra.ExactArgs with the hint of wrong use.
func exactly(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return usef("unexpected argument %q", args[n])
		}
		if len(args) < n {
			return usef("%d argument(s) missing", n-len(args))
		}
		return nil
	}
}

// oneOf checks the word of a flag.
func oneOf(flag, word string, words []string) error {
	for _, w := range words {
		if word == w {
			return nil
		}
	}
	return usef("--%s %q: use %s", flag, word, strings.Join(words, ", "))
}
