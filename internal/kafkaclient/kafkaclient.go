// Package kafkaclient connects to a Kafka cluster: who the brokers are, who we
// are to them, and connections that end when they should. Besides the store of
// held items it is the only package that knows the client library.
package kafkaclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says where the brokers are and who we are to them. It is for others
// to embed, so it has no Validate: they report its Problems with their own.
type Config struct {
	// Brokers are host:port of some brokers of the cluster.
	Brokers []string `mapstructure:"brokers"`
	// ClientID is what brokers show in their logs and quotas.
	ClientID string `mapstructure:"client_id"`
	// Timeout is how long a request may take, connecting included.
	Timeout time.Duration `mapstructure:"timeout"`
	// TLS encrypts the connections.
	TLS TLSConfig `mapstructure:"tls"`
	// SASL says who we are.
	SASL SASLConfig `mapstructure:"sasl"`
}

const (
	minTimeout     = time.Second
	defaultTimeout = 10 * time.Second
)

// DefaultConfig is valid but for Brokers, which have no default.
func DefaultConfig() Config { return Config{ClientID: "tracescrub", Timeout: defaultTimeout} }

// Problems are all mistakes.
func (c *Config) Problems() []error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: must name at least one broker"))
	}
	for i, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("brokers::%d: must be host:port", i))
		}
	}
	if c.Timeout < minTimeout {
		errs = append(errs, fmt.Errorf("timeout: must be at least %v", minTimeout))
	}
	errs = append(errs, c.TLS.problems()...)
	return append(errs, c.SASL.problems(c.TLS.Enabled)...)
}

const (
	// metadataTTL is how long kafka-go believes what it knows of the cluster,
	// and how long it waits for an answer about it.
	metadataTTL = 5 * time.Second
	// MaxAge is how long connections are used. kafka-go does not authenticate
	// again, and brokers cut a connection whose credentials have run out.
	MaxAge = 4 * time.Minute
)

// Cluster makes clients of kafka-go. Of that library only Client is used:
// Writer defaults to no acknowledgement and writes after it has reported
// failure, Reader hangs or panics on compacted topics.
type Cluster struct {
	cfg    *Config
	topics []string
	tls    *tls.Config
	sasl   sasl.Mechanism
	conns  *connections
}

// New reads the files that the configuration names; it does not connect. The
// topics are those that clients ask about.
func New(cfg *Config, topics ...string) (*Cluster, error) {
	tlsConfig, err := cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	mechanism, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	return &Cluster{cfg: cfg, topics: topics, tls: tlsConfig, sasl: mechanism, conns: newConnections()}, nil
}

// Client makes a client; it connects when it is used.
func (c *Cluster) Client() (*kafka.Client, *kafka.Transport) {
	transport := &kafka.Transport{
		Dial:           c.conns.dial,
		DialTimeout:    c.cfg.Timeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: c.topics,
		ClientID:       c.cfg.ClientID,
		TLS:            c.tls,
		SASL:           c.sasl,
	}
	return &kafka.Client{Addr: kafka.TCP(c.cfg.Brokers...), Timeout: c.cfg.Timeout, Transport: transport}, transport
}

// Close ends all connections, and with them what is under way. It may be
// called again.
func (c *Cluster) Close() { c.conns.close() }
