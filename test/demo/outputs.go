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

// await waits until all items of a shipment were written and returns them, in
// the order in which they were sent, as one payload. meanwhile is called
// again and again until then.
func (o *outputs) await(ctx context.Context, c shipment, meanwhile func(context.Context) error) ([]byte, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	parts := newAssembly(c.Signal)
	for {
		missing := o.poll(c.Signal)
		if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
			return nil, missing
		}
		for _, r := range o.have[c.run] {
			if err := parts.add(r); err != nil {
				return nil, fmt.Errorf("reading %s: %w", o.path(c.Signal), err)
			}
		}
		delete(o.have, c.run)
		if len(parts.pieces) >= c.items {
			return parts.payload(c.Payload)
		}
		if err := meanwhile(ctx); err != nil && ctx.Err() == nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			if missing != nil {
				return nil, fmt.Errorf("the telemetry was accepted but there is no %s: "+
					"set TRACESCRUB_DATA to the directory that `make run` was started with", o.path(c.Signal))
			}
			return nil, fmt.Errorf("the telemetry was accepted but %s holds %d of %d items: %w",
				o.path(c.Signal), len(parts.pieces), c.items, ctx.Err())
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
