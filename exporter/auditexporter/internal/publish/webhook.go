package publish

import (
	"context"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/webhook"
)

// hook is a webhook.
type hook struct{ hook *webhook.Hook }

func webhookOf(cfg WebhookConfig) *webhook.Hook {
	return webhook.New(cfg.URL, cfg.Secret, cfg.Timeout)
}

func (*hook) start(context.Context, component.Host, source.Published) error { return nil }

func (h *hook) close() { h.hook.Close() }

// message is the body: text is what chats show, the rest is for programs.
type message struct {
	Text       string `json:"text"`
	ID         string `json:"message_id"`
	Event      string `json:"event"`
	Origin     string `json:"origin"`
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Checkpoint string `json:"checkpoint"`
}

func (h *hook) send(ctx context.Context, c *checkpoint) error {
	m := message{
		ID: c.id, Event: event.Checkpoint, Origin: c.Origin, Size: c.Size,
		Root: c.Root.String(), Checkpoint: string(c.signed),
	}
	m.Text = fmt.Sprintf("audit log %s: %d entries, root %s", webhook.Plain(c.Origin), c.Size, m.Root)
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = h.hook.Post(ctx, c.id, body)
	return err
}
