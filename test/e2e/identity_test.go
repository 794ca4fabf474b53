//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tracescrub/tracescrub/test/idptest"
	"github.com/tracescrub/tracescrub/test/loopback"
)

// identified is the embedded default with an identity provider in the place
// of passwords: senders, approvers with a bearer token, approvers with a browser.
// A second provider is trusted, and has no rights.
func identified(p, other *idptest.Provider, admin string) string {
	return fmt.Sprintf(`
extensions:
  oidc:
    providers:
      - {issuer_url: %[1]q, audience: %[3]s, groups_claim: groups}
      - {issuer_url: %[2]q, audience: %[3]s, groups_claim: groups}
service: {extensions: [health_check, zpages, basicauth/approvers, oidc]}
receivers:
  otlp: {protocols: {grpc: {auth: {authenticator: oidc}}, http: {auth: {authenticator: oidc}}}}
  release_gate:
    http: {endpoint: %[5]q, auth: {authenticator: oidc}}
    login: {issuer: %[1]q, client_id: %[4]s, redirect_url: "http://%[5]s/login/callback", session_duration: 1m}
    limits: {failed_logins_per_minute: 10000}
    permissions:
      - {issuer: %[1]q, groups: [reviewers, approvers], allow: [list, preview, decide]}
      - {issuer: %[1]q, groups: [auditors], allow: [list, audit]}
`, p.URL, other.URL, audience, idptest.ClientID, admin)
}

// startIdentified starts a collector with two identity providers.
func startIdentified(t *testing.T) (c *collector, p, other *idptest.Provider) {
	t.Helper()
	p, other = newIssuer(t), newIssuer(t)
	admin := loopback.Addresses(t, 1)[0]
	c = startHolding(t, t.TempDir(), identified(p, other, admin))
	c.admin = admin
	return c, p, other
}

// as sends b with a token, by one of the transports.
func (c *collector) as(t *testing.T, token string, transport int, b batch) error {
	t.Helper()
	sender := *c
	sender.door.token = token
	return transports[transport].send(t, &sender, b)
}

// notBelieved says whether an answer to a sender is that nobody believes its token.
func notBelieved(err error) bool {
	return err != nil && (status.Code(err) == codes.Unauthenticated || strings.HasPrefix(err.Error(), "status 401"))
}

// TestIdentityOfSenders: telemetry is taken from whom the provider has
// identified, over every transport, and from nobody else.
func TestIdentityOfSenders(t *testing.T) {
	c, p, _ := startIdentified(t)
	v := newVault(71)
	clean := func() batch { return tracesBatch(session(v, 1, true)) }
	if err := c.as(t, "", 0, clean()); !notBelieved(err) {
		t.Errorf("without a token: %v", status.Code(err))
	}
	for i, transport := range transports {
		for name, forged := range p.Forgeries(audience, map[string]any{"sub": "agent"}) {
			t.Run(transport.name+"/"+name, func(t *testing.T) {
				err := c.as(t, forged, i, tracesBatch(session(v, 2, false)))
				if large := len(forged) > 16<<10; err == nil || !large && !notBelieved(err) {
					t.Errorf("accepted, or refused for another reason: %v", status.Code(err))
				}
			})
		}
		if err := c.as(t, tokenOf(p, "agent"), i, clean()); err != nil {
			t.Errorf("%s: the provider's own token: %v", transport.name, err)
		}
	}
	for name, claims := range map[string]map[string]any{
		"clocks a minute apart": {"nbf": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Add(time.Minute).Unix()},
		"several audiences":     {"aud": []string{"another", audience}},
	} {
		claims["sub"] = "agent"
		if claims["aud"] == nil {
			claims["aud"] = audience
		}
		if err := c.as(t, p.Token(claims), 0, clean()); err != nil {
			t.Errorf("%s: %v", name, status.Code(err))
		}
	}
	if strings.Contains(string(c.out(t, "traces")), hexID(2)) {
		t.Error("telemetry of a forger was written")
	}
	rotation(t, c, p, clean)
	c.alive(t)
	v.check(t, c.surfaces(t))
}

// rotation: a new key works without a restart, the old one does not any more,
// and while the provider is away nobody is believed with a key that is not known.
func rotation(t *testing.T, c *collector, p *idptest.Provider, clean func() batch) {
	t.Helper()
	old := tokenOf(p, "agent")
	p.Break("/keys", http.StatusServiceUnavailable)
	p.RotateKey()
	if err := c.as(t, tokenOf(p, "agent"), 0, clean()); !notBelieved(err) {
		t.Errorf("a key that nobody could look up: %v", status.Code(err))
	}
	p.Break("/keys", 0)
	if err := c.as(t, tokenOf(p, "agent"), 0, clean()); err != nil {
		t.Errorf("the new key: %v", status.Code(err))
	}
	if err := c.as(t, old, 0, clean()); !notBelieved(err) {
		t.Errorf("the key that was taken away: %v", status.Code(err))
	}
	c.alive(t)
}

// TestIdentityOfApprovers: what somebody may do is what the groups of their
// own provider's token say; forged tokens say nothing; one person is one vote,
// and none about what they sent themselves.
func TestIdentityOfApprovers(t *testing.T) {
	c, p, other := startIdentified(t)
	a := &admin{c: c, tokens: map[string]string{
		"alice": tokenOf(p, "alice", "reviewers"), "bob": tokenOf(p, "bob", "x", "reviewers"), "carol": tokenOf(p, "carol", "auditors"),
		"dave": tokenOf(p, "dave"), "mallory": tokenOf(other, "alice", "reviewers"),
		"overflow": p.Token(map[string]any{"aud": audience, "sub": "olga", "groups": nil, "hasgroups": true}),
		"alice'":   tokenOf(p, "alice", "reviewers", "more"),
	}}
	a.ready(t)
	v := newVault(72)
	if err := c.as(t, tokenOf(p, "alice"), 0, tracesBatch(session(v, 3, false))); err != nil {
		t.Fatalf("sending: %v", err)
	}
	if err := c.as(t, tokenOf(p, "agent"), 0, tracesBatch(session(v, 4, false))); err != nil {
		t.Fatalf("sending: %v", err)
	}
	a.pending(t, 2)
	own, foreign := a.byTrace(t, hexID(3)), a.byTrace(t, hexID(4))
	if own.ID == "" || foreign.ID == "" {
		t.Fatal("the two traces are not held")
	}
	for name, forged := range p.Forgeries(audience, map[string]any{"sub": "alice", "groups": []string{"reviewers"}}) {
		a.tokens["forger"] = forged
		for _, path := range []string{"/api/v1/items", "/api/v1/items/" + foreign.ID + "/preview"} {
			if status, _ := a.call(t, "forger", http.MethodGet, path, "", ""); status != http.StatusUnauthorized && (len(forged) < 16<<10 || status != http.StatusRequestHeaderFieldsTooLarge) {
				t.Errorf("%s: status %d", name, status)
			}
		}
	}
	for _, tt := range []struct {
		who                    string
		list, preview, receipt int
	}{
		{"alice", 200, 200, 403},
		{"carol", 200, 403, 404}, // there is no decision to have a receipt of
		{"dave", 403, 403, 403},
		{"mallory", 403, 403, 403},  // the same subject and group, of another provider
		{"overflow", 401, 401, 401}, // groups that are elsewhere may take a right away
	} {
		for path, want := range map[string]int{"": tt.list, "/preview": tt.preview, "/receipt": tt.receipt} {
			if status, _ := a.call(t, tt.who, http.MethodGet, "/api/v1/items/"+foreign.ID+path, "", ""); status != want {
				t.Errorf("%s %s: status %d, want %d", tt.who, path, status, want)
			}
		}
	}
	if status, _ := a.call(t, "dave", http.MethodGet, "/api/v1/items", "", ""); status != http.StatusForbidden {
		t.Errorf("somebody without groups lists: status %d", status)
	}
	votes(t, a, p, own, foreign)
	v.check(t, c.surfaces(t))
	c.stop(t)
}

// byTrace returns the item of a trace.
func (a *admin) byTrace(t *testing.T, id string) heldItem {
	t.Helper()
	for _, it := range a.list(t, "") {
		if it.TraceID == id {
			return it
		}
	}
	return heldItem{}
}

func votes(t *testing.T, a *admin, p *idptest.Provider, own, foreign heldItem) {
	t.Helper()
	for _, who := range []string{"alice", "alice'"} {
		if status := a.vote(t, who, own.ID, "approve", "masked"); status != http.StatusForbidden {
			t.Errorf("the sender's own vote: status %d", status)
		}
	}
	for _, who := range []string{"alice", "alice'"} { // two tokens, one person
		if status := a.vote(t, who, foreign.ID, "approve", "masked"); status != http.StatusOK && status != http.StatusConflict {
			t.Errorf("a vote: status %d", status)
		}
	}
	if now := a.get(t, foreign.ID); now.State != "pending" || len(now.Votes) != 1 || now.Votes[0].By != p.URL+" alice" {
		t.Errorf("two votes of one person: %d votes, %s", len(now.Votes), now.State)
	}
	if status := a.vote(t, "carol", foreign.ID, "approve", "masked"); status != http.StatusForbidden {
		t.Errorf("a vote of an auditor: status %d", status)
	}
	a.tokens["bob"] = expiring(p, "bob")
	soon(t, "a token to expire", func() bool {
		status, _ := a.call(t, "bob", http.MethodGet, "/api/v1/me", "", "")
		return status == http.StatusUnauthorized
	})
	a.tokens["bob"] = tokenOf(p, "bob", "reviewers")
	if status := a.vote(t, "bob", foreign.ID, "approve", "masked"); status != http.StatusOK {
		t.Errorf("the second vote: status %d", status)
	}
	a.awaitOut(t, foreign.TraceID)
}

// expiring is a token for a moment.
func expiring(p *idptest.Provider, subject string) string {
	return p.Token(map[string]any{"aud": audience, "sub": subject, "groups": []string{"reviewers"}, "exp": time.Now().Add(2 * time.Second).Unix()})
}

// whoami asks who somebody is.
func whoami(t *testing.T, body []byte) (identity, csrf string) {
	t.Helper()
	var me struct {
		Identity string
		CSRF     string `json:"csrf_token"`
	}
	if err := json.Unmarshal(body, &me); err != nil {
		t.Fatalf("/api/v1/me is no JSON: %v", err)
	}
	return me.Identity, me.CSRF
}
