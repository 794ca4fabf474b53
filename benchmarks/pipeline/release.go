package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
	"github.com/tracescrub/tracescrub/internal/release"
)

const (
	// patience is how long something may take before it counts as lost.
	patience = 5 * time.Minute
	// mostIDs is how many items a batch of the API may name.
	mostIDs = 500
)

// call asks the admin API.
func (p *Pipeline) call(ctx context.Context, method, path string, body, answer any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost && !strings.Contains(path, ":batch") {
		req.Header.Set("If-Match", `"1"`) // nobody else decides
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return json.Unmarshal(text, answer)
}

// pending is how many items wait, once the gate knows.
func (p *Pipeline) pending(ctx context.Context) (int, error) {
	var stats struct {
		States map[string]int `json:"states"`
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := p.call(ctx, http.MethodGet, "/api/v1/stats", nil, &stats)
		if err == nil || time.Now().After(end) || !strings.Contains(err.Error(), "503") {
			return stats.States["pending"], err
		}
	}
}

// await waits until as many items are pending.
func (p *Pipeline) await(ctx context.Context, want int) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		n, err := p.pending(ctx)
		switch {
		case err != nil:
			return err
		case n == want:
			return nil
		case n > want || time.Now().After(end):
			return fmt.Errorf("%d items wait for approval, want %d", n, want)
		}
	}
}

// Release holds items, approves them all, and measures from the first request
// to approve to the last arrival. In mode original the secrets must be back in
// their places, else masked.
func (p *Pipeline) Release(ctx context.Context, store, mode string, size, items int, seed uint64) ([]figure.Figure, error) {
	m := newMaker(seed, size)
	all := make([]made, items)
	for i := range all {
		all[i] = m.held()
	}
	before, err := p.pending(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.sendAll(ctx, 64, all, make([]time.Duration, items)); err != nil {
		return nil, err
	}
	if err := p.await(ctx, before+items); err != nil {
		return nil, err
	}
	ids, err := p.newest(ctx, items)
	if err != nil {
		return nil, err
	}
	p.take()
	began := time.Now()
	if err := p.approve(ctx, ids, mode); err != nil {
		return nil, err
	}
	for end := began.Add(patience); p.count() < items; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return nil, fmt.Errorf("%d of %d released items arrived", p.count(), items)
		}
	}
	took := time.Since(began).Seconds()
	if err := p.check(all, mode); err != nil {
		return nil, err
	}
	row, n := fmt.Sprintf("%s, %s", store, mode), float64(items)
	return []figure.Figure{
		{Table: ReleaseTable, Row: row, Col: "items", Unit: "items/s", Value: n / took},
		{Table: ReleaseTable, Row: row, Col: "bytes", Unit: "MB/s", Value: n * float64(size) / 1e6 / took},
	}, nil
}

// newest lists the ids of the items that were held last.
func (p *Pipeline) newest(ctx context.Context, n int) ([]string, error) {
	var ids []string
	for token := ""; len(ids) < n; {
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			Next string `json:"next_page_token"`
		}
		if err := p.call(ctx, http.MethodGet, "/api/v1/items?state=pending&page_size=500&page_token="+token, nil, &page); err != nil {
			return nil, err
		}
		for _, it := range page.Items {
			ids = append(ids, it.ID)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if len(ids) < n {
		return nil, fmt.Errorf("the list has %d items, want %d", len(ids), n)
	}
	return ids[:n], nil
}

// approve votes for items: masked in batches, the original one by one, since
// the API has no batches for it.
func (p *Pipeline) approve(ctx context.Context, ids []string, mode string) error {
	if mode == release.ModeMasked {
		for len(ids) > 0 {
			n := min(mostIDs, len(ids))
			if err := p.approveBatch(ctx, ids[:n]); err != nil {
				return err
			}
			ids = ids[n:]
		}
		return nil
	}
	return stores.Each(8, len(ids), func(i int) error {
		var answer struct{}
		return p.call(ctx, http.MethodPost, "/api/v1/items/"+ids[i]+":approve", map[string]any{"reason": reason, "mode": mode}, &answer)
	})
}

const reason = "measuring"

func (p *Pipeline) approveBatch(ctx context.Context, ids []string) error {
	var answer struct {
		Results []struct {
			Status int `json:"status"`
		} `json:"results"`
	}
	if err := p.call(ctx, http.MethodPost, "/api/v1/items:batchApprove", map[string]any{"ids": ids, "reason": reason}, &answer); err != nil {
		return err
	}
	if len(answer.Results) != len(ids) {
		return fmt.Errorf("%d results for %d items", len(answer.Results), len(ids))
	}
	for _, r := range answer.Results {
		if r.Status != http.StatusOK {
			return fmt.Errorf("an approval was answered with %d", r.Status)
		}
	}
	return nil
}

// check compares what arrived with what was sent. It names positions, not texts.
func (p *Pipeline) check(all []made, mode string) error {
	arrived := p.take()
	for i, a := range all {
		td, ok := arrived[first(a.td).TraceID()]
		switch {
		case !ok:
			return fmt.Errorf("item %d did not arrive", i)
		case td.SpanCount() != spans:
			return fmt.Errorf("item %d arrived with %d spans, want %d", i, td.SpanCount(), spans)
		}
		got := said(td)
		if mode == release.ModeOriginal && got != a.text {
			return fmt.Errorf("item %d arrived, but not as it was", i)
		}
		if mode == release.ModeMasked && (strings.Contains(got, a.secret) || len(got) < len(a.text)/2) {
			return fmt.Errorf("item %d arrived, but not masked", i)
		}
		mark, _ := td.ResourceSpans().At(0).Resource().Attributes().Get(release.AttrMode)
		if mark.Type() != pcommon.ValueTypeStr || mark.Str() != mode {
			return fmt.Errorf("item %d has no mark of its release", i)
		}
	}
	return nil
}
