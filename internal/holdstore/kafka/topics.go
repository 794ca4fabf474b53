package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/pause"
)

// setting is what a topic's setting must be.
type setting struct {
	name string
	// value is what a topic is made with.
	value string
	// ok says whether another value will do, wanted says which would.
	ok     func(found string) bool
	wanted string
}

// minMessageBytes is what a topic must take as one batch.
const minMessageBytes = 1_000_000

func exactly(name, value string) setting {
	return setting{name, value, func(found string) bool { return found == value }, value}
}

// oneOf wants a value, or another that means no harm.
func oneOf(name, value string, others ...string) setting {
	return setting{
		name, value,
		func(found string) bool { return found == value || slices.Contains(others, found) },
		strings.Join(append([]string{value}, others...), " or "),
	}
}

// atLeast wants a number; forever says that -1 is more than any.
func atLeast(name string, value, least int64, forever bool) setting {
	return setting{name, strconv.FormatInt(value, 10), func(found string) bool {
		n, err := strconv.ParseInt(found, 10, 64)
		return err == nil && (n >= least || forever && n == -1)
	}, fmt.Sprintf("at least %d", least)}
}

func atMost(name string, value, most int64) setting {
	return setting{name, strconv.FormatInt(value, 10), func(found string) bool {
		n, err := strconv.ParseInt(found, 10, 64)
		return err == nil && n >= 0 && n <= most
	}, fmt.Sprintf("at most %d", most)}
}

// policies wants a set of clean-up policies, in any order.
func policies(value string) setting {
	sorted := func(s string) string {
		all := strings.Split(s, ",")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		slices.Sort(all)
		return strings.Join(all, ",")
	}
	return setting{"cleanup.policy", value, func(found string) bool { return sorted(found) == sorted(value) }, value}
}

// plan is a topic as it must be. free are settings that it is made with but
// that it may have otherwise.
type plan struct {
	name     string
	settings []setting
	free     map[string]string
}

// plans are the topics that the configuration asks for. docs/format/kafka-topics.md
// says why each setting is there.
func (c *Config) plans() []plan {
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	common := []setting{
		oneOf("compression.type", "uncompressed", "producer"),
		exactly("message.timestamp.type", "LogAppendTime"),
		exactly("retention.bytes", "-1"),
		exactly("unclean.leader.election.enable", "false"),
		atLeast("max.message.bytes", 1<<20+12, minMessageBytes, false),
	}
	if c.Development {
		common = append(common, atLeast("min.insync.replicas", 1, 1, false))
	} else {
		common = append(common, atLeast("min.insync.replicas", minInSync, minInSync, false))
	}
	of := func(policy string, retention time.Duration, more ...setting) []setting {
		return slices.Concat([]setting{policies(policy), atLeast("retention.ms", ms(retention), ms(retention), true)}, common, more)
	}
	return []plan{
		{c.topic(itemsTopic), of("delete", c.Expiry), map[string]string{"segment.ms": strconv.FormatInt(ms(time.Hour), 10)}},
		{
			c.topic(indexTopic),
			of(
				"compact,delete", c.Expiry+24*time.Hour,
				atMost("max.compaction.lag.ms", ms(c.Topics.MaxCompactionLag), ms(c.Topics.MaxCompactionLag)),
				atMost("min.compaction.lag.ms", 0, ms(c.Topics.MaxCompactionLag)),
				atLeast("delete.retention.ms", ms(24*time.Hour), ms(24*time.Hour), false),
			),
			map[string]string{
				"segment.ms":                strconv.FormatInt(ms(min(10*time.Minute, c.Topics.MaxCompactionLag)), 10),
				"min.cleanable.dirty.ratio": "0.01",
			},
		},
		{c.topic(decisionsTopic), of("delete", 2*c.Expiry), nil},
	}
}

// errWrongTopic: a topic is not what it must be, or the brokers refuse us. It takes an operator to change that.
var errWrongTopic = errors.New("topics or permissions are wrong")

// check makes the topics that are missing, if it may, and holds all of them
// against the plans. Its error wraps errWrongTopic if trying again does not help.
func check(ctx context.Context, cl cluster, cfg *Config) error {
	plans := cfg.plans()
	var names []string
	for _, p := range plans {
		names = append(names, p.name)
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		states, err := cl.describe(ctx, names)
		if err != nil {
			return refusal(err)
		}
		missing, problems := 0, []error(nil)
		for _, p := range plans {
			s := states[p.name]
			if s.exists && s.partitions > 0 {
				problems = append(problems, p.compare(s, cfg)...)
				continue
			}
			missing++
			switch {
			case s.exists: // made a moment ago: its partitions are not known everywhere yet
			case !cfg.Topics.Create:
				problems = append(problems, fmt.Errorf("topic %s does not exist, and topics::create is false", p.name))
			default:
				if err := cl.create(ctx, p.name, cfg.Topics.Partitions, cfg.replicas(), p.all()); err != nil {
					return refusal(err)
				}
			}
		}
		if err := errors.Join(problems...); err != nil {
			return fmt.Errorf("%w: %w", errWrongTopic, err)
		}
		if missing == 0 {
			return nil
		}
		if err := pause.For(ctx, wait); err != nil {
			return fmt.Errorf("waiting for new topics: %w", err)
		}
	}
}

// refusal marks what an operator has to change.
func refusal(err error) error {
	if errors.Is(err, errRefused) {
		return fmt.Errorf("%w: %w", errWrongTopic, err)
	}
	return err
}

// replicas is how many a topic is made with.
func (c *Config) replicas() int {
	if c.Development {
		return 1
	}
	return replication
}

func (p plan) all() map[string]string {
	all := map[string]string{}
	for name, value := range p.free {
		all[name] = value
	}
	for _, s := range p.settings {
		all[s.name] = s.value
	}
	return all
}

// compare names each difference: topic, setting, found, wanted.
func (p plan) compare(s topicState, cfg *Config) []error {
	var errs []error
	if s.partitions != cfg.Topics.Partitions {
		errs = append(errs, fmt.Errorf("topic %s: partitions are %d, wanted %d", p.name, s.partitions, cfg.Topics.Partitions))
	}
	if s.replicas < cfg.replicas() {
		errs = append(errs, fmt.Errorf("topic %s: replicas are %d, wanted at least %d", p.name, s.replicas, cfg.replicas()))
	}
	for _, want := range p.settings {
		found, ok := s.settings[want.name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("topic %s: %s is not told by the brokers, wanted %s", p.name, want.name, want.wanted))
		case !want.ok(found):
			errs = append(errs, fmt.Errorf("topic %s: %s is %q, wanted %s", p.name, want.name, found, want.wanted))
		}
	}
	return errs
}
