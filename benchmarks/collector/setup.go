package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Binaries are the programs that are measured.
type Binaries struct {
	// Peers is benchmarks/peers/cmd/collector, which takes pipelines without
	// secret_mask.
	Peers string
	// Shipped is the distribution, which refuses them.
	Shipped string
}

// setup is one way to run a Collector.
type setup struct {
	name      string
	binary    string
	processor string // its id and configuration, as an entry of a YAML map; none if empty
	pack      string // of rules, whose file takes the place of %q in processor; none if empty
	id        string // of the processor
	mask      string // what masks begin with, or are; none if empty
}

const (
	labelMask = "[MASKED:"
	starMask  = "****"
)

// secretMask is the default.
const secretMask = `secret_mask: {}`

// redaction has five expressions, of the forms that are masked most often, each
// written so that package regexp looks for fixed bytes first: with \b in front
// or with more prefixes redaction takes several times as long. The planted
// secrets are of two of them.
const redaction = `redaction:
    allow_all_keys: true
    blocked_values:
      - 'AKIA[0-9A-Z]{16}'
      - 'ghp_[0-9A-Za-z]{36}'
      - 'xoxb-[0-9A-Za-z-]{10,250}'
      - 'eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}'
      - 'sk-[0-9A-Za-z_-]{20,}'`

// bearer has, in the place of the last expression, one that begins with no
// fixed bytes, as nearly everybody has one.
const bearer = `      - '(?i)bearer\s+[0-9a-z._~+/-]{20,}'`

// secretMaskBare has two rules, those of the planted secrets: what secret_mask
// costs that is not detection.
const secretMaskBare = `secret_mask: {rules: {builtin: false, packs: [%q]}}`

const bare = `version: 1
name: bare
rules:
  - id: bare-github-token
    provider: GitHub
    description: token of GitHub
    severity: high
    reference: https://docs.github.com/en/authentication
    pattern: 'ghp_[0-9A-Za-z]{36}'
    examples: ['{{ghp_<36*base62>}}']
    near_misses: ['ghp_<30*base62>']
  - id: bare-slack-token
    provider: Slack
    description: token of a bot
    severity: high
    reference: https://docs.slack.dev/authentication/tokens
    pattern: 'xoxb-[0-9]{10,13}-[0-9]{10,13}-[0-9A-Za-z]{20,40}'
    examples: ['{{xoxb-<12*digit>-<13*digit>-<24*base62>}}']
    near_misses: ['xoxb-<4*digit>']
`

// The setups of the page.
func without(b Binaries) setup { return setup{name: "no processor", binary: b.Peers} }

func with(b Binaries) setup {
	return setup{name: "secret_mask", binary: b.Peers, id: "secret_mask", processor: secretMask, mask: labelMask}
}

func redacted(b Binaries) setup {
	return setup{name: "redaction", binary: b.Peers, id: "redaction", processor: redaction, mask: starMask}
}

func redactedBearer(b Binaries) setup {
	s := redacted(b)
	s.name, s.processor = s.name+", a bearer token", s.processor[:strings.LastIndexByte(s.processor, '\n')+1]+bearer
	return s
}

func withBare(b Binaries) setup {
	s := with(b)
	s.name, s.processor, s.pack = "secret_mask, two rules", secretMaskBare, bare
	return s
}

func shipped(b Binaries) setup {
	return setup{name: "distribution", binary: b.Shipped, id: "secret_mask", processor: secretMask, mask: labelMask}
}

// config is a pipeline from OTLP/gRPC to OTLP/gRPC. The sender is answered when
// the sink has answered: there is no queue in which anything could be waiting.
func (s setup) config(in, out, metrics string) (string, error) {
	_, port, err := net.SplitHostPort(metrics)
	if err != nil {
		return "", fmt.Errorf("address of metrics: %w", err)
	}
	return fmt.Sprintf(`
receivers:
  otlp: {protocols: {grpc: {endpoint: %q, max_recv_msg_size_mib: 1024}}}
processors:
  %s
exporters:
  otlp_grpc: {endpoint: %q, compression: none, timeout: 300s, tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  telemetry:
    logs: {level: warn, encoding: console}
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [%s], exporters: [otlp_grpc]}
`, in, s.processor, out, port, s.id), nil
}

// rig is a Collector that runs between senders and a sink.
type rig struct {
	setup
	*process
	*sink
	senders []sender
	dir     string
}

// senderCount is how many connections the load comes over.
const senderCount = 4

// start starts a Collector and waits until it takes data. Its files are below dir.
func (s setup) start(ctx context.Context, dir string) (r *rig, err error) {
	r = &rig{setup: s}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", s.name, errors.Join(err, r.close()))
		}
	}()
	if r.dir, err = os.MkdirTemp(dir, "collector-"); err != nil {
		return r, err
	}
	if r.sink, err = newSink(ctx, s.mask); err != nil {
		return r, err
	}
	if s.pack != "" {
		file := filepath.Join(r.dir, "pack.yaml")
		if err := os.WriteFile(file, []byte(s.pack), 0o600); err != nil {
			return r, err
		}
		s.processor = fmt.Sprintf(s.processor, file)
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return r, err
	}
	config, err := s.config(ports[0], r.addr, ports[1])
	if err != nil {
		return r, err
	}
	binary, err := filepath.Abs(s.binary)
	if err != nil {
		return r, err
	}
	if r.process, err = startProcess(binary, r.dir, ports[1], config); err != nil {
		return r, err
	}
	for range senderCount {
		one, err := newSender(ports[0])
		if err != nil {
			return r, err
		}
		r.senders = append(r.senders, one)
	}
	return r, r.await(ctx)
}

// patience is how long anything may take before it is given up.
const patience = 2 * time.Minute

// await waits until every sender has had an empty request taken.
func (r *rig) await(ctx context.Context) error {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var err error
		for _, s := range r.senders {
			err = errors.Join(err, s.send(ctx, nil))
		}
		if err == nil {
			return nil
		}
		if ended := r.ended(); ended != nil {
			return ended
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited %s for the Collector: %w", patience, err)
		}
	}
}

// close ends everything, and is an error if the Collector did not end well.
func (r *rig) close() error {
	var errs []error
	for _, s := range r.senders {
		errs = append(errs, s.conn.Close())
	}
	if r.process != nil {
		errs = append(errs, r.stop())
	}
	if r.sink != nil {
		r.sink.close()
	}
	return errors.Join(errs...)
}

// flood loads the Collector for a time, checks what has arrived, and returns
// the CPU time of its process and what was sent.
func (r *rig) flood(ctx context.Context, l *load, each time.Duration) (time.Duration, tally, error) {
	if _, err := r.arrived(); err != nil {
		return 0, tally{}, err
	}
	before, err := r.cpu()
	if err != nil {
		return 0, tally{}, err
	}
	sent, err := l.flood(ctx, r.senders, each)
	if err == nil {
		err = r.check(sent)
	}
	after, failed := r.cpu()
	if err = errors.Join(err, failed); err != nil {
		return 0, sent, fmt.Errorf("%s: %w", r.name, errors.Join(err, r.ended()))
	}
	return after - before, sent, nil
}
