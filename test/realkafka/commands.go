//go:build e2e

package realkafka

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tools are Kafka's own commands, and the classes behind them in its current line.
var tools = map[string]string{
	"kafka-topics.sh":  "org.apache.kafka.tools.TopicCommand",
	"kafka-configs.sh": "kafka.admin.ConfigCommand",
	"kafka-acls.sh":    "org.apache.kafka.tools.AclCommand",
}

// SetUp runs the commands of docs/format/kafka-topics.md, which make the three
// topics, the users gateway and gate, and what these may do.
func (c *Cluster) SetUp(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(), "docs/format/kafka-topics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(text), "```sh\n")
	script, _, found := strings.Cut(script, "```")
	if !found || !strings.Contains(script, "kafka-acls.sh") {
		t.Fatal("the document has no commands")
	}
	dir := t.TempDir()
	for name, class := range tools {
		line := fmt.Sprintf("#!/bin/sh\nexec java '%s' \"$@\"\n", strings.Join(jvm(c.lib, "128m", class), "' '"))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(line), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.mu.Lock()
	write(t, filepath.Join(dir, "operator.properties"), fmt.Sprintf(`security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location=%s
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";
`, c.CA, operator, c.passwords[operator]))
	for _, user := range []string{"gateway", "gate"} {
		c.passwords[user] = rand.Text()
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "KAFKA="+strings.Join(c.Brokers(), ","),
		"GATEWAY_PASSWORD="+c.passwords["gateway"], "GATE_PASSWORD="+c.passwords["gate"])
	c.mu.Unlock()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the commands of the document: %v\n%s", err, c.redact(string(out)))
	}
	c.everywhere(t)
	c.Ready(t)
}
