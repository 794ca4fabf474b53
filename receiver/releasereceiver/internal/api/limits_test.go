package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stopped makes an API whose clock stands still until it is moved.
func stopped(t *testing.T) (*API, func(time.Duration)) {
	t.Helper()
	a := newAPI(t, func(o *Options) {
		o.Config.Limits = Limits{RequestsPerSecond: 1, Burst: 5, FailedLoginsPerMinute: 3, Streams: 10}
	})
	now := time.Now()
	a.now = func() time.Time { return now }
	return a, func(d time.Duration) { now = now.Add(d) }
}

func TestLimitOfPerson(t *testing.T) {
	a, pass := stopped(t)
	for range 5 {
		get(t, a, request("GET", "/api/v1/me", ""), 200, nil)
	}
	resp := refused(t, a, request("GET", "/api/v1/me", ""), "too-many-requests")
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	get(t, a, request("GET", "/api/v1/me", "", "Authorization", bearer(person("bob"))), 200, nil)
	pass(time.Second)
	get(t, a, request("GET", "/api/v1/me", ""), 200, nil)
	refused(t, a, request("GET", "/api/v1/me", ""), "too-many-requests")
}

// TestPageIsNotLimited: a page that is loaded again and again still comes
// whole, and leaves its reader what the API takes.
func TestPageIsNotLimited(t *testing.T) {
	a, _ := stopped(t)
	for range 20 {
		for _, file := range []string{"/", "/assets/app.js"} {
			resp, _ := send(t, a, request("GET", file, ""))
			require.Equal(t, 200, resp.StatusCode)
		}
	}
	get(t, a, request("GET", "/api/v1/me", ""), 200, nil)
}

func TestLimitOfAddress(t *testing.T) {
	a, pass := stopped(t)
	from := func(address string) (status int) {
		r := request("GET", "/nowhere", "", "Authorization", "")
		r.RemoteAddr = address
		resp, _ := send(t, a, r)
		return resp.StatusCode
	}
	for i := range 50 {
		require.Equal(t, 401, from(fmt.Sprintf("192.0.2.1:%d", 1000+i)))
	}
	require.Equal(t, 429, from("192.0.2.1:9"))
	require.Equal(t, 429, from("[::ffff:192.0.2.1]:9"))
	require.Equal(t, 401, from("192.0.2.2:9"))
	pass(100 * time.Millisecond)
	require.Equal(t, 401, from("192.0.2.1:9"))
	require.Equal(t, 429, from("192.0.2.1:9"))
}

func TestAddressOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":           "192.0.2.1",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2:9::9]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":      "fe80::/64",
		"[::1]:80":               "::1",
		"[::ffff:192.0.2.1]:80":  "192.0.2.1",
		"@":                      "@",
	} {
		require.Equal(t, want, addressOf(remote))
	}
}

// After some failures nobody looks at passwords from that address any more.
func TestFailedLogins(t *testing.T) {
	a, pass := stopped(t)
	ext := a.Authenticator.(*extension)
	wrong := func() string {
		r := request("GET", "/api/v1/me", "")
		signIn(r, "alice", false)
		resp, _ := send(t, a, r)
		return fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Retry-After"))
	}
	for range 3 {
		require.Equal(t, "401 ", wrong())
	}
	asked := ext.asked.Load()
	require.Equal(t, "429 20", wrong())
	refused(t, a, request("GET", "/api/v1/me", ""), "too-many-requests")
	require.Equal(t, asked, ext.asked.Load())
	refused(t, a, request("GET", "/api/v1/me", "", "Authorization", ""), "unauthenticated")
	r := request("GET", "/api/v1/me", "")
	r.RemoteAddr = "192.0.2.77:1"
	get(t, a, r, 200, nil)
	pass(20 * time.Second)
	get(t, a, request("GET", "/api/v1/me", ""), 200, nil)
	require.Equal(t, "401 ", wrong())
	require.Equal(t, "429 20", wrong())
}

// Requests without credentials, such as a browser's first, are no failures.
func TestNoCredentialsAreNoFailure(t *testing.T) {
	a, _ := stopped(t)
	for range 10 {
		refused(t, a, request("GET", "/api/v1/me", "", "Authorization", ""), "unauthenticated")
	}
	get(t, a, request("GET", "/api/v1/me", ""), 200, nil)
}

// However many clients come, what is kept of them is bounded, and those who
// have used up theirs are remembered longest.
func TestBucketsBounded(t *testing.T) {
	now := time.Now()
	b := newBuckets(1, 2, func() time.Time { return now })
	b.take("greedy")
	b.take("greedy")
	for i := range maxBuckets - 1 {
		b.take(fmt.Sprint(i))
	}
	now = now.Add(time.Second)
	_, ok := b.take("greedy")
	require.True(t, ok)
	b.take("one more")
	require.Len(t, b.of, 2, "full ones are forgotten")
	_, ok = b.take("greedy")
	require.False(t, ok)
	for i := range 2 * maxBuckets {
		b.take(fmt.Sprint(i))
		require.LessOrEqual(t, len(b.of), maxBuckets)
	}
	_, empty := b.empty("unknown")
	require.False(t, empty)
}

// mute is an auth extension that lets people in without saying who they are.
type mute struct{}

func (mute) Authenticate(ctx context.Context, _ map[string][]string) (context.Context, error) {
	return ctx, nil
}

func TestMuteExtension(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Authenticator = mute{} })
	refused(t, a, request("GET", "/api/v1/me", ""), "no-identity")
}

// TestPreviewsAtOnce: what slow clients have not taken yet is in memory.
func TestPreviewsAtOnce(t *testing.T) {
	a := newAPI(t)
	var m me
	get(t, a, request("GET", "/api/v1/me", ""), 200, &m)
	for range minStreams {
		require.True(t, a.previews.open(m.Identity))
	}
	resp := refused(t, a, request("GET", itemPath(1, "/preview"), ""), "too-many-requests")
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	a.previews.close(m.Identity)
	for range 2 {
		get(t, a, request("GET", itemPath(1, "/preview"), ""), 200, nil)
	}
}
