package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func vote(name string, i int, verb, body, version string) *http.Request {
	return request("POST", itemPath(i, ":"+verb), body, "If-Match", version, "Authorization", bearer(person(name, "all")))
}

func TestVote(t *testing.T) {
	a := newAPI(t)
	var it gate.Item
	resp := get(t, a, vote("alice", 0, "approve", `{"reason":" test keys "}`, `"1"`), 200, &it)
	require.Equal(t, `"2"`, resp.Header.Get("ETag"))
	require.Equal(t, gate.Pending, it.State)
	require.Equal(t, "test keys", it.Votes[0].Reason)
	require.Equal(t, "masked", it.Votes[0].Mode)
	require.Equal(t, issuer+" alice", it.Votes[0].By)
	get(t, a, vote("bob", 0, "approve", `{"reason":"yes","mode":"original"}`, `"2"`), 200, &it)
	require.Equal(t, gate.Approved, it.State)
	var denied gate.Item
	get(t, a, vote("bob", 1, "deny", `{"reason":"no"}`, `"1"`), 200, &denied)
	require.Equal(t, gate.Denied, denied.State)
	require.Empty(t, denied.Votes[0].Mode)
}

func TestVoteNeedsVersion(t *testing.T) {
	a := newAPI(t)
	r := vote("alice", 0, "approve", `{"reason":"r"}`, "")
	refused(t, a, r, "precondition-required")
	for _, bad := range []string{"1", "*", `W/"1"`, `"1", "2"`, `"0"`, `"x"`, `"99999999999999999999"`, `""`} {
		refused(t, a, vote("alice", 0, "approve", `{"reason":"r"}`, bad), "bad-request")
	}
	r = vote("alice", 0, "approve", `{"reason":"r"}`, `"1"`)
	r.Header.Add("If-Match", `"1"`)
	refused(t, a, r, "bad-request")
}

func TestVoteBodies(t *testing.T) {
	a := newAPI(t)
	for _, tt := range []struct{ verb, body, where string }{
		{"approve", `{}`, "reason"},
		{"approve", `{"reason":null}`, "reason"},
		{"approve", `{"reason":7}`, "reason"},
		{"approve", `{"reason":["r"]}`, "reason"},
		{"approve", `{"reason":" \n "}`, "reason"},
		{"approve", `{"reason":"` + strings.Repeat("é", 1001) + `"}`, "reason"},
		{"approve", `{"reason":"a\u0000b"}`, "reason"},
		{"approve", `{"reason":"a\u001bb"}`, "reason"},
		{"approve", `{"reason":"a\u202eb"}`, "reason"},
		{"approve", `{"reason":"a\ud800b"}`, "reason"},
		{"approve", `{"reason":"r","mode":"raw"}`, "mode"},
		{"approve", `{"reason":"r","mode":null}`, "mode"},
		{"approve", `{"reason":"r","reason":"s"}`, "reason"},
		{"approve", `{"reason":"r","Mode":"masked"}`, "body"},
		{"approve", `{"reason":"r","version":1}`, "body"},
		{"deny", `{"reason":"r","mode":"masked"}`, "body"},
		{"deny", `{"reason":"r"} {}`, "body"},
		{"deny", `{"reason":"r"`, "body"},
		{"deny", `{"reason":`, "reason"},
		{"deny", `{"reason":r}`, "reason"},
		{"deny", `["r"]`, "body"},
		{"deny", `null`, "body"},
		{"deny", `"r"`, "body"},
		{"deny", "{\"reason\":\"a\xffb\"}", "body"},
		{"deny", " ", "body"},
	} {
		t.Run(tt.body, func(t *testing.T) {
			var p struct{ Where string }
			get(t, a, vote("alice", 0, tt.verb, tt.body, `"1"`), 400, &p)
			require.Equal(t, tt.where, p.Where)
		})
	}
	get(t, a, vote("alice", 0, "approve", "{\"reason\":\"two\\nlines \u00e9 \U0001f642\"}", `"1"`), 200, nil)

	resp := refused(t, a, vote("alice", 1, "deny", `{"reason":"`+strings.Repeat("x", maxVoteBody)+`"}`, `"1"`), "body-too-large")
	require.Equal(t, "close", resp.Header.Get("Connection"))
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; ="} {
		r := vote("alice", 1, "deny", `{"reason":"r"}`, `"1"`)
		r.Header.Set("Content-Type", ct)
		refused(t, a, r, "unsupported-media-type")
	}
	r := vote("alice", 1, "deny", `{"reason":"r"}`, `"1"`)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	get(t, a, r, 200, nil)
}

// Of many who vote on what they saw, one is counted and the others learn what is now.
func TestConcurrentVotes(t *testing.T) {
	a := newAPI(t)
	const voters = 32
	var wg sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, voters)
	for i := range voters {
		answers[i] = httptest.NewRecorder()
		verb := []string{"approve", "deny"}[i%2]
		r := vote(fmt.Sprint("voter ", i), 1, verb, `{"reason":"r"}`, `"1"`)
		wg.Go(func() { a.ServeHTTP(answers[i], r) })
	}
	wg.Wait()
	won := 0
	for _, rec := range answers {
		if rec.Code == 200 {
			won++
			continue
		}
		require.Equal(t, 409, rec.Code)
		require.NoError(t, theContract().check("POST", itemPath(1, ":deny"), rec.Result(), rec.Body.Bytes()))
		var p struct {
			State   gate.State
			Version uint64
		}
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &p))
		require.Equal(t, uint64(3), p.Version)
		require.NotEqual(t, gate.Pending, p.State)
	}
	require.Equal(t, 1, won)
}

// A vote whose answer got lost may be repeated; whatever differs is a conflict.
func TestRepeatedVote(t *testing.T) {
	a := newAPI(t)
	body := `{"reason":"test keys"}`
	var first, second gate.Item
	get(t, a, vote("alice", 0, "approve", body, `"1"`), 200, &first)
	resp := get(t, a, vote("alice", 0, "approve", body, `"1"`), 200, &second)
	require.Equal(t, first, second)
	require.Equal(t, `"2"`, resp.Header.Get("ETag"))
	get(t, a, vote("bob", 0, "approve", `{"reason":"yes"}`, `"2"`), 200, nil)
	get(t, a, vote("alice", 0, "approve", body, `"1"`), 200, &second)
	require.Equal(t, gate.Approved, second.State, "the item as it is now")

	for _, r := range []*http.Request{
		vote("carol", 0, "approve", body, `"1"`),
		vote("alice", 0, "deny", body, `"1"`),
		vote("alice", 0, "approve", `{"reason":"another"}`, `"1"`),
		vote("alice", 0, "approve", `{"reason":"test keys","mode":"original"}`, `"1"`),
		vote("alice", 0, "approve", body, etag(second.Version)),
		vote("alice", 0, "approve", body, `"99"`),
	} {
		resp := refused(t, a, r, "conflict")
		require.Equal(t, etag(second.Version), resp.Header.Get("ETag"))
	}
	get(t, a, vote("alice", 1, "deny", body, `"1"`), 200, nil)
	get(t, a, vote("alice", 1, "deny", body, `"1"`), 200, &second)
	require.Equal(t, gate.Denied, second.State)
}

func TestOwnTelemetry(t *testing.T) {
	a := newAPI(t)
	id := strings.Repeat("cd", 16)
	a.fake().Add(gate.Detail{Item: gate.Item{ID: id, State: gate.Pending, Signal: "traces", Severity: "high", RequiredVotes: 1}}, "alice", nil)
	refused(t, a, request("POST", "/api/v1/items/"+id+":approve", `{"reason":"r"}`, "If-Match", `"1"`, "Authorization", bearer(person("alice", "all"))), "vote-refused")
}

func batch(verb, reason string, ids ...string) *http.Request {
	body, err := json.Marshal(map[string]any{"ids": ids, "reason": reason})
	if err != nil {
		panic(err)
	}
	return request("POST", "/api/v1/items:"+verb, string(body))
}

func TestBatch(t *testing.T) {
	a := newAPI(t)
	a.fake().Move(apitest.ID(2), gate.Expired, "expired")
	ids := []string{apitest.ID(1), strings.Repeat("0", 32), apitest.ID(2), apitest.ID(0)}
	var got struct{ Results []result }
	resp := get(t, a, batch("batchApprove", "load test", ids...), 200, &got)
	var status []int
	for i, r := range got.Results {
		require.Equal(t, ids[i], r.ID)
		status = append(status, r.Status)
		if r.Problem != nil {
			require.Equal(t, "urn:uuid:"+resp.Header.Get("X-Request-Id"), r.Problem["instance"])
		}
	}
	require.Equal(t, []int{200, 404, 409, 200}, status)
	require.Equal(t, gate.Approved, got.Results[0].Item.State)
	require.Equal(t, gate.Pending, got.Results[3].Item.State, "it takes two")
	require.Equal(t, "masked", got.Results[3].Item.Votes[0].Mode)

	get(t, a, batch("batchDeny", "live keys", apitest.ID(0), apitest.ID(3)), 200, &got)
	require.Equal(t, 409, got.Results[0].Status, "voted already")
	require.Equal(t, gate.Denied, got.Results[1].Item.State)
}

func TestBatchBodies(t *testing.T) {
	a := newAPI(t)
	many := make([]string, maxBatch+1)
	for i := range many {
		many[i] = apitest.ID(1000 + i)
	}
	for _, tt := range []struct {
		r     *http.Request
		where string
	}{
		{batch("batchDeny", "r"), "ids"},
		{batch("batchDeny", "", apitest.ID(1)), "reason"},
		{batch("batchDeny", "r", apitest.ID(1), apitest.ID(2), apitest.ID(1)), "ids"},
		{batch("batchDeny", "r", "1"), "ids"},
		{batch("batchDeny", "r", many...), "ids"},
		{request("POST", "/api/v1/items:batchApprove", `{"ids":["`+apitest.ID(1)+`"],"reason":"r","mode":"original"}`), "body"},
		{request("POST", "/api/v1/items:batchApprove", `{"ids":"all","reason":"r"}`), "ids"},
		{request("POST", "/api/v1/items:batchApprove", `{"ids":[null],"reason":"r"}`), "ids"},
	} {
		var p struct{ Where string }
		get(t, a, tt.r, 400, &p)
		require.Equal(t, tt.where, p.Where)
	}
	refused(t, a, batch("batchDeny", strings.Repeat("x", maxBatchBody), apitest.ID(1)), "body-too-large")
	var got struct{ Results []result }
	get(t, a, batch("batchDeny", "r", many[:maxBatch]...), 200, &got)
	require.Len(t, got.Results, maxBatch)
}

// A vote that failed with us says so in its result, and not what it was.
func TestBatchTrouble(t *testing.T) {
	a := newAPI(t)
	a.fake().Fail(errors.New("the disk /var/lib/x is full"))
	resp, body := send(t, a, batch("batchDeny", "r", apitest.ID(1)))
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, string(body), `"status":503`)
	require.NotContains(t, string(body), "/var/lib")
}

// A gate that panics spoils one result each, not the process, and says nothing of why.
func TestBatchPanic(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Gate = bad{o.Gate} })
	resp, body := send(t, a, batch("batchDeny", "r", apitest.ID(1), apitest.ID(2)))
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, 2, strings.Count(string(body), `"problem"`))
	require.NotContains(t, string(body), "what is held")
}

// Whoever does not wait for the results does not get the rest done.
func TestBatchGone(t *testing.T) {
	a := newAPI(t)
	r := batch("batchDeny", "r", apitest.ID(1))
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	a.ServeHTTP(discard{}, r.WithContext(ctx))
	var it gate.Item
	get(t, a, request("GET", itemPath(1, ""), ""), 200, &it)
	require.Equal(t, gate.Pending, it.State)
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
