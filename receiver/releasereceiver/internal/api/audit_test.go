package api

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestReceipt(t *testing.T) {
	a := newAPI(t)
	var status source.Status
	get(t, a, request("GET", "/api/v1/audit", ""), 200, &status)
	resp, body := send(t, a, request("GET", itemPath(1, "/receipt"), ""))
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
	r, err := proof.ParseReceipt(body)
	require.NoError(t, err)
	e, c, err := r.Check(nil, status.Keys)
	require.NoError(t, err)
	require.Equal(t, "tracescrub.denied", e.Kind)
	require.Equal(t, apitest.ID(1), e.Attributes["tracescrub.item.id"])
	require.Equal(t, status.Size, c.Size)
	require.Equal(t, status.Root, c.Root.String())

	refused(t, a, request("GET", itemPath(2, "/receipt"), ""), "no-receipt")
	none := strings.Repeat("0", 32)
	refused(t, a, request("GET", "/api/v1/items/"+none+"/receipt", ""), "no-such-item")
	a.Audit.(*apitest.Log).Tell(none, "tracescrub.expired")
	get(t, a, request("GET", "/api/v1/items/"+none+"/receipt", ""), 200, nil) // the gate has forgotten it, the log has not
	refused(t, a, request("GET", "/api/v1/items/..%2f..%2faudit/receipt", ""), "not-found")

	a.fake().Fail(gate.ErrNotReady)
	get(t, a, request("GET", "/api/v1/audit", ""), 200, nil)
}

func TestNoLog(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Audit = nil })
	refused(t, a, request("GET", "/api/v1/audit", ""), "not-implemented")
	refused(t, a, request("GET", itemPath(1, "/receipt"), ""), "not-implemented")
	refused(t, a, request("GET", "/api/v1/items/"+strings.Repeat("0", 32)+"/receipt", ""), "no-such-item")
}

func TestLogIsAway(t *testing.T) {
	a := newAPI(t)
	a.Audit.(*apitest.Log).Fail(errors.New("open /var/lib/x: no such file"))
	for _, path := range []string{"/api/v1/audit", itemPath(1, "/receipt"), itemPath(2, "/receipt")} {
		r := request("GET", path, "")
		refused(t, a, r, "unavailable")
		_, body := send(t, a, r)
		require.NotContains(t, string(body), "/var/lib")
	}
}
