package kafka_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// kafka4 are the versions that Apache Kafka 4.0.0 takes of what a store sends;
// the fake broker takes older ones, too.
var kafka4 = map[kmsg.Key][2]int16{
	kmsg.Produce:          {3, 12},
	kmsg.Fetch:            {4, 17},
	kmsg.ListOffsets:      {1, 10},
	kmsg.Metadata:         {0, 13},
	kmsg.SASLHandshake:    {0, 1},
	kmsg.ApiVersions:      {0, 4},
	kmsg.CreateTopics:     {2, 7},
	kmsg.DescribeConfigs:  {1, 4},
	kmsg.SASLAuthenticate: {0, 2},
}

// TestVersions records the version of everything that is sent, in all that a store does.
func TestVersions(t *testing.T) {
	cert, ca := certificate(t)
	b := newBroker(t, secured(cert)...)
	var mu sync.Mutex
	sent := map[kmsg.Key]map[int16]bool{}
	b.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		key := kmsg.Key(req.Key())
		if sent[key] == nil {
			sent[key] = map[int16]bool{}
		}
		sent[key][req.GetVersion()] = true
		if p, ok := req.(*kmsg.ProduceRequest); ok && p.Acks != -1 {
			t.Errorf("written with acks %d, not all", p.Acks)
		}
		return nil, nil, false
	})
	cfg := b.config("")
	cfg.TLS.Enabled, cfg.TLS.CAFile = true, ca
	cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = "SCRAM-SHA-256", bothUser, password
	s := open(t, cfg)
	it := storetest.Item(1, 1000, 10)
	require.NoError(t, s.Put(t.Context(), it))
	_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("x")})
	require.NoError(t, err)
	ref := replay(t, s).refs[it.ID]
	requireItem(t, s, it, ref)
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	_, err = s.Shredded(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.NoError(t, s.Shred(t.Context(), envelope.ID{1}, it.Trace))

	mu.Lock()
	defer mu.Unlock()
	for key, versions := range sent {
		most, ok := kafka4[key]
		require.True(t, ok, "%s is not in the table", key.Name())
		for v := range versions {
			require.True(t, v >= most[0] && v <= most[1], "%s version %d, Kafka 4.0 takes %v", key.Name(), v, most)
		}
	}
	for key := range kafka4 {
		require.NotEmpty(t, sent[key], "%s was never sent: the recorder sees nothing", key.Name())
	}
}
