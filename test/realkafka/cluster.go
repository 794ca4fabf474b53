//go:build e2e

package realkafka

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// patience is how long anything may take before a test gives up.
const patience = 3 * time.Minute

// Cluster is an Apache Kafka on this machine.
type Cluster struct {
	// CA is a file with the certificate of the brokers' authority.
	CA string

	dir       string
	lib       string
	nodes     []*node
	authority *authority
	kafka     *kafka.Client // the operator's

	mu        sync.Mutex
	passwords map[string]string // under mu: by user
}

// operator is the user who may do everything.
const operator = "operator"

// Start starts a cluster of one or three nodes, each broker and controller, of
// a line of Kafka. It ends with the test.
func Start(t *testing.T, line string, nodes int) *Cluster {
	t.Helper()
	lib, err := jars(line)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{dir: t.TempDir(), lib: lib, passwords: map[string]string{operator: rand.Text()}}
	c.authority = newAuthority(t, c.dir)
	c.CA = filepath.Join(c.dir, "ca.pem")
	ports := loopback.Ports(t, nodes*len(listeners))
	for i := range nodes {
		n := &node{id: i + 1, dir: filepath.Join(c.dir, fmt.Sprintf("node%d", i+1)), ports: map[listener]int{}, said: &output{}}
		for j, l := range listeners {
			n.ports[l] = ports[i*len(listeners)+j]
		}
		if err := os.MkdirAll(filepath.Join(n.dir, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		write(t, filepath.Join(n.dir, "server.properties"), c.properties(n))
	}
	c.format(t)
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.end()
		}
		if t.Failed() {
			t.Log(c.Said())
		}
	})
	for _, n := range c.nodes {
		n.start(t, c.lib)
	}
	transport := &kafka.Transport{MetadataTTL: time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	c.kafka = &kafka.Client{Addr: kafka.TCP(c.addresses(internal)...), Transport: transport, Timeout: 30 * time.Second}
	c.Ready(t)
	return c
}

// format makes the directories of all nodes, as `kafka-storage.sh format` does.
// It takes as long as starting a broker, so it is done once and copied.
func (c *Cluster) format(t *testing.T) {
	t.Helper()
	first := c.nodes[0]
	cmd := exec.Command("java", jvm(c.lib, "128m", "kafka.tools.StorageTool", "format", "-t", uuid(),
		"-c", filepath.Join(first.dir, "server.properties"),
		"--add-scram", "SCRAM-SHA-512=[name="+operator+",password="+c.passwords[operator]+"]")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("formatting: %v\n%s", err, c.redact(string(out)))
	}
	entries, err := os.ReadDir(filepath.Join(first.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes[1:] {
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(first.dir, "data", e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if e.Name() == "meta.properties" {
				text = []byte(renamed(string(text), n.id))
			}
			write(t, filepath.Join(n.dir, "data", e.Name()), string(text))
		}
	}
}

// renamed makes a node's meta.properties another node's.
func renamed(text string, id int) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		switch key, _, _ := strings.Cut(l, "="); key {
		case "node.id":
			lines[i] = fmt.Sprintf("node.id=%d", id)
		case "directory.id":
			lines[i] = "directory.id=" + uuid()
		}
	}
	return strings.Join(lines, "\n")
}

// uuid is one as Kafka writes them; it must not begin with a hyphen.
func uuid() string {
	for {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		if text := base64.RawURLEncoding.EncodeToString(b[:]); text[0] != '-' {
			return text
		}
	}
}

// properties configures a node. Retention, cleaner and failure detection are
// hastened; all else that matters here is as Kafka has it by default.
func (c *Cluster) properties(n *node) string {
	var voters, listen, advertised []string
	for _, o := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", o.id, o.address(controller)))
	}
	for _, l := range listeners {
		listen = append(listen, string(l)+"://"+n.address(l))
		if l != controller {
			advertised = append(advertised, string(l)+"://"+n.address(l))
		}
	}
	const modules = "org.apache.kafka.common.security."
	return strings.Join([]string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", n.id),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=INTERNAL",
		"listeners=" + strings.Join(listen, ","),
		"advertised.listeners=" + strings.Join(advertised, ","),
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:SASL_SSL,MUTUAL:SSL",
		"log.dirs=" + filepath.Join(n.dir, "data"),
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS;User:" + operator,
		"auto.create.topics.enable=false",
		"sasl.enabled.mechanisms=OAUTHBEARER,PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.client.plain.sasl.jaas.config=" + modules + fmt.Sprintf("plain.PlainLoginModule required user_%s=%q;", operator, c.passwords[operator]),
		"listener.name.client.scram-sha-256.sasl.jaas.config=" + modules + "scram.ScramLoginModule required;",
		"listener.name.client.scram-sha-512.sasl.jaas.config=" + modules + "scram.ScramLoginModule required;",
		"listener.name.client.oauthbearer.sasl.jaas.config=" + modules + "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";",
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + c.authority.server,
		"ssl.truststore.type=PEM",
		"ssl.truststore.location=" + c.CA,
		"listener.name.mutual.ssl.client.auth=required",
		fmt.Sprintf("default.replication.factor=%d", len(c.nodes)),
		"log.initial.task.delay.ms=500",
		"log.retention.check.interval.ms=500",
		"log.segment.delete.delay.ms=500",
		"log.cleaner.backoff.ms=300",
		"log.cleaner.dedupe.buffer.size=4194304",
		"log.index.size.max.bytes=65536",
		"broker.session.timeout.ms=4000",
		"broker.heartbeat.interval.ms=500",
		"num.network.threads=2",
		"num.io.threads=4",
		"",
	}, "\n")
}

func (c *Cluster) addresses(l listener) []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.address(l))
	}
	return all
}

// Brokers are the addresses for clients: TLS, SASL and permissions.
func (c *Cluster) Brokers() []string { return c.addresses(client) }

// Ready waits until all nodes that run are in the cluster, and all partitions
// have all their replicas.
func (c *Cluster) Ready(tb testing.TB) {
	tb.Helper()
	running := 0
	for _, n := range c.nodes {
		if n.running() {
			running++
		}
	}
	Soon(tb, fmt.Sprintf("%d brokers and their replicas", running), func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		meta, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
		if err != nil || len(meta.Brokers) != running {
			return false
		}
		for _, t := range meta.Topics {
			for _, p := range t.Partitions {
				if len(p.Isr) < min(len(p.Replicas), running) {
					return false
				}
			}
		}
		return true
	})
}

// Kill ends a node as a failing machine would: kill -9. Nodes are numbered from 1.
func (c *Cluster) Kill(tb testing.TB, id int) {
	tb.Helper()
	n := c.nodes[id-1]
	n.signal(tb, syscall.SIGKILL)
	<-n.done
}

// Stop ends a node as an operator would.
func (c *Cluster) Stop(tb testing.TB, id int) {
	tb.Helper()
	n := c.nodes[id-1]
	n.signal(tb, syscall.SIGTERM)
	select {
	case <-n.done:
	case <-time.After(patience):
		tb.Fatalf("broker %d does not end", id)
	}
}

// Launch starts a node that was killed or stopped, and does not wait: Ready does.
func (c *Cluster) Launch(tb testing.TB, id int) {
	tb.Helper()
	c.nodes[id-1].start(tb, c.lib)
}

// Freeze stops all nodes where they are; connections stay and nothing is answered.
func (c *Cluster) Freeze(tb testing.TB) (thaw func()) {
	tb.Helper()
	for _, n := range c.nodes {
		n.signal(tb, syscall.SIGSTOP)
	}
	return func() {
		for _, n := range c.nodes {
			n.signal(tb, syscall.SIGCONT)
		}
	}
}

// Said is the end of what the brokers have printed, without passwords.
func (c *Cluster) Said() string {
	var all strings.Builder
	for _, n := range c.nodes {
		fmt.Fprintf(&all, "broker %d:\n%s\n", n.id, n.said.tail(40))
	}
	return c.redact(all.String())
}

func (c *Cluster) redact(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, password := range c.passwords {
		text = strings.ReplaceAll(text, password, "[the password of "+user+"]")
	}
	return text
}

// Soon polls until ok.
func Soon(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// Mutual are the addresses for clients that show a certificate.
func (c *Cluster) Mutual() []string { return c.addresses(mutual) }

// Certificate makes one for a client, with its key, in one file.
func (c *Cluster) Certificate(t *testing.T, name string) string {
	t.Helper()
	return c.authority.issue(t, name)
}

// Damage changes the byte after each place in a topic's files that has a text,
// and says how many there were.
func (c *Cluster) Damage(tb testing.TB, topic string, text []byte) (places int) {
	tb.Helper()
	for name, content := range c.Files(tb, topic) {
		at := bytes.Index(content, text)
		if at < 0 || at+len(text) >= len(content) {
			continue
		}
		f, err := os.OpenFile(filepath.Join(c.dir, name), os.O_WRONLY, 0)
		if err != nil {
			tb.Fatal(err)
		}
		_, err = f.WriteAt([]byte{content[at+len(text)] ^ 1}, int64(at+len(text)))
		if err := errors.Join(err, f.Close()); err != nil {
			tb.Fatal(err)
		}
		places++
	}
	return places
}
