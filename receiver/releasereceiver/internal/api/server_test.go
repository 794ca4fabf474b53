package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// The Collector's server wraps what the API writes to: deadlines, streams and
// refusals must get through.
func TestBehindConfighttp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		cfg := confighttp.NewDefaultServerConfig()
		cfg.WriteTimeout = time.Second
		made, err := cfg.ToServer(t.Context(), nil, componenttest.NewNopTelemetrySettings(), a, confighttp.WithErrorHandler(a.HandleError))
		require.NoError(t, err)
		c, _ := serve(t, a, func(s *http.Server) { s.Handler, s.WriteTimeout = made.Handler, made.WriteTimeout })

		s := listen(t, c, "")
		s.reset(t)
		m, ok := s.next()
		require.True(t, ok, "the stream outlives the server's write_timeout")
		require.Equal(t, message{comment: "still here"}, m)
		a.fake().Move(apitest.ID(3), gate.Expired, "expired")
		s.item(t)

		deny := func(encoding string, body []byte) *http.Response {
			r := request("POST", itemPath(0, ":deny"), string(body), "If-Match", `"1"`, "Content-Encoding", encoding)
			r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "127.0.0.1:8686"
			resp, err := c.Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, theContract().check("POST", r.URL.Path, resp, answer))
			return resp
		}
		resp := deny("unknown", []byte(`{"reason":"r"}`))
		require.Equal(t, 415, resp.StatusCode)
		resp = deny("gzip", []byte("no gzip"))
		require.Equal(t, 415, resp.StatusCode)
		resp = deny("gzip", zipped(t, bytes.Repeat([]byte{' '}, 1<<20)))
		require.Equal(t, 413, resp.StatusCode, "no more is decompressed than a vote may have")
		resp = deny("gzip", zipped(t, []byte(`{"reason":"r"}`)))
		require.Equal(t, 200, resp.StatusCode)
	})
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}
