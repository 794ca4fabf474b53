package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// outputs reads what the distribution writes: one export per line of OTLP/JSON.
type outputs struct {
	dir  string
	read map[string]int64 // how far each file was read when the demo started or since
	buf  map[string][]byte
	have map[string][]json.RawMessage // resources by run
}

// watch remembers how long the files are, so that only what comes later is read.
func watch(dir string) *outputs {
	o := &outputs{dir: dir, read: map[string]int64{}, buf: map[string][]byte{}, have: map[string][]json.RawMessage{}}
	for _, signal := range []string{"traces", "logs"} {
		if info, err := os.Stat(o.path(signal)); err == nil {
			o.read[signal] = info.Size()
		}
	}
	return o
}

func (o *outputs) path(signal string) string { return filepath.Join(o.dir, signal+".jsonl") }

// await waits until all resources of a shipment were written and returns them as one payload.
func (o *outputs) await(ctx context.Context, c shipment) ([]byte, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := o.poll(c.Signal)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if got := o.have[c.run]; len(got) >= c.nodes {
			member := map[string]string{"traces": "resourceSpans", "logs": "resourceLogs"}[c.Signal]
			return json.Marshal(map[string][]json.RawMessage{member: got})
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return nil, fmt.Errorf("the telemetry was accepted but there is no %s: "+
					"set TRACESCRUB_DATA to the directory that `make run` was started with", o.path(c.Signal))
			}
			return nil, fmt.Errorf("the telemetry was accepted but %s does not hold it: %w", o.path(c.Signal), ctx.Err())
		case <-tick.C:
		}
	}
}

// poll reads the lines that were added to a file.
func (o *outputs) poll(signal string) error {
	f, err := os.Open(o.path(signal))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < o.read[signal] { // rotated
		o.read[signal], o.buf[signal] = 0, nil
	}
	added := make([]byte, info.Size()-o.read[signal])
	n, err := f.ReadAt(added, o.read[signal])
	if n < len(added) {
		return fmt.Errorf("reading %s: %w", o.path(signal), err)
	}
	o.read[signal] += int64(n)
	o.buf[signal] = append(o.buf[signal], added...)
	for {
		line, rest, whole := bytes.Cut(o.buf[signal], []byte("\n"))
		if !whole {
			return nil // the rest of a line comes with the next poll
		}
		o.buf[signal] = rest
		if err := o.line(line); err != nil {
			return fmt.Errorf("reading %s: %w", o.path(signal), err)
		}
	}
}

// line sorts the resources of one export by the run they belong to.
func (o *outputs) line(line []byte) error {
	var export struct {
		ResourceSpans []json.RawMessage `json:"resourceSpans"`
		ResourceLogs  []json.RawMessage `json:"resourceLogs"`
	}
	if err := json.Unmarshal(line, &export); err != nil {
		return fmt.Errorf("a line is no OTLP/JSON: %w", err)
	}
	for _, r := range append(export.ResourceSpans, export.ResourceLogs...) {
		var marked struct {
			Resource struct {
				Attributes []struct {
					Key   string `json:"key"`
					Value struct {
						StringValue string `json:"stringValue"`
					} `json:"value"`
				} `json:"attributes"`
			} `json:"resource"`
		}
		if err := json.Unmarshal(r, &marked); err != nil {
			return fmt.Errorf("a resource is no OTLP/JSON: %w", err)
		}
		for _, a := range marked.Resource.Attributes {
			if a.Key == runKey {
				o.have[a.Value.StringValue] = append(o.have[a.Value.StringValue], r)
			}
		}
	}
	return nil
}
