//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/test/realkafka"
)

// realTopics are three topics on a real Kafka.
type realTopics struct {
	*realkafka.Cluster
	prefix     string
	partitions int
	nodes      int
	hastened   bool
}

// startKafka starts a real Kafka; without one the test has nothing to do,
// which is a failure if nothing may be left out.
func startKafka(t *testing.T, line string, nodes int) *realkafka.Cluster {
	t.Helper()
	if tool := realkafka.Missing(); tool != "" {
		if os.Getenv("E2E") == "all" {
			t.Fatalf("no %s is installed, and so there is no real Kafka", tool)
		}
		fmt.Fprintf(os.Stderr, "no %s is installed: %s was left out\n", tool, t.Name())
		return nil
	}
	return realkafka.Start(t, line, nodes)
}

// newRealCluster is newCluster with a real Kafka: topics and permissions of
// its own, with the prefix.
func newRealCluster(t *testing.T, c *realkafka.Cluster, nodes int, prefix string) *cluster {
	t.Helper()
	const partitions = 2
	c.MakeTopics(t, prefix, partitions)
	k := onTopics(t, &realTopics{Cluster: c, prefix: prefix, partitions: partitions, nodes: nodes})
	c.Grant(t, "gateway", "sealer", prefix)
	c.Grant(t, "gate", "gate", prefix)
	return k
}

// onTopics has the users gateway and gate, and topics that somebody else makes.
func onTopics(t *testing.T, topics *realTopics) *cluster {
	t.Helper()
	k := surroundings(t)
	k.real = topics
	for _, user := range []string{"gateway", "gate"} {
		k.passwords[user] = topics.User(t, user)
	}
	return k
}

// overlay adds what the configurations in deploy must say of the topics.
func (r *realTopics) overlay(extra []string, where string) []string {
	if r == nil {
		return extra
	}
	return append([]string{fmt.Sprintf(where, fmt.Sprintf("{topics: {prefix: %s, partitions: %d}, development: %v}", r.prefix, r.partitions, r.nodes < 3))}, extra...)
}

// compact does what time and other items would: the segment ends that is written.
func (r *realTopics) compact(t *testing.T) {
	t.Helper()
	if !r.hastened {
		r.Hasten(t, r.prefix)
		r.hastened = true
	}
	r.Roll(t, r.prefix+".index", r.partitions)
}

// kafka is what gateways and gates are told of the brokers.
func (k *cluster) kafka() (brokers, authority string) {
	if k.real != nil {
		return strings.Join(k.real.Brokers(), ","), k.real.CA
	}
	return "127.0.0.1:" + k.brokerPorts[0], k.path("cert.pem")
}

// brokerSurfaces are what brokers say and, if it is elsewhere, keep.
func (k *cluster) brokerSurfaces(t *testing.T) map[string][]byte {
	t.Helper()
	if k.real == nil {
		return map[string][]byte{"broker's terminal": []byte(k.brokerLog.String())}
	}
	all := map[string][]byte{"brokers' terminals": []byte(k.real.Said())}
	for _, topic := range []string{"items", "index", "decisions"} {
		maps.Copy(all, k.real.Files(t, k.real.prefix+"."+topic))
	}
	return all
}
