//go:build e2e

package realkafka

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.uber.org/zap"

	holdkafka "github.com/tracescrub/tracescrub/internal/holdstore/kafka"
)

// topics are the names of the three, behind the prefix.
var topics = []string{"items", "index", "decisions"}

func operating() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

// User makes a user for both kinds of SCRAM, and returns the password. One
// that there is keeps it.
func (c *Cluster) User(t *testing.T, name string) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if password, ok := c.passwords[name]; ok {
		return password
	}
	password := rand.Text()
	for mechanism, h := range map[kafka.ScramMechanism]func() hash.Hash{kafka.ScramMechanismSha256: sha256.New, kafka.ScramMechanismSha512: sha512.New} {
		salt := []byte(rand.Text())
		salted, err := pbkdf2.Key(h, password, salt, 4096, h().Size())
		if err != nil {
			t.Fatal(err)
		}
		c.credential(t, kafka.UserScramCredentialsUpsertion{
			Name: name, Mechanism: mechanism, Iterations: 4096, Salt: salt, SaltedPassword: salted,
		})
	}
	c.passwords[name] = password
	return password
}

// credential sets one. Brokers refuse two of one user in one request.
func (c *Cluster) credential(t *testing.T, u kafka.UserScramCredentialsUpsertion) {
	t.Helper()
	ctx, cancel := operating()
	defer cancel()
	res, err := c.kafka.AlterUserScramCredentials(ctx, &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{u}})
	if err == nil {
		for _, r := range res.Results {
			err = errors.Join(err, r.Error)
		}
	}
	if err != nil {
		t.Fatalf("making user %s: %v", u.Name, err)
	}
	c.everywhere(t)
}

// Grant lets a user do with the topics of a prefix what the table of
// docs/format/kafka-topics.md says of a role, "sealer" or "gate", and more.
func (c *Cluster) Grant(t *testing.T, user, role, prefix string, more ...string) {
	t.Helper()
	var all []kafka.ACLEntry
	for topic, operations := range documented(t, role) {
		for _, op := range append(operations, named(t, more)...) {
			all = append(all, kafka.ACLEntry{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: prefix + "." + topic, ResourcePatternType: kafka.PatternTypeLiteral,
				Principal: "User:" + user, Host: "*", Operation: op, PermissionType: kafka.ACLPermissionTypeAllow,
			})
		}
	}
	ctx, cancel := operating()
	defer cancel()
	res, err := c.kafka.CreateACLs(ctx, &kafka.CreateACLsRequest{ACLs: all})
	if err == nil {
		err = errors.Join(res.Errors...)
	}
	if err != nil {
		t.Fatalf("granting: %v", err)
	}
	c.everywhere(t)
}

// everywhere waits until every broker that runs knows what was changed until
// now: each hears of changes in their order, in its own time, and so of a last
// one that changes nothing.
func (c *Cluster) everywhere(t *testing.T) {
	t.Helper()
	marker := kafka.ACLEntry{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: "none", ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: "User:marker-" + rand.Text(), Host: "*", Operation: kafka.ACLOperationTypeRead, PermissionType: kafka.ACLPermissionTypeDeny,
	}
	ctx, cancel := operating()
	defer cancel()
	res, err := c.kafka.CreateACLs(ctx, &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{marker}})
	if err == nil {
		err = errors.Join(res.Errors...)
	}
	if err != nil {
		t.Fatalf("a change that changes nothing: %v", err)
	}
	ask := &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
		ResourceTypeFilter: kafka.ResourceTypeAny, ResourcePatternTypeFilter: kafka.PatternTypeAny,
		PrincipalFilter: marker.Principal, Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny,
	}}
	for _, n := range c.nodes {
		if !n.running() {
			continue
		}
		transport := &kafka.Transport{}
		one := &kafka.Client{Addr: kafka.TCP(n.address(internal)), Transport: transport, Timeout: 10 * time.Second}
		Soon(t, fmt.Sprintf("broker %d to know what was changed", n.id), func() bool {
			res, err := one.DescribeACLs(ctx, ask)
			return err == nil && res.Error == nil && len(res.Resources) > 0
		})
		transport.CloseIdleConnections()
	}
}

// documented is the row of a role, by topic.
func documented(t *testing.T, role string) map[string][]kafka.ACLOperationType {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(), "docs/format/kafka-topics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Permissions")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != len(topics)+3 || !strings.HasPrefix(strings.TrimSpace(cells[1]), role+" ") {
			continue
		}
		granted := map[string][]kafka.ACLOperationType{}
		for i, topic := range topics {
			granted[topic] = named(t, strings.Split(cells[i+2], ","))
		}
		return granted
	}
	t.Fatalf("no permissions of a %s are documented", role)
	return nil
}

// named are operations by their names.
func named(t *testing.T, words []string) (all []kafka.ACLOperationType) {
	t.Helper()
	for _, word := range words {
		var op kafka.ACLOperationType
		if err := op.UnmarshalText([]byte(strings.TrimSpace(word))); err != nil {
			t.Fatalf("operation %q: %v", word, err)
		}
		all = append(all, op)
	}
	return all
}

// MakeTopics makes the three topics of a prefix, as a store does that may.
func (c *Cluster) MakeTopics(t *testing.T, prefix string, partitions int) {
	t.Helper()
	ctx, cancel := operating()
	defer cancel()
	s, err := holdkafka.Open(ctx, c.StoreConfig(t, operator, prefix, partitions), zap.NewNop())
	if err != nil {
		t.Fatalf("making the topics: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.Ready(t)
}

// DropTopics removes the three topics of a prefix.
func (c *Cluster) DropTopics(tb testing.TB, prefix string) {
	tb.Helper()
	req := &kafka.DeleteTopicsRequest{}
	for _, topic := range topics {
		req.Topics = append(req.Topics, prefix+"."+topic)
	}
	ctx, cancel := operating()
	defer cancel()
	if _, err := c.kafka.DeleteTopics(ctx, req); err != nil {
		tb.Fatalf("removing topics: %v", err)
	}
}

// StoreConfig is that of a store which is a user of the cluster.
func (c *Cluster) StoreConfig(t *testing.T, user, prefix string, partitions int) holdkafka.Config {
	t.Helper()
	cfg := holdkafka.DefaultConfig()
	cfg.Brokers = c.Brokers()
	cfg.Topics.Prefix, cfg.Topics.Partitions = prefix, partitions
	cfg.Topics.MaxCompactionLag = time.Minute
	cfg.Timeout = 10 * time.Second
	cfg.Development = len(c.nodes) < 3
	cfg.TLS.Enabled, cfg.TLS.CAFile = true, c.CA
	cfg.SASL.Mechanism, cfg.SASL.Username = "SCRAM-SHA-512", user
	cfg.SASL.Password = configopaque.String(c.User(t, user))
	return cfg
}

// Set changes settings of a topic.
func (c *Cluster) Set(t *testing.T, topic string, settings map[string]string) {
	t.Helper()
	r := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		r.Configs = append(r.Configs, kafka.IncrementalAlterConfigsRequestConfig{Name: name, Value: settings[name]})
	}
	ctx, cancel := operating()
	defer cancel()
	res, err := c.kafka.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{r}})
	if err == nil {
		for _, r := range res.Resources {
			err = errors.Join(err, r.Error)
		}
	}
	if err != nil {
		t.Fatalf("changing %s: %v", topic, err)
	}
	c.everywhere(t)
}

// Hasten lets the index of a prefix be compacted at once, as far as Kafka
// does: all but the segment that is written, which ends with the next record.
func (c *Cluster) Hasten(t *testing.T, prefix string) {
	t.Helper()
	c.Set(t, prefix+".index", map[string]string{"segment.ms": "100", "max.compaction.lag.ms": "100"})
}

// Roll writes a record without meaning to each partition of a topic.
func (c *Cluster) Roll(tb testing.TB, topic string, partitions int) {
	tb.Helper()
	ctx, cancel := operating()
	defer cancel()
	for p := range partitions {
		Soon(tb, fmt.Sprintf("a record in %s, partition %d", topic, p), func() bool {
			res, err := c.kafka.Produce(ctx, &kafka.ProduceRequest{
				Topic: topic, Partition: p, RequiredAcks: kafka.RequireAll,
				Records: kafka.NewRecordReader(kafka.Record{Key: kafka.NewBytes([]byte("roll"))}),
			})
			return err == nil && res.Error == nil
		})
	}
}

// Files are the log segments of a topic with what they have, on all nodes,
// those that are being removed included.
func (c *Cluster) Files(tb testing.TB, topic string) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	for _, n := range c.nodes {
		found, err := filepath.Glob(filepath.Join(n.dir, "data", topic+"-*", "*"))
		if err != nil {
			tb.Fatal(err)
		}
		for _, f := range found {
			text, err := os.ReadFile(f)
			if errors.Is(err, os.ErrNotExist) {
				continue // removed meanwhile
			}
			if err != nil {
				tb.Fatal(err)
			}
			all[strings.TrimPrefix(f, c.dir)] = text
		}
	}
	if len(all) == 0 {
		tb.Fatalf("topic %s has no files", topic)
	}
	return all
}

// Leaders are the nodes that lead the partitions of a topic; 0: none does.
func (c *Cluster) Leaders(tb testing.TB, topic string) []int {
	tb.Helper()
	ctx, cancel := operating()
	defer cancel()
	var leaders []int
	meta, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		tb.Fatal(err)
	}
	for _, t := range meta.Topics {
		leaders = make([]int, len(t.Partitions))
		for _, p := range t.Partitions {
			leaders[p.ID] = p.Leader.ID
		}
	}
	return leaders
}

// MoveLeaders lets the next replica of each partition of a topic lead it.
func (c *Cluster) MoveLeaders(t *testing.T, topic string) {
	t.Helper()
	ctx, cancel := operating()
	defer cancel()
	meta, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	req := &kafka.AlterPartitionReassignmentsRequest{Topic: topic, Timeout: 10 * time.Second}
	var all []int
	for _, p := range meta.Topics[0].Partitions {
		var order []int
		for _, r := range p.Replicas {
			if r.ID != p.Leader.ID {
				order = append(order, r.ID)
			}
		}
		req.Assignments = append(req.Assignments, kafka.AlterPartitionReassignmentsRequestAssignment{
			PartitionID: p.ID, BrokerIDs: append(order, p.Leader.ID),
		})
		all = append(all, p.ID)
	}
	if _, err := c.kafka.AlterPartitionReassignments(ctx, req); err != nil {
		t.Fatalf("reassigning %s: %v", topic, err)
	}
	// A partition that cannot change now keeps its leader; callers look at Leaders.
	if _, err := c.kafka.ElectLeaders(ctx, &kafka.ElectLeadersRequest{Topic: topic, Partitions: all, Timeout: 10 * time.Second}); err != nil {
		t.Fatalf("electing leaders of %s: %v", topic, err)
	}
}
