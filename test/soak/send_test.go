//go:build e2e

package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// senders send at a rate until stop, each request again and again until a
// gateway takes it or give is done, as the SDKs do.
type senders struct {
	w     *world
	token string
	conns []*grpc.ClientConn
	all   sync.WaitGroup
}

// senderCount is how many requests may be under way.
const senderCount = 24

func (w *world) startSenders(give context.Context, stop <-chan time.Time, rate int) *senders {
	w.t.Helper()
	s := &senders{w: w, token: tokenOf(w.issuer, "agent")}
	for _, g := range w.gateways {
		conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(credentials.NewTLS(w.tls)))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = conn.Close() })
		s.conns = append(s.conns, conn)
	}
	ticks := make(chan struct{})
	for range senderCount {
		s.all.Go(func() {
			for range ticks {
				s.send(give)
			}
		})
	}
	s.all.Go(func() {
		defer close(ticks)
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			select { // when all senders are busy, nothing new is made
			case ticks <- struct{}{}:
			case <-stop:
				return
			}
		}
	})
	return s
}

// send sends a request until it is taken.
func (s *senders) send(give context.Context) {
	r, td := s.w.ledger.compose()
	for give.Err() == nil {
		i := rand.IntN(len(s.w.gateways))
		s.w.ledger.mu.Lock()
		r.attempts++
		s.w.ledger.mu.Unlock()
		ctx, cancel := context.WithTimeout(give, 10*time.Second)
		again, err := s.attempt(ctx, i, td)
		cancel()
		s.w.ledger.mu.Lock()
		if err == nil {
			r.taken, r.via = true, s.w.gateways[i].name
		} else {
			s.w.ledger.refused++
		}
		s.w.ledger.mu.Unlock()
		if err == nil {
			return
		}
		if !again {
			s.w.ledger.complain("%s refused a request for good: %v", s.w.gateways[i].name, err)
			return
		}
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
	}
}

// attempt sends to one gateway, by gRPC or HTTP, and says whether a sender
// that abides by OTLP sends again.
func (s *senders) attempt(ctx context.Context, i int, td ptrace.Traces) (again bool, err error) {
	req := ptraceotlp.NewExportRequestFromTraces(td)
	if rand.IntN(3) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
		answer, err := ptraceotlp.NewGRPCClient(s.conns[i]).Export(ctx, req)
		if err == nil && answer.PartialSuccess().RejectedSpans() > 0 {
			return false, fmt.Errorf("%d spans were rejected", answer.PartialSuccess().RejectedSpans())
		}
		switch status.Code(err) {
		case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss, codes.ResourceExhausted:
			return true, err
		}
		return false, err
	}
	body, err := req.MarshalProto()
	if err != nil {
		return false, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.w.gateways[i].http+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	post.Header.Set("Content-Type", "application/x-protobuf")
	post.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := s.w.client.Do(post)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch resp.StatusCode {
	case http.StatusOK:
		return true, err
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, fmt.Errorf("status %d", resp.StatusCode)
	}
	if s.w.ledger.leaks(answer) {
		s.w.ledger.complain("a secret is in an answer to a sender")
	}
	return false, fmt.Errorf("status %d: %q", resp.StatusCode, answer)
}
