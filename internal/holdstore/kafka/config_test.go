package kafka

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

var time0 = time.Unix(1_800_000_000, 123).UTC()

func TestValidate(t *testing.T) {
	cfg := DefaultConfig()
	require.EqualError(t, cfg.Validate(), "brokers: must name at least one broker")
	cfg.Brokers = []string{"kafka-1.example.com:9093", "[::1]:9092"}
	require.NoError(t, cfg.Validate())

	for _, test := range []struct {
		name   string
		change func(c *Config)
		want   []string
	}{
		{"everything", func(c *Config) {
			c.Brokers = []string{"kafka", "a:1", ":9"}
			c.Topics = TopicsConfig{Prefix: "a/b", Partitions: -1}
			c.Expiry, c.Timeout = time.Minute, time.Millisecond
			c.TLS = kafkaclient.TLSConfig{CertFile: "a", InsecureSkipVerify: true, CAFile: "b"}
			c.SASL = kafkaclient.SASLConfig{Mechanism: "PLAIN"}
			c.Spool = SpoolConfig{Directory: "../spool"}
		}, []string{
			"brokers::0:", "brokers::2:", "timeout:", "tls::enabled: must be true if", "tls::key_file:", "tls::ca_file:",
			"sasl::username:", "sasl::password:", "tls::enabled: must be true, since PLAIN",
			"topics::prefix:", "topics::partitions:", "topics::max_compaction_lag:", "expiry:", "spool::directory:", "spool::max_bytes:",
		}},
		{"no mechanism", func(c *Config) { c.SASL.Username = "a" }, []string{"sasl::mechanism:"}},
		{"unknown mechanism", func(c *Config) { c.SASL.Mechanism = "GSSAPI" }, []string{"sasl::mechanism: must be one of"}},
		{"SCRAM without TLS", func(c *Config) {
			c.SASL = kafkaclient.SASLConfig{Mechanism: "SCRAM-SHA-512", Username: "a", Password: "b"}
		}, nil},
		{"SCRAM with a token", func(c *Config) {
			c.SASL = kafkaclient.SASLConfig{Mechanism: "SCRAM-SHA-256", Username: "a", Password: "b", OAuth: kafkaclient.OAuthConfig{TokenFile: "x"}}
		}, []string{"sasl::oauth:"}},
		{"no token", func(c *Config) {
			c.TLS.Enabled = true
			c.SASL = kafkaclient.SASLConfig{Mechanism: "OAUTHBEARER", Username: "a"}
		}, []string{"sasl::username:", "sasl::oauth: must have"}},
		{"two sources", func(c *Config) {
			c.TLS.Enabled = true
			c.SASL = kafkaclient.SASLConfig{Mechanism: "OAUTHBEARER", OAuth: kafkaclient.OAuthConfig{TokenFile: "a", ClientID: "b"}}
		}, []string{"sasl::oauth::token_file:"}},
		{"a token in the clear", func(c *Config) {
			c.SASL = kafkaclient.SASLConfig{Mechanism: "OAUTHBEARER", OAuth: kafkaclient.OAuthConfig{TokenURL: "http://login.example.com/token"}}
		}, []string{"sasl::oauth::token_url:", "sasl::oauth::client_id:", "tls::enabled:"}},
		{"OAUTHBEARER", func(c *Config) {
			c.TLS.Enabled = true
			c.SASL = kafkaclient.SASLConfig{Mechanism: "OAUTHBEARER", OAuth: kafkaclient.OAuthConfig{TokenURL: "https://a/t", ClientID: "b", ClientSecret: "c", Scope: "d"}}
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := DefaultConfig()
			c.Brokers = []string{"a:1"}
			test.change(&c)
			err := c.Validate()
			if len(test.want) == 0 {
				require.NoError(t, err)
				return
			}
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(test.want), "%q", lines)
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(lines[i], want), "%q does not begin with %q", lines[i], want)
			}
		})
	}
}

// TestTopicsAreMade: what is made passes the check.
func TestTopicsAreMade(t *testing.T) {
	for _, development := range []bool{false, true} {
		f, cfg := newFake(), testConfig()
		cfg.Development = development
		require.NoError(t, check(t.Context(), f, cfg))
		require.Len(t, f.topics, 3)
		cfg.Topics.Create = false
		require.NoError(t, check(t.Context(), f, cfg))
		for _, topic := range f.topics {
			want := map[bool]int{false: 3, true: 1}[development]
			require.Equal(t, want, topic.replicas)
			require.Len(t, topic.partitions, 3)
		}
	}
}

// TestWrongTopics: each wrong setting is named, with what was found and what is wanted.
func TestWrongTopics(t *testing.T) {
	for _, test := range []struct {
		name   string
		topic  string
		change func(t *fakeTopic)
		want   string
	}{
		{"partitions", itemsTopic, func(t *fakeTopic) { t.partitions = t.partitions[:2] }, "topic tracescrub.items: partitions are 2, wanted 3"},
		{"replicas", decisionsTopic, func(t *fakeTopic) { t.replicas = 2 }, "topic tracescrub.decisions: replicas are 2, wanted at least 3"},
		{"in-sync replicas", itemsTopic, set("min.insync.replicas", "1"), `topic tracescrub.items: min.insync.replicas is "1", wanted at least 2`},
		{"compacted log", decisionsTopic, set("cleanup.policy", "compact"), `cleanup.policy is "compact", wanted delete`},
		{"index that is not compacted", indexTopic, set("cleanup.policy", "delete"), `cleanup.policy is "delete", wanted compact,delete`},
		{"retention of items", itemsTopic, set("retention.ms", "604799999"), `retention.ms is "604799999", wanted at least 604800000`},
		{"retention of the index", indexTopic, set("retention.ms", "604800000"), "wanted at least 691200000"},
		{"retention of the log", decisionsTopic, set("retention.ms", "691200000"), "wanted at least 1209600000"},
		{"retention by size", itemsTopic, set("retention.bytes", "1073741824"), "wanted -1"},
		{"compression", indexTopic, set("compression.type", "zstd"), "wanted uncompressed or producer"},
		{"time of the sender", indexTopic, set("message.timestamp.type", "CreateTime"), "wanted LogAppendTime"},
		{"unclean election", indexTopic, set("unclean.leader.election.enable", "true"), "wanted false"},
		{"size of messages", itemsTopic, set("max.message.bytes", "999999"), "wanted at least 1000000"},
		{"compaction lag", indexTopic, set("max.compaction.lag.ms", "9223372036854775807"), "wanted at most 3600000"},
		{"least compaction lag", indexTopic, set("min.compaction.lag.ms", "7200000"), "wanted at most 3600000"},
		{"tombstones", indexTopic, set("delete.retention.ms", "0"), "wanted at least 86400000"},
		{"not told", indexTopic, func(t *fakeTopic) { delete(t.settings, "retention.ms") }, "retention.ms is not told by the brokers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, cfg := newFake(), testConfig()
			require.NoError(t, check(t.Context(), f, cfg))
			test.change(f.topics[cfg.topic(test.topic)])
			_, err := open(t.Context(), cfg, zap.NewNop(), f)
			require.ErrorIs(t, err, errWrongTopic)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "tracescrub."+test.topic)
		})
	}
}

func set(name, value string) func(t *fakeTopic) {
	return func(t *fakeTopic) { t.settings[name] = value }
}

func TestOtherTopicsThatWillDo(t *testing.T) {
	f, cfg := newFake(), testConfig()
	require.NoError(t, check(t.Context(), f, cfg))
	set("cleanup.policy", "delete, compact")(f.topics[cfg.topic(indexTopic)])
	set("retention.ms", "-1")(f.topics[cfg.topic(decisionsTopic)])
	set("compression.type", "producer")(f.topics[cfg.topic(itemsTopic)])
	set("segment.ms", "1")(f.topics[cfg.topic(itemsTopic)])
	require.NoError(t, check(t.Context(), f, cfg))
}

// TestAllWrongAtOnce: everything that is wrong is told together, and a missing
// topic too when it must not be made.
func TestAllWrongAtOnce(t *testing.T) {
	f, cfg := newFake(), testConfig()
	require.NoError(t, check(t.Context(), f, cfg))
	cfg.Topics.Create = false
	delete(f.topics, cfg.topic(itemsTopic))
	set("retention.ms", "1")(f.topics[cfg.topic(indexTopic)])
	set("cleanup.policy", "compact")(f.topics[cfg.topic(decisionsTopic)])
	err := check(t.Context(), f, cfg)
	for _, want := range []string{"tracescrub.items does not exist", "tracescrub.index: retention.ms", "tracescrub.decisions: cleanup.policy"} {
		require.ErrorContains(t, err, want)
	}
}

// TestDevelopment relaxes replication, and nothing else.
func TestDevelopment(t *testing.T) {
	f, cfg := newFake(), testConfig()
	cfg.Development = true
	require.NoError(t, check(t.Context(), f, cfg))
	require.ErrorContains(t, check(t.Context(), f, testConfig()), "replicas are 1")
	set("retention.ms", "1")(f.topics[cfg.topic(itemsTopic)])
	require.ErrorIs(t, check(t.Context(), f, cfg), errWrongTopic)
}

// TestTopicsAppearSlowly waits for partitions that are not known everywhere yet.
func TestTopicsAppearSlowly(t *testing.T) {
	f, cfg := newFake(), testConfig()
	slow := &slowTopics{fake: f, left: 3}
	require.NoError(t, check(t.Context(), slow, cfg))
	slow.left = 1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := check(ctx, slow, cfg)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, errWrongTopic)
}

type slowTopics struct {
	*fake
	left int
}

func (s *slowTopics) describe(ctx context.Context, topics []string) (map[string]topicState, error) {
	all, err := s.fake.describe(ctx, topics)
	if s.left--; s.left > 0 {
		for name, t := range all {
			t.partitions = 0
			all[name] = t
		}
	}
	return all, err
}

// TestDocument holds docs/format/kafka-topics.md against the code: its vectors,
// and its table of settings, row by row.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../../docs/format/kafka-topics.md")
	require.NoError(t, err)
	text := string(b)
	require.Contains(t, strings.Join(strings.Fields(text), ""), exampleHex)
	for _, v := range partitionVectors {
		require.Contains(t, text, fmt.Sprintf("| `%x` | %d | %d |", route(vectorID, v.trace), v.partitions, v.want))
	}
	row := regexp.MustCompile("(?m)^\\| (all|items|index|decisions) \\| `([a-z.]+)` \\|([^|]*)\\|([^|]*)\\|")
	documented := map[string]bool{} // whether it is checked
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		documented[m[1]+" "+m[2]] = strings.TrimSpace(m[4]) != ""
	}
	cfg := DefaultConfig()
	known := map[string]bool{}
	for _, p := range cfg.plans() {
		topic := strings.TrimPrefix(p.name, "tracescrub.")
		for name := range p.all() {
			where := topic + " " + name
			if _, ok := documented["all "+name]; ok {
				where = "all " + name
			}
			known[where] = true
			isChecked, ok := documented[where]
			require.True(t, ok, "%s is not in the table", where)
			_, free := p.free[name]
			require.Equal(t, !free, isChecked, "%s: whether it is checked", where)
		}
	}
	require.Len(t, documented, len(known), "the table has settings that the code does not")
}
