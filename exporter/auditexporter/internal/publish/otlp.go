package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/webhook"
)

// otlp is a receiver of OTLP/HTTP.
type otlp struct {
	cfg    OTLPConfig
	set    component.TelemetrySettings
	client *http.Client
}

func (o *otlp) start(ctx context.Context, host component.Host, _ source.Published) (err error) {
	o.client, err = newClient(ctx, &o.cfg.HTTP, host, o.set)
	return err
}

func (o *otlp) close() { closeClient(o.client) }

// newClient makes a client that goes where it is sent, and nowhere else.
func newClient(ctx context.Context, cfg *confighttp.ClientConfig, host component.Host, set component.TelemetrySettings) (*http.Client, error) {
	client, err := cfg.ToClient(ctx, host.GetExtensions(), set)
	if err != nil {
		return nil, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, nil
}

func closeClient(c *http.Client) {
	if c != nil {
		c.CloseIdleConnections()
	}
}

// cause leaves addresses out of what went wrong with a request.
func cause(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return errors.New(webhook.Reason(err))
	}
	return err
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

func (o *otlp) send(ctx context.Context, c *checkpoint) error {
	body, err := plogotlp.NewExportRequestFromLogs(o.logs(c)).MarshalProto()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(o.cfg.HTTP.Endpoint, "/")+"/v1/logs", bytes.NewReader(body))
	if err != nil {
		return errors.New("no request can be made of the endpoint") // not err: it has the address
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "tracescrub")
	res, err := o.client.Do(req)
	if err != nil {
		return cause(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return errors.New(webhook.Reason(err))
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the receiver answers %d", res.StatusCode)
	}
	// What is not a response in protobuf is one of JSON, or none: it was taken.
	if r := plogotlp.NewExportResponse(); r.UnmarshalProto(answer) == nil && r.PartialSuccess().RejectedLogRecords() > 0 {
		return errors.New("the receiver rejects the record")
	}
	return nil
}

// logs is an audit event, so that another audit log can have it as an entry:
// then neither can be rewritten alone.
func (o *otlp) logs(c *checkpoint) plog.Logs {
	return event.Source{Resource: o.set.Resource, Component: "audit_log"}.Logs(event.Event{
		Name: event.Checkpoint, At: time.Now(),
		Log: event.Log{Origin: c.Origin, Size: c.Size, Root: c.Root.String(), Note: string(c.signed)},
	})
}
