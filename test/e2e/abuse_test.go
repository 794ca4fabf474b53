//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// peak is the most memory that the collector had so far, in MiB.
func (c *collector) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// bombSize is what a bomb decompresses to. 100 of them are more than the
// memory of most machines.
const bombSize = 1 << 30

// bomb is bombSize bytes in a form that has a thousandth of them or less.
func bomb(t *testing.T, writer func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := writer(&buf)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range bombSize / len(zeros) {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var bombs = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip":    func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) },
	"deflate": func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, zlib.BestSpeed) },
	"zstd":    func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) },
}

// passed sends what is compressed already, under the name of what did that.
type passed string

func (p passed) Do(w io.Writer, b []byte) error { _, err := w.Write(b); return err }
func (p passed) Type() string                   { return string(p) }

// bombed sends a bomb by gRPC.
func (c *collector) bombed(t *testing.T, name string, body []byte) error {
	t.Helper()
	conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(c.door.credentials),
		grpc.WithCompressor(passed(name))) //nolint:staticcheck // those that are not deprecated are registered for all tests
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.Invoke(t.Context(), method("logs"), body, new([]byte), grpc.ForceCodec(raw{}))
}

// TestBombs: what decompresses to a gigabyte is refused at the receiver's
// limit, over every transport; what hides in a value is bounded as well.
// Neither takes the memory that it asks for.
func TestBombs(t *testing.T) {
	c := start(t, t.TempDir())
	mustSend(t, c, logsBatch(makeLogs(newVault(81), 1)))
	before := c.peak(t)
	for name, writer := range bombs {
		body := bomb(t, writer)
		for range 5 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.http+"/v1/logs", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-protobuf")
			req.Header.Set("Content-Encoding", name)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // the server may close while the rest is being sent
			}
			resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode > 499 {
				t.Errorf("http, %s: status %d", name, resp.StatusCode)
			}
		}
		if name == "deflate" {
			continue // no compression of gRPC
		}
		for range 5 {
			if code := status.Code(c.bombed(t, name, body)); code != codes.ResourceExhausted {
				t.Errorf("grpc, %s: %v", name, code)
			}
		}
	}
	if after := c.peak(t); after-before > 600 {
		t.Errorf("bombs of %d MiB made the collector grow from %d MiB to %d MiB", bombSize>>20, before, after)
	}
	hidden(t, c)
	c.alive(t)
	mustSend(t, c, logsBatch(makeLogs(newVault(82), 1)))
}

// hidden sends bombs as values, in base64 and in each other.
func hidden(t *testing.T, c *collector) {
	t.Helper()
	before := c.peak(t)
	zip := func(text string) string {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		_, _ = io.WriteString(w, text) // into memory
		w.Close()
		return base64.StdEncoding.EncodeToString(buf.Bytes())
	}
	nested := zip(strings.Repeat("all work and no play ", 100_000))
	for range 3 {
		nested = zip(strings.Repeat(nested+" , ", 300))
	}
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Body().SetStr("see " + nested)
	list := r.Attributes().PutEmptySlice("all")
	for range 20 {
		list.AppendEmpty().SetStr(nested)
	}
	mustSend(t, c, logsBatch(ld))
	line := lastLine(c.out(t, "logs"))
	if !bytes.Contains(line, []byte("[WITHHELD:size:")) {
		t.Error("what was not looked at is not withheld for its size")
	}
	if bytes.Contains(line, []byte("[WITHHELD:time:")) {
		t.Error("it was time that ran out")
	}
	if after := c.peak(t); after-before > 300 {
		t.Errorf("values of %d bytes made the collector grow from %d MiB to %d MiB", 21*len(nested), before, after)
	}
}

// TestSlowClients: clients that send a part of a request and no more are sent
// away, known or not, and do not keep anybody else from being served.
func TestSlowClients(t *testing.T) {
	c := startHolding(t, t.TempDir(), `
receivers:
  otlp: {protocols: {http: {read_header_timeout: 2s, read_timeout: 4s}}}
  release_gate: {http: {read_header_timeout: 2s, read_timeout: 4s}}`)
	a := newAdmin(t, c)
	const half = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct{ name, address, send string }{
		{"gate, half a header", c.admin, fmt.Sprintf(half, "/api/v1/items")},
		{"gate, no byte", c.admin, ""},
		{"gate, half a body, unknown", c.admin, fmt.Sprintf(half, "/api/v1/items:batchDeny") + "Content-Length: 100\r\n\r\n{"},
		{"gate, half a chunk, unknown", c.admin, fmt.Sprintf(half, "/api/v1/items:batchDeny") + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"},
		{"gate, half a gzip header, unknown", c.admin, fmt.Sprintf(half, "/api/v1/items:batchDeny") + "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f"},
		{"gate, half a body where none belongs", c.admin, strings.Replace(fmt.Sprintf(half, "/"), "POST", "GET", 1) + "Content-Length: 100\r\n\r\n{"},
		{"otlp, half a header", c.http, fmt.Sprintf(half, "/v1/logs")},
		{"otlp, half a body", c.http, fmt.Sprintf(half, "/v1/logs") + "Content-Length: 100\r\n\r\n{"},
		{"otlp, half a gzip header", c.http, fmt.Sprintf(half, "/v1/logs") + "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var conns []net.Conn
			for range 100 {
				conn, err := net.Dial("tcp", tt.address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, tt.send); err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
			}
			if status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items", "", ""); status != http.StatusOK {
				t.Errorf("the gate, meanwhile: status %d", status)
			}
			mustSend(t, c, logsBatch(makeLogs(newVault(83), 1)))
			for _, conn := range conns {
				if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
					t.Fatal("the server keeps the connection")
				}
			}
		})
	}
	c.alive(t)
}

// TestHugeRequests: headers, addresses and bodies beyond any use are refused,
// by status or by closing the connection, and cost next to nothing.
func TestHugeRequests(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	before := c.peak(t)
	ask := func(name, method, path string, body io.Reader, headers http.Header) {
		t.Helper()
		for range 20 {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+c.admin+path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = headers.Clone()
			req.SetBasicAuth("alice", a.passwords["alice"])
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // closed while the rest was being sent
			}
			resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode > 499 {
				t.Errorf("%s: status %d", name, resp.StatusCode)
			}
		}
	}
	many := http.Header{}
	for i := range 20_000 {
		many.Set(fmt.Sprintf("X-%d", i), "a")
	}
	// All that is wrong with the first ones is their size.
	const batch, me = "/api/v1/items:batchDeny", "/api/v1/me"
	ask("one long header", http.MethodGet, me, nil, http.Header{"X-Long": {strings.Repeat("b", 900_000)}})
	ask("a header somewhat too long", http.MethodGet, me, nil, http.Header{"X-Long": {strings.Repeat("b", 80_000)}})
	ask("many headers", http.MethodGet, me, nil, many)
	ask("a long address", http.MethodGet, me+"?q="+strings.Repeat("a", 900_000), nil, http.Header{})
	ask("many parameters", http.MethodGet, "/api/v1/items?"+strings.Repeat("state=pending&", 60_000), nil, http.Header{})
	ask("a long body", http.MethodPost, batch, io.LimitReader(spaces{}, 1<<30), http.Header{})
	ask("deep JSON", http.MethodPost, batch, strings.NewReader(`{"ids":`+strings.Repeat("[", 500_000)), http.Header{})
	if after := c.peak(t); after-before > 200 {
		t.Errorf("the collector grew from %d MiB to %d MiB", before, after)
	}
	if status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items", "", ""); status != http.StatusOK {
		t.Errorf("afterwards: status %d", status)
	}
	c.alive(t)
}

// spaces never ends.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
