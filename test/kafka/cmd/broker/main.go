// Command broker is a fake Kafka cluster in a process of its own, for the
// end-to-end tests: three brokers on loopback with TLS, SCRAM-SHA-512 and the
// permissions of docs/format/kafka-topics.md, which keep what they have in a
// directory. It prints the address of one of them when the topics are made,
// compacts the index at SIGUSR1 and ends well at SIGTERM.
//
// The passwords of the users gateway and gate are in the environment:
// GATEWAY_PASSWORD and GATE_PASSWORD.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
)

const (
	mechanism  = "SCRAM-SHA-512"
	operator   = "operator" // makes the topics
	partitions = 12
)

func main() {
	var s settings
	flag.StringVar(&s.dir, "data", "", "directory of what the brokers keep")
	flag.StringVar(&s.ports, "ports", "", "three free ports of loopback, with commas")
	flag.StringVar(&s.cert, "cert", "", "file with a certificate for 127.0.0.1 that is its own authority")
	flag.StringVar(&s.key, "key", "", "file with its key")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintf(os.Stderr, "broker: %v\n", err)
		os.Exit(1)
	}
}

type settings struct{ dir, ports, cert, key string }

func run(s settings) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	password := rand.Text()
	opts, err := s.options(password)
	if err != nil {
		return err
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	if err := makeTopics(cluster.ListenAddrs(), s.cert, password); err != nil {
		return fmt.Errorf("making the topics: %w", err)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	for got := range signals {
		if got == syscall.SIGTERM {
			return nil
		}
		if err := compact(cluster, password); err != nil {
			return fmt.Errorf("compacting: %w", err)
		}
	}
	return nil
}

func (s settings) options(password string) ([]kfake.Opt, error) {
	cert, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, err
	}
	var ports []int
	for _, text := range strings.Split(s.ports, ",") {
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	users := map[string]string{"gateway": os.Getenv("GATEWAY_PASSWORD"), "gate": os.Getenv("GATE_PASSWORD")}
	opts := []kfake.Opt{
		kfake.NumBrokers(len(ports)), kfake.Ports(ports...), kfake.DataDir(s.dir), kfake.SyncWrites(),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), //nolint:gosec // G402: a test's server
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser(mechanism, operator, password),
	}
	for name, password := range users {
		if password == "" {
			return nil, errors.New("the passwords are not in the environment")
		}
		opts = append(opts, kfake.User(mechanism, name, password, permissions(name)...))
	}
	return opts, nil
}

// permissions are those of the table in docs/format/kafka-topics.md.
func permissions(user string) []kfake.ACL {
	look := []kmsg.ACLOperation{kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs}
	of := map[string][]kmsg.ACLOperation{"items": {kmsg.ACLOperationWrite}, "index": {kmsg.ACLOperationWrite}, "decisions": nil}
	if user == "gate" {
		both := []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite}
		of = map[string][]kmsg.ACLOperation{"items": both, "index": both, "decisions": both}
	}
	var all []kfake.ACL
	for topic, more := range of {
		for _, op := range slices.Concat(look, more) {
			all = append(all, kfake.ACL{
				Resource: kmsg.ACLResourceTypeTopic, Name: "tracescrub." + topic, Pattern: kmsg.ACLResourcePatternTypeLiteral,
				Operation: op, Allow: true,
			})
		}
	}
	return all
}

// makeTopics is what an operator does before gateways and gates start.
func makeTopics(brokers []string, ca, password string) error {
	cfg := kafka.DefaultConfig()
	cfg.Brokers = brokers
	cfg.Topics.Partitions = partitions
	cfg.TLS.Enabled, cfg.TLS.CAFile = true, ca
	cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = mechanism, operator, configopaque.String(password)
	log, err := zap.NewDevelopment()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := kafka.Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	return store.Close()
}

// compact does what a broker does in its own time. It leaves the last batch of
// a partition alone, as a broker does the segment that is being written: so
// one is written first.
func compact(cluster *kfake.Cluster, password string) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...),
		kgo.DialTLSConfig(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // G402: itself, over loopback
		kgo.SASL(scram.Auth{User: operator, Pass: password}.AsSha512Mechanism()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())
	if err != nil {
		return err
	}
	defer client.Close()
	for p := range int32(partitions) {
		r := &kgo.Record{Topic: "tracescrub.index", Partition: p, Key: []byte("roll")}
		if err := client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
			return err
		}
	}
	cluster.Compact()
	return nil
}
