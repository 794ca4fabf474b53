package publish

import (
	"context"
	"strconv"

	"go.opentelemetry.io/collector/component"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// kafkaSink is a topic that others keep. Records have no key: a topic that is
// compacted, and so would forget all but the last, refuses such.
type kafkaSink struct {
	cfg   KafkaConfig
	topic interface {
		Append(ctx context.Context, value []byte, headers map[string]string) error
		Close()
	}
}

func (k *kafkaSink) start(context.Context, component.Host, source.Published) error {
	topic, err := kafkaclient.OpenTopic(&k.cfg.Config, k.cfg.Topic)
	if err == nil {
		k.topic = topic
	}
	return err
}

func (k *kafkaSink) close() {
	if k.topic != nil {
		k.topic.Close()
	}
}

func (k *kafkaSink) send(ctx context.Context, c *checkpoint) error {
	return k.topic.Append(ctx, c.signed, map[string]string{
		"event": event.Checkpoint, "id": c.id, "origin": c.Origin, "size": strconv.FormatInt(c.Size, 10),
	})
}
