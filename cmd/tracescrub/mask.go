package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/jsonlines"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/otlpstream"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/textstream"
)

// maskFlags are the flags of `tracescrub mask`.
type maskFlags struct {
	format, signal, config, output string
	annotate                       bool
}

var (
	maskFormats = []string{"text", "jsonl", "otlp-json", "otlp-proto"}
	signalWords = []string{"traces", "logs", "metrics"}
)

func newMask(t *terminal) *cobra.Command {
	f := &maskFlags{}
	cmd := &cobra.Command{
		Use:   "mask [--format text|jsonl|otlp-json|otlp-proto] [--signal traces|logs|metrics] [--config F] < in > out",
		Short: "Replace the secrets in a stream by masks",
		Long: `Replace the secrets in standard input by masks and write the rest unchanged.
The same secret gets the same mask, [MASKED:<rule>:<fingerprint>], within a run
and in all runs with the same fingerprint key.

Formats:
  text        any text, UTF-8 or UTF-16 with a byte order mark. Input of any
              size, with constant memory; secrets that span lines are found
  jsonl       one JSON object per line. The member "text" is masked and
              "findings" is added: [{"rule","severity","start","end"}], offsets in
              bytes of the decoded input text. Other members are not scanned
              and stay as they are
  otlp-json   a document {"resourceSpans":[...]}, or resourceLogs, or
              resourceMetrics, or several one after another as the Collector's
              file exporter writes them
  otlp-proto  an export request in protobuf, or the file exporter's frames

The OTLP formats are masked by the processor secret_mask itself, up to 16 MiB
at a time, or one resource element if that is larger. The signal is detected;
--signal insists on one. Policy that holds or drops applies to the OTLP formats
only: text is always masked in place.

The fingerprint key is taken from the configuration (fingerprint), else from the
environment variable ` + keyVariable + `, else made at random for
this run: then masks are the same within the run only.

Broken input ends the work with exit code 2 and a message that names line and
byte. A file given by --output is then not touched; standard output ends with
the last whole record.

Exit codes: 0 done, found something or not; 2 wrong use or broken input.`,
		Example: `  tracescrub mask < build.log > build.masked.log
  kubectl logs deploy/agent | tracescrub mask
  tracescrub mask --format jsonl < prompts.jsonl > masked.jsonl
  tracescrub mask --format otlp-json --config gateway.yaml < traces.json > masked.json
  tracescrub mask --format otlp-proto --signal logs --output masked.bin < logs.bin`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runMask(cmd.Context(), t, f)
		},
	}
	cmd.Flags().StringVar(&f.format, "format", "text", "what the input is: text, jsonl, otlp-json, otlp-proto")
	cmd.Flags().StringVar(&f.signal, "signal", "", "traces, logs or metrics, for the OTLP formats (default: detected)")
	cmd.Flags().StringVar(&f.config, "config", "", "YAML `file` with the keys of secret_mask, or a Collector configuration that has one")
	cmd.Flags().BoolVar(&f.annotate, "annotate", false, "stamp OTLP as the processor does (tracescrub.* attributes)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to this `file`, which appears only when it is complete")
	complete(cmd, "format", maskFormats)
	complete(cmd, "signal", signalWords)
	return cmd
}

// complete offers words to the shell for a flag.
func complete(cmd *cobra.Command, flag string, words []string) {
	// It fails only for a flag that does not exist, which the help golden would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// check reports wrong use.
func (f *maskFlags) check() (otlpstream.Signal, error) {
	if err := oneOf("format", f.format, maskFormats); err != nil {
		return 0, err
	}
	signal, err := otlpstream.ParseSignal(f.signal)
	if err != nil {
		return 0, usef("--signal: %w", err)
	}
	otlp := f.format == "otlp-json" || f.format == "otlp-proto"
	if f.signal != "" && !otlp {
		return 0, usef("--signal is for the OTLP formats, not for %s", f.format)
	}
	if f.annotate && !otlp {
		return 0, usef("--annotate is for the OTLP formats, not for %s", f.format)
	}
	return signal, nil
}

func runMask(ctx context.Context, t *terminal, f *maskFlags) error {
	signal, err := f.check()
	if err != nil {
		return err
	}
	annotate := "none"
	if f.annotate {
		annotate = "full"
	}
	s, err := readSettings(ctx, f.config, annotate, t.getenv)
	if err != nil {
		return err
	}
	stream, err := newStream(ctx, s, f.format, signal)
	if err != nil {
		return err
	}
	if file, ok := t.in.(*os.File); ok && t.errTTY && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintln(t.err, "tracescrub: reading what you type; end with ctrl-D")
	}
	out, err := openOutput(t.out, f.output)
	if err != nil {
		return err
	}
	p := startProgress(t, inSize(t.in))
	err = stream(newInput(ctx, t.in, p), out)
	p.stop()
	return out.close(explain(err, f.output))
}

// stream masks r into w.
type stream func(r io.Reader, w io.Writer) error

// newStream makes the stream of a format; whatever is wrong with the
// configuration is an error here, before any output.
func newStream(ctx context.Context, s settings, format string, signal otlpstream.Signal) (stream, error) {
	run := otlpstream.JSON
	switch format {
	case "otlp-proto":
		run = otlpstream.Proto
		fallthrough
	case "otlp-json":
		// An interruption ends the reading, not a batch halfway.
		whole := context.WithoutCancel(ctx)
		o, err := newOTLP(whole, s.Config, format == "otlp-proto")
		if err != nil {
			return nil, err
		}
		return func(r io.Reader, w io.Writer) error {
			err := run(r, w, otlpstream.Options{Signal: signal, Mask: o.batch})
			return errors.Join(err, o.stop(whole))
		}, nil
	}
	m, err := newMasking(s) //nolint:contextcheck // rule files are read before there is anything to interrupt
	if err != nil {
		return nil, err
	}
	if format == "jsonl" {
		return func(r io.Reader, w io.Writer) error { return jsonlines.Each(r, w, 0, m.text) }, nil
	}
	return func(r io.Reader, w io.Writer) error { return textstream.Mask(r, w, m.find, m.renderer()) }, nil
}

// explain adds to an error what became of the output.
func explain(err error, file string) error {
	switch {
	case err == nil:
		return nil
	case file != "":
		return errors.Join(err, fmt.Errorf("%s was not written", file))
	}
	return errors.Join(err, errors.New("the output ends with the last whole record before this"))
}
